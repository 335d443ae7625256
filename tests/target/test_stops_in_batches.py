"""Runs that a signal ends within the file of a BATCH message, and the run after."""

from __future__ import annotations

import json
from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.faults.commands import forked
from tests.faults.kills import Kill
from tests.target.support import as_lines, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.commands import Ended
    from tests.target.support import Org

BATCHES, ROWS = 3, 20
"""How many BATCH messages there are, and the rows of each; it has two files."""
REFUSED = (2, 7)
"""The row without a name, which Salesforce refuses."""
SETTINGS: dict[str, dict[str, Any]] = {
    "insert": {"operation": "insert"},
    "upsert": {"external_id": "Ext_Id__c"},
}
NEXT_RECORD = "target_sfbulk.target:TargetSfbulk._process_batch_record"
WITHIN_A_RECORD = "target_sfbulk.stream:StreamLoad.buffer"


class Source:
    """BATCH messages of which a run gets those after the last STATE, as a tap would send them."""

    def __init__(
        self, org: Org, operation: str, form: str, *, scheme: str = "file", **settings: Any
    ) -> None:
        self.org = org
        self.done = 0
        self._operation, self._form, self._scheme = operation, form, scheme
        org.sandbox.control.reset()
        for path in sorted((org.folder / "output").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self._config = org.config(**SETTINGS[operation], **{"max_rejects": 1, **settings})

    def run(self, kill: Kill | None = None) -> Ended:
        messages = [schema("Account", *self._record(0, 0))]
        for batch in range(self.done, BATCHES):
            urls = [f"{self._scheme}://{self._file(batch, part)}" for part in range(2)]
            form = {"encoding": {"format": self._form}, "manifest": urls}
            messages += [{"type": "BATCH", "stream": "Account", **form}, state(done=batch + 1)]
        words = ["--config", str(self._config)]
        ended = forked("target-sfbulk").run_line(
            self.org.folder, words, stdin=as_lines(messages), kill=kill, hurried=True
        )
        self.done = max([self.done, *(json.loads(line)["done"] for line in ended.messages)])
        return ended

    def judge(self, log: str) -> None:
        every = [(batch, row) for batch in range(BATCHES) for row in range(ROWS)]
        wanted = [f"Row {batch}-{row}" for batch, row in every if (batch, row) != REFUSED]
        found = self.org.query("SELECT Name FROM Account")
        assert sorted(row["Name"] for row in found) == sorted(wanted), log
        lines = (self.org.folder / "output" / "Account.rejects.jsonl").read_text().splitlines()
        assert [json.loads(line)["record"]["Site"] for line in lines] == ["2-7"], log
        assert [job for job in self.org.jobs() if job["state"] == "Open"] == []

    def _record(self, batch: int, row: int) -> dict[str, Any]:
        name = None if (batch, row) == REFUSED else f"Row {batch}-{row}"
        record = {"Site": f"{batch}-{row}", "Name": name}
        # It is unique: an insert that has it could make no row twice.
        return record if self._operation == "insert" else {**record, "Ext_Id__c": f"{batch}-{row}"}

    def _file(self, batch: int, part: int) -> Path:
        path = self.org.folder / f"{batch}-{part}.{self._form}"
        half = ROWS // 2
        records = [self._record(batch, row) for row in range(part * half, (part + 1) * half)]
        if self._form == "parquet":
            # No query of Polars: it would start threads, which a forked process does not have.
            pl.DataFrame(records).write_parquet(path)
        else:
            path.write_text("".join(f"{json.dumps(record)}\n" for record in records), "utf-8")
        return path


@pytest.mark.parametrize(
    ("operation", "form", "every"),
    [
        ("insert", "parquet", 29),
        *(
            pytest.param(operation, form, 11, marks=pytest.mark.slow)
            for operation in SETTINGS
            for form in ("jsonl", "parquet")
        ),
    ],
)
def test_a_stop_within_a_file_loads_each_of_its_rows_once_in_the_end(
    org: Org, operation: str, form: str, every: int
) -> None:
    for before in (NEXT_RECORD, WITHIN_A_RECORD):
        for call in range(every - 1, BATCHES * ROWS, every):
            source = Source(org, operation, form, batch_size_rows=7)
            stopped = source.run(Kill(before=before, call=call, signum=SIGTERM))
            assert stopped.code == 1
            assert stopped.reason.startswith("SIGTERM: stopped. "), stopped.log
            # What stands before the BATCH message is loaded and known.
            assert source.done == call // ROWS, stopped.log
            again = source.run()
            assert again.code == 0, again.log
            source.judge(stopped.log + again.log)


@pytest.mark.slow
@pytest.mark.parametrize("operation", SETTINGS)
@pytest.mark.parametrize("signum", [SIGTERM, SIGKILL])
def test_a_signal_around_a_request_within_a_file_loads_each_row_once_in_the_end(
    org: Org, operation: str, signum: int
) -> None:
    sent = Source(org, operation, "jsonl", batch_size_rows=7).run().sent
    struck = 0
    for request in range(2, sent, 5):
        source = Source(org, operation, "jsonl", batch_size_rows=7)
        kill = Kill(request=request, answered=request % 2 == 0, signum=signum)
        ended = source.run(kill)
        struck += ended.code != 0
        again = source.run()
        assert again.code == 0, again.log
        source.judge(ended.log + again.log)
    assert struck >= sent // 5 - 2


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_without_a_journal_a_stop_within_a_file_drops_its_new_records(org: Org, form: str) -> None:
    source = Source(org, "insert", form, journal_path="off")
    stopped = source.run(Kill(before=NEXT_RECORD, call=ROWS + 12, signum=SIGTERM))
    assert (stopped.code, source.done) == (1, 1)
    told = "STATE 1 (line 3 of the input) was the last one written. Of 12 records after it, 12 are"
    assert f"{told} not sent." in stopped.reason
    assert len(org.query("SELECT Id FROM Account")) == ROWS
    again = source.run()
    assert again.code == 0, again.log
    source.judge(again.log)


def test_a_copy_of_a_file_that_a_killed_run_has_left_is_removed_by_the_next_one(org: Org) -> None:
    spool = org.folder / "spool"
    spool.mkdir()
    # A scheme of fsspec, for which a file is copied.
    source = Source(org, "insert", "jsonl", scheme="local", spool_dir=str(spool))
    killed = source.run(Kill(before=NEXT_RECORD, call=ROWS + 12))
    assert killed.code == -SIGKILL
    assert [path.name for path in spool.glob("target-sfbulk-*/b*")] == ["batch"]
    again = source.run()
    assert again.code == 0, again.log
    source.judge(again.log)
    assert list(spool.iterdir()) == []
