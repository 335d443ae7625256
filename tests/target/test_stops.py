"""Runs that a signal ends anywhere, and the run after: the org has each row of the source once."""

from __future__ import annotations

import itertools
import json
from itertools import count
from signal import SIGTERM
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.commands import Command
from tests.faults.kills import Kill
from tests.target.support import as_lines, record, schema, state
from tests.target.test_signals import release_when_closed, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.commands import Ended
    from tests.target.support import Org

ROWS = 60
REFUSED = 31
"""The row without a name, which Salesforce refuses, or without a record to update or delete."""
SETTINGS: dict[str, dict[str, Any]] = {
    "insert": {"operation": "insert"},
    "upsert": {"external_id": "Ext_Id__c"},
    "update": {"operation": "update", "external_id": "Ext_Id__c"},
    "delete": {"operation": "delete", "external_id": "Ext_Id__c"},
    "mirror": {"operation": "mirror", "external_id": "Ext_Id__c", "delete_cap": "100%"},
}
OLD = {
    "update": [f"A-{number}" for number in range(1, ROWS + 1) if number != REFUSED],
    "delete": [f"A-{number}" for number in range(1, ROWS + 1) if number != REFUSED],
    # These are in no version of the source.
    "mirror": [f"B-{number}" for number in range(20)],
}
"""The keys that the org has before."""


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with Command("target-sfbulk") as command:
        yield command


