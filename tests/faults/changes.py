"""Changes of single answers, for `Edit.change`, and what another user does to a job."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import requests

from tests.faults.rewriting import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk_sandbox import Sandbox

    Change = Callable[[Answer], Answer]

DATA, ASYNC = "/services/data/v68.0", "/services/async/68.0/job"
_NAMESPACE = 'xmlns="http://www.force.com/2009/06/asyncapi/dataload"'


def refused(code: str, message: str = "no luck", status: int = 400) -> Change:
    """An error of REST and Bulk API 2.0 instead."""
    body = json.dumps([{"errorCode": code, "message": message}]).encode()
    return lambda _: Answer(status, body, {"content-type": "application/json"})


def refused_by_bulk1(code: str, message: str = "no luck", status: int = 400) -> Change:
    """An error of Bulk API 1.0 instead."""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><error {_NAMESPACE}><exceptionCode>{code}'
        f"</exceptionCode><exceptionMessage>{message}</exceptionMessage></error>"
    )
    return lambda _: Answer(status, body.encode(), {"content-type": "application/xml"})


def nothing(_: Answer) -> Answer:
    """No content instead."""
    return Answer(204, b"", {})


def values(**changed: Any) -> Change:
    """Other values in its JSON; what is None is left out."""
    return lambda answer: answer.with_json(**changed)


def element(name: str, value: str) -> Change:
    """Another text in each of its XML elements of this name."""
    pattern = re.compile(f"<{name}>.*?</{name}>")
    text = f"<{name}>{value}</{name}>"
    return lambda answer: answer.with_text(lambda body: pattern.sub(text, body))


def lines(change: Callable[[list[str]], list[str]], **headers: str) -> Change:
    """Other lines of its CSV."""

    def edited(answer: Answer) -> Answer:
        changed = answer.with_text(lambda text: "".join(change(text.splitlines(keepends=True))))
        return changed.with_headers(**headers)

    return edited


def without_last(**headers: str) -> Change:
    """Without its last row."""
    return lines(lambda rows: rows[:-1], **headers)


def last_twice(**headers: str) -> Change:
    """With its last row twice."""
    return lines(lambda rows: rows + rows[-1:], **headers)


def only_header(answer: Answer) -> Answer:
    """Without its rows."""
    return lines(lambda rows: rows[:1])(answer)


def abort(sandbox: Sandbox, path: str) -> None:
    """Another user aborts the job of 2.0 that a path names."""
    _change(sandbox, "PATCH", path, {"state": "Aborted"})


def close(sandbox: Sandbox, path: str) -> None:
    """Another process closes it."""
    _change(sandbox, "PATCH", path, {"state": "UploadComplete"})


def delete(sandbox: Sandbox, path: str) -> None:
    """Another user deletes it."""
    _change(sandbox, "DELETE", path, None)


def end_bulk1(state: str) -> Callable[[Sandbox, str], None]:
    """Another user sets the job of 1.0 that a path names to a state."""

    def change(sandbox: Sandbox, path: str) -> None:
        document = f"<jobInfo {_NAMESPACE}><state>{state}</state></jobInfo>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>{document}'
        done = requests.post(
            f"{sandbox.url}{ASYNC}/{_job_id(path)}",
            body,
            headers={"X-SFDC-Session": sandbox.access_token, "Content-Type": "application/xml"},
            timeout=30,
        )
        assert done.ok, done.text

    return change


def _change(sandbox: Sandbox, method: str, path: str, document: Any) -> None:
    kind = re.findall("/jobs/([a-z]+)/", path)[0]
    done = requests.request(
        method,
        f"{sandbox.url}{DATA}/jobs/{kind}/{_job_id(path)}",
        json=document,
        headers={"Authorization": f"Bearer {sandbox.access_token}"},
        timeout=30,
    )
    assert done.ok, done.text


def _job_id(path: str) -> str:
    return str(re.findall("750[0-9A-Za-z]{15}", path)[0])
