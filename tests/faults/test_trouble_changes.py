"""Salesforce's own trouble while the target updates, deletes or mirrors: no record is left out.

Judged by the rows of the org after a run in trouble and the next one, which has the whole input
again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.changes import DATA, abort, close, delete, refused, without_last
from tests.faults.commands import forked
from tests.faults.rewriting import Edit, Rewriting
from tests.target.support import Org, as_lines, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.target.support import Run

pytestmark = pytest.mark.slow

ROWS, OLD = 8, 11
"""Records of the input, and of the org before it: a mirror deletes the rest."""
JOBS = f"{DATA}/jobs/ingest"
FAULTS: dict[str, dict[str, Any]] = {
    "failed after a part": {"kind": "job_failed", "after_rows": 3},
    "aborted after a part": {"kind": "job_aborted", "after_rows": 3},
    "locks pass": {"kind": "row_error", "every": 2, "attempts": 2},
}
DONE = {
    "aborted at the upload": ("PUT", "*/batches", abort),
    "closed at the upload": ("PUT", "*/batches", close),
    "aborted at the close": ("PATCH", f"{JOBS}/750*AA", abort),
    "aborted when it is polled": ("GET", f"{JOBS}/750*AA", abort),
    "deleted before its results are read": ("GET", "*/successfulResults", delete),
}
CHANGED = {
    "results are gone": refused("NOT_FOUND", "The requested resource does not exist", 404),
    "results lack a row": without_last(),
}
OPERATIONS: dict[str, dict[str, Any]] = {
    "update": {"operation": "update", "external_id": "Ext_Id__c"},
    "delete": {"operation": "delete", "external_id": "Ext_Id__c"},
    "mirror": {"operation": "mirror", "external_id": "Ext_Id__c", "delete_cap": OLD},
}


@pytest.fixture(scope="module")
def proxy(running_sandbox: Sandbox) -> Iterator[Rewriting]:
    with Rewriting(running_sandbox) as proxy:
        yield proxy


class Changes:
    """Runs of one operation with the same input."""

    def __init__(self, proxy: Rewriting, folder: Path, operation: str) -> None:
        proxy.edits.clear()
        control = proxy.sandbox.control
        control.reset()
        control.jobs_at_once()
        rows = [f"Old {number},A-{number}" for number in range(OLD)]
        control.seed_csv("Account", "\n".join(["Name,Ext_Id__c", *rows]))
        self._org = Org(proxy.sandbox, folder)
        self._operation = operation
        self._settings = {"instance_url": proxy.url, "max_rejects": "100%"}

    def run(self) -> Run:
        """Load the whole input."""
        rows = [record("Account", **self._record(number)) for number in range(ROWS)]
        messages = [schema("Account", *self._record(0), key="Ext_Id__c"), *rows]
        if self._operation == "mirror":
            messages = [messages[0], *({**row, "version": 1} for row in rows)]
            messages += [{"type": "ACTIVATE_VERSION", "stream": "Account", "version": 1}]
        settings = {**self._settings, **OPERATIONS[self._operation]}
        line = ["--config", str(self._org.config(**settings))]
        stdin = as_lines([*messages, state(done=ROWS)])
        ended = forked("target-sfbulk").run_line(self._org.folder, line, stdin=stdin, hurried=True)
        assert "Traceback" not in ended.log, ended.log
        assert "Unexpected" not in ended.log, ended.log
        return self._org.run_of(ended)

    def open_keys(self) -> set[str]:
        """The keys of the rows that are not as they should be."""
        soql = "SELECT Ext_Id__c, Name, IsDeleted FROM Account"
        found = {
            str(key): (str(name), gone == "true")
            for key, name, gone in self._org.sandbox.org.query(soql, all_rows=True).rows()
        }
        assert len(found) == OLD
        return {key for key, row in found.items() if row != self._wanted(int(key[2:]))}

    def rejected(self, run: Run) -> set[str]:
        """The keys in the rejects file."""
        if not (run.output / "Account.rejects.jsonl").exists():
            return set()
        return {each["record"]["Ext_Id__c"] for each in run.rejects("Account")}

    def _record(self, number: int) -> dict[str, str]:
        key = {"Ext_Id__c": f"A-{number}"}
        return key if self._operation == "delete" else {**key, "Name": f"New {number}"}

    def _wanted(self, number: int) -> tuple[str, bool]:
        is_sent = number < ROWS
        is_gone = self._operation == ("delete" if is_sent else "mirror")
        is_new = is_sent and self._operation != "delete"
        return (f"{'New' if is_new else 'Old'} {number}", is_gone)


@pytest.mark.parametrize("trouble", [*FAULTS, *DONE, *CHANGED])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_change_in_trouble_is_in_the_org_or_in_the_rejects_file_or_comes_with_the_next_run(
    proxy: Rewriting, tmp_path: Path, operation: str, trouble: str
) -> None:
    changes = Changes(proxy, tmp_path, operation)
    control = proxy.sandbox.control
    edits: list[Edit] = []
    if trouble in FAULTS:
        control.add_fault(**FAULTS[trouble])
    elif trouble in DONE:
        method, path, does = DONE[trouble]
        edits = [Edit(method, path, before=lambda path: does(proxy.sandbox, path))]
    else:
        edits = [Edit("GET", "*/successfulResults", CHANGED[trouble], times=None)]
    proxy.edits.extend(edits)
    run = changes.run()
    assert all(edit.struck for edit in edits)
    assert control.faults == [] or trouble == "locks pass"
    left = changes.open_keys()
    # Of the rows that a mirror deletes there is no record.
    told = changes.rejected(run) | {f"A-{number}" for number in range(ROWS, OLD)}
    assert run.code in (0, 1)
    if run.states:
        assert left <= told, run.log
    if run.code == 0 and not changes.rejected(run):
        assert left == set(), run.log
    proxy.edits.clear()
    control.clear_faults()
    after = changes.run()
    assert changes.open_keys() <= changes.rejected(after), after.log
