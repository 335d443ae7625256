"""Bulk API 1.0 as a client sees it: documents written out here, calls made with `requests`."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import requests

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
MEDIA_TYPES = {"CSV": "text/csv", "XML": "application/xml", "JSON": "application/json"}
ENDED = {"Completed", "Failed", "NotProcessed"}


class AsyncApi:
    """Calls below /services/async of one version."""

    def __init__(self, sandbox: Sandbox, version: str = "62.0") -> None:
        self.sandbox = sandbox
        self.base = f"{sandbox.url}/services/async/{version}"
        self.session = requests.Session()
        self.session.headers["X-SFDC-Session"] = sandbox.access_token

    def call(
        self, method: str, path: str, body: Any = None, content_type: str | None = None, **more: str
    ) -> requests.Response:
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if content_type:
            headers["Content-Type"] = content_type
        return self.session.request(
            method, self.base + path, data=body, headers=headers, timeout=60
        )

    def get(self, path: str, content_type: str | None = None) -> requests.Response:
        return self.call("GET", path, content_type=content_type)

    def create(self, settings: dict[str, str], **headers: str) -> requests.Response:
        return self.call("POST", "/job", job_info(settings), "application/xml", **headers)

    def job(self, operation: str, sobject: str, content: str = "CSV", **more: str) -> str:
        """Create a job and return its path; `more` are further elements, in their order."""
        settings = {"operation": operation, "object": sobject, **more, "contentType": content}
        answer = self.create(settings)
        assert answer.status_code == 201, answer.text
        return f"/job/{fields(answer)['id']}"

    def add(self, job: str, body: Any, content: str = "CSV", **headers: str) -> str:
        """Add a batch and return its path."""
        answer = self.call("POST", job + "/batch", body, MEDIA_TYPES[content], **headers)
        assert answer.status_code == 201, answer.text
        return f"{job}/batch/{info(answer)['id']}"

    def wait(self, batch: str) -> dict[str, Any]:
        """Poll a batch to its end; each poll is a whole exchange, so no sleep is needed."""
        for _ in range(20_000):
            document = info(self.get(batch))
            if document["state"] in ENDED:
                return document
        raise AssertionError(f"batch {batch} does not end")

    def run(self, job: str, body: Any, content: str = "CSV") -> str:
        """Add a batch, wait until it is Completed and return its path."""
        batch = self.add(job, body, content)
        ended = self.wait(batch)
        assert ended["state"] == "Completed", ended
        return batch

    def failure(self, job: str, body: Any, content: str = "CSV") -> str:
        """Add a batch that fails and return its stateMessage."""
        ended = self.wait(self.add(job, body, content))
        assert ended["state"] == "Failed", ended
        return str(ended["stateMessage"])

    def change(self, job: str, state: str) -> requests.Response:
        return self.call("POST", job, job_info({"state": state}), "application/xml")

    def load(self, operation: str, sobject: str, body: Any, **more: str) -> list[list[str]]:
        """Load one CSV batch and return its result rows."""
        batch = self.run(self.job(operation, sobject, **more), body)
        return rows(self.get(batch + "/result"))[1:]

    def query(self, sobject: str, soql: str) -> list[list[str]]:
        """Return the rows of a CSV query, header first."""
        batch = self.run(self.job("query", sobject), soql)
        (result,) = children(self.get(batch + "/result"))
        return rows(self.get(f"{batch}/result/{result[1]}"))

    def accounts(self, count: int) -> list[str]:
        """Insert accounts named 0, 1, 2... and return their ids."""
        body = "Name\n" + "".join(f"{number:04}\n" for number in range(count))
        return [row[0] for row in self.load("insert", "Account", body)]


def job_info(settings: dict[str, str]) -> bytes:
    root = ET.Element("jobInfo", xmlns=NAMESPACE)
    for name, text in settings.items():
        ET.SubElement(root, name).text = text
    return ET.tostring(root)


def children(answer: requests.Response) -> list[tuple[str, str]]:
    """Return names and texts of an XML answer's elements, all of which have the namespace."""
    return [(_name(child), child.text or "") for child in ET.fromstring(answer.content)]  # noqa: S314 - our own sandbox's answer


def fields(answer: requests.Response) -> dict[str, str]:
    return dict(children(answer))


def info(answer: requests.Response) -> dict[str, Any]:
    """Return a document in whichever notation it came."""
    if answer.headers["Content-Type"] == "application/json":
        document: dict[str, Any] = answer.json()
        return document
    return dict(fields(answer))


def batches(answer: requests.Response) -> list[dict[str, str]]:
    root = ET.fromstring(answer.content)  # noqa: S314 - our own sandbox's answer
    return [{_name(entry): entry.text or "" for entry in batch} for batch in root]


def rows(answer: requests.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.content.decode(), newline="")))


def error(answer: requests.Response) -> tuple[int, str, str]:
    """Return status, code and message of a refusal in either notation."""
    document = info(answer)
    assert list(document) == ["exceptionCode", "exceptionMessage"]
    return answer.status_code, document["exceptionCode"], document["exceptionMessage"]


def _name(element: ET.Element) -> str:
    prefix = f"{{{NAMESPACE}}}"
    assert element.tag.startswith(prefix), element.tag
    return element.tag.removeprefix(prefix)
