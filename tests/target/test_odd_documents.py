"""A document in another form, of each kind: the target asks again, or has one clear error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.commands import forked
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org, Run

JOB = {"state": "Open", "object": "Account", "operation": "insert"}
ID = "750000000000001AAA"
BULK1 = {"api_type": "BULK"}
MANY = "9" * 5_000

# By the kind of document: the path, the odd document, what is named, and the settings.
ODD: dict[str, tuple[str, Any, str, dict[str, Any]]] = {
    "describe": ("*/Account/describe", {"name": "Account", "fields": [5]}, "`$.fields[0]`", {}),
    "new job": ("*/jobs/ingest", JOB | {"id": "../../x"}, "`$.id`", {}),
    "job": ("GET */jobs/ingest/750*", json.dumps(JOB | {"id": 5}), "`$.id`", {}),
    "huge job": ("GET */jobs/ingest/750*", f'{{"id": "{ID}", "n": {MANY}}}', "of digits", {}),
    "new job of Bulk API 1.0": ("*/async/*/job", "<jobInfo><id>x</id></jobInfo>", "`$.id`", BULK1),
    "batches": ("*/async/*/batch", {"batchInfo": [{"id": 5}]}, "", BULK1),
}
SENT = [
    schema("Account", "Name"),
    *(record("Account", Name=f"Account {number}") for number in range(3)),
    state(at=3),
]


def load(org: Org, **settings: Any) -> Run:
    """As `Org.load`, but nobody waits for the pauses between attempts."""
    config = str(org.config(operation="insert", **settings))
    done = forked("target-sfbulk").run_line(
        org.folder, ["--config", config], stdin=as_lines(SENT), hurried=True
    )
    return org.run_of(done)


@pytest.mark.parametrize("kind", ODD)
def test_a_document_that_stays_odd_is_one_clear_error_and_no_state_is_ahead(
    org: Org, kind: str
) -> None:
    path, body, said, given = ODD[kind]
    fault: dict[str, Any] = {"kind": "answer", "status": 200, "body": body, "times": None}
    method, _, place = path.rpartition(" ")
    fault |= {"path": place, **({"method": method} if method else {})}
    org.sandbox.control.add_fault(**fault)
    ended = load(org, **given)
    assert ended.code == 1, ended.log
    assert "Traceback" not in ended.log, ended.log
    errors = [line for line in ended.log.splitlines() if "| ERROR " in line]
    assert any(said in line for line in errors), ended.log
    assert ended.stdout == ""
    # The next run, without the fault, loads each row once.
    org.sandbox.control.clear_faults()
    again = load(org, **given)
    assert again.code == 0, again.log
    assert json.loads(again.stdout) == {"at": 3}
    names = sorted(row["Name"] for row in org.query("SELECT Name FROM Account"))
    assert names == ["Account 0", "Account 1", "Account 2"]