class Source:
    """A table that is loaded from the record after the last STATE; each STATE is a number."""

    def __init__(self, org: Org, command: Command, operation: str) -> None:
        self.org = org
        self.done = 0
        self._operation = operation
        self._command = command
        org.sandbox.control.reset()
        if old := OLD.get(operation):
            rows = [record("Account", Ext_Id__c=key, Name="Old") for key in old]
            fields = schema("Account", "Ext_Id__c", "Name")
            assert org.load(fields, *rows, external_id="Ext_Id__c").code == 0
        for path in sorted((org.folder / "output").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self._config = org.config(**SETTINGS[operation], batch_size_rows=8, max_rejects="5")

    def run(self, kill: Kill | None = None) -> Ended:
        ended = self._command.run_line(
            self.org.folder,
            ["--config", str(self._config)],
            stdin=as_lines(self._messages()),
            kill=kill,
            hurried=True,
        )
        self.done = max([self.done, *(json.loads(line)["done"] for line in ended.messages)])
        return ended

    def judge(self, log: str) -> None:
        """Check the org and the rejects by what the source has."""
        rows = self.org.query("SELECT Ext_Id__c, Name FROM Account")
        numbers = [] if self._operation == "delete" else range(1, ROWS + 1)
        wanted = [f"A-{n} Row {n}" for n in numbers if n != REFUSED]
        found = [f"{row['Ext_Id__c']} {row['Name']}" for row in rows]
        assert sorted(found) == sorted(wanted), log
        path = self.org.folder / "output" / "Account.rejects.jsonl"
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert [line["record"]["Ext_Id__c"] for line in lines] == [f"A-{REFUSED}"], log
        assert [job for job in self.org.jobs() if job["state"] == "Open"] == []

    def _messages(self) -> Iterator[dict[str, Any]]:
        names = ["Ext_Id__c"] if self._operation == "delete" else ["Ext_Id__c", "Name"]
        yield schema("Account", *names)
        for number in range(self.done + 1, ROWS + 1):
            name = None if number == REFUSED else f"Row {number}"
            row = {"Ext_Id__c": f"A-{number}", "Name": name}
            yield {**record("Account", **{key: row[key] for key in names}), "version": 1}
            if number % 5 == 0 and number < ROWS:
                yield state(done=number)
        # A tap whose STATE has the whole version begins another one, which is not of this test.
        if self.done < ROWS:
            yield {"type": "ACTIVATE_VERSION", "stream": "Account", "version": 1}
        yield state(done=ROWS)


@pytest.mark.parametrize("uncovered", [0, 3, 10])
def test_without_a_journal_a_stop_drops_the_new_records_that_no_state_covers(
    org: Org, uncovered: int
) -> None:
    settings = {"operation": "insert", "journal_path": "off"}
    names = [f"Row {number:02d}" for number in range(20)]
    rows = [record("Account", Name=name) for name in names]
    read = [schema("Account", "Name"), *rows[:10], state(done=10), *rows[10 : 10 + uncovered]]
    with org.start(**settings) as process:
        assert process.stdin is not None
        # The log has a line about the last stream, so all lines before it were read by then.
        process.stdin.write(as_lines([*read, schema("Contact", "LastName", "_sdc_x")]))
        process.stdin.flush()
        wait_for(process, "Contact: record fields left out: _sdc_x")
        process.send_signal(SIGTERM)
        # At the end of the input, all records would be loaded.
        process.wait(timeout=30)
        stdout, log = process.communicate(timeout=30)
    assert process.returncode == 1
    assert json.loads(stdout) == {"done": 10}, log.decode()
    left = f" Of {uncovered} records after it, {uncovered} are not sent." if uncovered else ""
    assert f"STATE 1 (line 12 of the input) was the last one written.{left}\n" in log.decode()
    run = org.load(schema("Account", "Name"), *rows[10:], state(done=20), **settings)
    assert run.code == 0, run.log
    found = [row["Name"] for row in org.query("SELECT Name FROM Account ORDER BY Name")]
    assert found == names


def test_a_stop_after_the_last_line_drops_the_new_records_that_no_state_covers(org: Org) -> None:
    covered = [schema("Account", "Name"), record("Account", Name="A"), state(done=1)]
    later = [schema("Contact", "LastName"), *(record("Contact", LastName=name) for name in "BC")]
    org.sandbox.control.hold_jobs()
    with org.start(operation="insert", journal_path="off", max_jobs_in_flight=1) as process:
        assert process.stdin is not None
        process.stdin.write(as_lines([*covered, *later]))
        # Nothing is sent before the input ends; of the two jobs, one has to wait.
        process.stdin.close()
        process.stdin = None
        wait_for(process, "was created for 1 rows")
        process.send_signal(SIGTERM)
        wait_for(process, "SIGTERM: loading the rows read so far")
        release_when_closed(org)
        stdout, log = process.communicate(timeout=10)
    assert process.returncode == 1
    assert json.loads(stdout) == {"done": 1}, log.decode()
    assert "was the last one written. Of 2 records after it, 2 are not sent.\n" in log.decode()
    # The run after sends them, and they are in once.
    assert org.query("SELECT LastName FROM Contact") == []


def test_a_stop_between_two_uploads_drops_the_new_records_that_no_state_covers(
    org: Org, command: Command
) -> None:
    streams = [("Account", "Name"), ("Contact", "LastName"), ("Lead", "LastName")]
    covered, *later = [
        [schema(stream, name, *extra), record(stream, **{name: "A", **extra})]
        for (stream, name), extra in zip(streams, ({}, {}, {"Company": "A"}), strict=True)
    ]
    lines = as_lines([*covered, state(done=1), *itertools.chain(*later)])
    arguments = ["--config", str(org.config(operation="insert", journal_path="off"))]
    whole = command.run_line(org.folder, arguments, stdin=lines, hurried=True)
    assert whole.code == 0, whole.log
    uploads = [at for at, call in enumerate(org.sandbox.requests) if call.method == "PUT"]
    # All three are sent at once, since five may be in flight.
    assert uploads == [uploads[0] + 3 * at for at in range(3)]
    org.sandbox.control.reset()
    kill = Kill(request=uploads[0], answered=True, signum=SIGTERM)
    ended = command.run_line(org.folder, arguments, stdin=lines, hurried=True, kill=kill)
    assert (ended.code, ended.messages) == (1, [b'{"done": 1}']), ended.log
    assert [call.method for call in org.sandbox.requests].count("PUT") == 1
    assert "was the last one written. Of 2 records after it, 2 are not sent.\n" in ended.log


@pytest.mark.parametrize(
    "before",
    [
        # The job is aborted, and was never closed.
        "sfbulk.bulk2.ingest:IngestJob.upload",
        # Whether it was closed is not known.
        "sfbulk.bulk2.ingest:IngestJob.close",
    ],
)
def test_the_rows_of_a_job_that_a_second_signal_interrupts_are_sent_by_the_next_run(
    org: Org, command: Command, before: str
) -> None:
    source = Source(org, command, "insert")
    stopped = source.run(Kill(before=before, call=2, signum=SIGTERM, twice=True))
    assert stopped.reason.startswith("SIGTERM again: stopped at once")
    again = source.run()
    assert again.code == 0, stopped.log + again.log
    source.judge(stopped.log + again.log)


@pytest.mark.parametrize(
    ("operation", "twice", "every"),
    [
        ("insert", False, 19),
        pytest.param("insert", False, 3, marks=pytest.mark.slow),
        pytest.param("insert", True, 4, marks=pytest.mark.slow),
        pytest.param("mirror", False, 13, marks=pytest.mark.slow),
        pytest.param("mirror", True, 14, marks=pytest.mark.slow),
    ],
)
def test_after_a_signal_at_any_use_of_a_file_of_the_output_the_next_run_ends_well(
    org: Org, command: Command, operation: str, *, twice: bool, every: int
) -> None:
    reasons = ("SIGTERM: stopped", "SIGTERM again: stopped at once")
    for use in count(every - 1, every):
        source = Source(org, command, operation)
        stopped = source.run(Kill(file=use, signum=SIGTERM, twice=twice))
        assert "Traceback" not in stopped.log
        # After the end of a run, a signal does not change it any more.
        if stopped.code:
            assert stopped.reason.startswith(reasons), stopped.log
        for report in (org.folder / "output").glob("*.report.json"):
            json.loads(report.read_text("utf-8"))
        again = source.run()
        assert again.code == 0, stopped.log + again.log
        source.judge(stopped.log + again.log)
        if not stopped.code and "SIGTERM" not in stopped.log:
            break
    assert use > every


def test_a_state_leaves_while_the_tap_is_silent_and_the_input_still_open(org: Org) -> None:
    with org.start(operation="insert", batch_wait_limit_seconds=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = [schema("Account", "Name"), record("Account", Name="A"), state(done=1)]
        process.stdin.write(as_lines(lines))
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"done": 1}
        assert process.poll() is None
        assert org.query("SELECT Name FROM Account") == [{"Name": "A"}]
        process.communicate(timeout=30)
        assert process.returncode == 0
