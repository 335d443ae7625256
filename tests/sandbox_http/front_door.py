"""The org as a client sees it: calls over a real socket, made with `requests`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

ENDED = {"JobComplete", "Failed", "Aborted"}
# The keys of every document of a job without external id and assignment rule.
SHORT_KEYS = [
    "id",
    "operation",
    "object",
    "createdById",
    "createdDate",
    "systemModstamp",
    "state",
    "concurrencyMode",
    "contentType",
    "apiVersion",
]
FORMAT_KEYS = ["lineEnding", "columnDelimiter"]
# The values of columnDelimiter, and their characters.
DELIMITERS = [
    ("BACKQUOTE", "`"),
    ("CARET", "^"),
    ("COMMA", ","),
    ("PIPE", "|"),
    ("SEMICOLON", ";"),
    ("TAB", "\t"),
]


class Org:
    """What a test does to the org through the front door."""

    def __init__(self, sandbox: Sandbox, version: str = "68.0") -> None:
        self.sandbox = sandbox
        self.base = f"{sandbox.url}/services/data/v{version}"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {sandbox.access_token}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Make a call below the version; a path that begins with /services is taken whole."""
        start = self.sandbox.url if path.startswith("/services") else self.base
        return self.session.request(method, start + path, timeout=60, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def json(self, method: str, path: str, **options: Any) -> Any:
        """Make a call that must go well and return its JSON."""
        answer = self.call(method, path, **options)
        assert answer.ok, answer.text
        return answer.json()

    def wait(self, kind: str, job_id: str) -> Any:
        """Poll a job to its end; each poll is a whole exchange, so no sleep is needed."""
        for _ in range(20_000):
            job = self.json("GET", f"/jobs/{kind}/{job_id}")
            if job["state"] in ENDED:
                return job
        raise AssertionError(f"job {job_id} does not end: {job}")

    def run_query(self, soql: str, **settings: str) -> Any:
        """Run a bulk query to its end and return the job."""
        body = {"operation": "query", "query": soql} | settings
        return self.wait("query", self.json("POST", "/jobs/query", json=body)["id"])

    def open_load(self, sobject: str, operation: str, **settings: str) -> Any:
        """Create an ingest job and return it."""
        body = {"object": sobject, "operation": operation} | settings
        return self.json("POST", "/jobs/ingest", json=body)

    def upload(self, job_id: str, body: Any) -> requests.Response:
        headers = {"Content-Type": "text/csv"}
        return self.call("PUT", f"/jobs/ingest/{job_id}/batches", data=body, headers=headers)

    def close(self, job_id: str) -> requests.Response:
        return self.call("PATCH", f"/jobs/ingest/{job_id}", json={"state": "UploadComplete"})

    def load(self, sobject: str, operation: str, body: bytes, **settings: str) -> Any:
        """Load a CSV to the job's end and return the job."""
        job_id = self.open_load(sobject, operation, **settings)["id"]
        assert self.upload(job_id, body).status_code == 201
        assert self.close(job_id).status_code == 200
        return self.wait("ingest", job_id)

    def results(self, job_id: str, kind: str) -> str:
        answer = self.get(f"/jobs/ingest/{job_id}/{kind}")
        assert answer.status_code == 200, answer.text
        return answer.content.decode()


def faults_of(answer: requests.Response) -> list[tuple[str, str]]:
    """Return code and text of each entry of an error list."""
    return [(entry["errorCode"], entry["message"]) for entry in answer.json()]
