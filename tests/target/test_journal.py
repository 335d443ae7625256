"""The target's journal: runs that are killed anywhere, and what the next run does about it."""

from __future__ import annotations

import json
import subprocess
from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.commands import Command
from tests.faults.kills import Kill
from tests.target.support import COMMAND, as_lines, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.commands import Ended
    from tests.target.support import Org

INSERT: dict[str, Any] = {"operation": "insert", "max_job_mb": 0.00003}
NAMES = [f"Row {number}" for number in range(1, 7)]
REFUSED = 3
"""The row without a name, which Salesforce refuses."""


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with Command("target-sfbulk") as command:
        yield command


class Load:
    """Loads rows by the command from the record after the last STATE, killed or not."""

    def __init__(self, org: Org, command: Command) -> None:
        self.org = org
        self.done = 0
        self.sent = 0
        self.log = ""
        self._command = command
        self._config = org.config(**INSERT, max_rejects="1")

    def run(self, kill: Kill | None = None) -> int:
        messages = [schema("Account", "Name", "Site")]
        for number, name in enumerate(NAMES, start=1):
            if number > self.done:
                row = {"Name": None if number == REFUSED else name, "Site": name}
                messages.append(record("Account", **row))
                messages += [state(records=number)] if number % 2 == 0 else []
        arguments = ["--config", str(self._config)]
        ended = self._command.run_line(
            self.org.folder, arguments, stdin=as_lines(messages), kill=kill, hurried=True
        )
        numbers = [json.loads(line)["records"] for line in ended.messages]
        self.done = max([self.done, *numbers])
        self.sent, self.log = ended.sent, ended.log
        return ended.code

    def judge(self) -> None:
        rows = self.org.query("SELECT Name FROM Account ORDER BY Name")
        wanted = [name for at, name in enumerate(NAMES, start=1) if at != REFUSED]
        assert [row["Name"] for row in rows] == wanted, self.log
        path = self.org.folder / "output" / "Account.rejects.jsonl"
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert [line["record"]["Site"] for line in lines] == [NAMES[REFUSED - 1]], self.log
        assert [job["id"] for job in self.org.jobs() if job["state"] == "Open"] == []
        left = [p for p in path.parent.iterdir() if p.is_dir() and p.name != "reports"]
        assert left == []


def forget(org: Org) -> None:
    org.sandbox.control.reset()
    for path in sorted((org.folder / "output").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_an_insert_that_is_killed_around_any_request_makes_no_row_twice_and_writes_each_reject_once(
    org: Org, command: Command, every: int
) -> None:
    whole = Load(org, command)
    assert whole.run() == 0, whole.log
    whole.judge()
    struck = 0
    for request in range(0, whole.sent, every):
        for answered in (False, True):
            forget(org)
            load = Load(org, command)
            struck += load.run(Kill(request=request, answered=answered)) == -SIGKILL
            # The tap sends the records after the last STATE again.
            assert load.run() == 0, load.log
            load.judge()
    assert struck >= whole.sent // every


@pytest.mark.parametrize("answered", [False, True])
def test_an_insert_that_is_asked_to_end_around_a_request_makes_no_row_twice(
    org: Org, command: Command, answered: bool
) -> None:
    whole = Load(org, command)
    assert whole.run() == 0, whole.log
    stopped = 0
    for request in range(0, whole.sent, max(1, whole.sent // 9)):
        forget(org)
        load = Load(org, command)
        assert load.run(Kill(request=request, answered=answered, signum=SIGTERM)) == 1
        stopped += "SIGTERM: stopped." in load.log
        assert load.run() == 0, load.log
        load.judge()
    assert stopped >= 9


def test_a_second_run_is_refused_by_name_and_the_status_shows_the_first(org: Org) -> None:
    config = org.config(**INSERT)
    with org.start_with(config) as first:
        assert first.stdin is not None
        first.stdin.write(as_lines([schema("Account", "Name"), record("Account", Name="A")]))
        first.stdin.flush()
        journal = org.folder / "output" / "journal.sqlite"
        wait_until_used(config, first.pid)
        run = org.load(schema("Account", "Name"), record("Account", Name="B"), **INSERT)
        assert run.code == 1
        assert f"The journal {journal} is in use by process {first.pid} on" in run.reason
        assert "give this run a journal of its own. The setting is journal_path." in run.reason
        assert f"in use by process {first.pid}" in status(config)
        first.communicate()
        assert first.returncode == 0
    assert "no run uses it" in status(config)
    assert [row["Name"] for row in org.query("SELECT Name FROM Account")] == ["A"]


def wait_until_used(config: Path, pid: int) -> None:
    """Ask for the status, which takes a while each time, until it names the run."""
    for _ in range(30):
        if f"in use by process {pid}" in status(config):
            return
    pytest.fail("the run does not use its journal")


def status(config: Path) -> str:
    words = [str(COMMAND), "--config", str(config), "--journal", "status"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def test_a_damaged_journal_is_named_with_what_to_do(org: Org) -> None:
    path = org.folder / "output" / "journal.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"not a journal" * 100)
    run = org.load(schema("Account", "Name"), record("Account", Name="B"), **INSERT)
    assert run.code == 1
    assert f"The journal {path} is damaged" in run.reason
    assert "Move it away" in run.reason
    assert org.jobs_created() == 0


def test_without_a_journal_no_file_of_it_is_made(org: Org) -> None:
    run = org.load(
        schema("Account", "Name"), record("Account", Name="B"), **INSERT, journal_path="off"
    )
    assert run.code == 0
    assert [p.name for p in run.output.iterdir() if p.name.startswith("journal")] == []


def test_results_that_cannot_be_matched_are_read_again_by_the_next_run(org: Org) -> None:
    for key in ("a", "b"):
        org.create("Account", Ext_Id__c=key, Name="Old")
    org.sandbox.control.add_fault(
        kind="answer",
        method="GET",
        path="*/successfulResults",
        status=200,
        headers={"Content-Type": "text/csv"},
        body='"sf__Id","sf__Created",Id,ParentId\n' + "x,false,x,x\n" * 5,
        times=None,
    )
    messages = [
        schema("Account", "Ext_Id__c", "ParentId"),
        record("Account", Ext_Id__c="a", ParentId=None),
        record("Account", Ext_Id__c="b", ParentId="001000000000123AAA"),
        state(done=2),
    ]
    settings = {"operation": "update", "external_id": "Ext_Id__c", "max_rejects": "2"}
    lost = org.load(*messages, **settings)
    assert (lost.code, lost.states) == (1, []), lost.log
    org.sandbox.control.clear_faults()
    before = org.jobs_created()
    run = org.load(*messages, **settings)
    assert (run.code, run.states) == (0, [{"done": 2}]), run.log
    assert "1 are loaded or it has reported them, and 1 others are rejected" in run.log
    assert {reject["kind"] for reject in run.rejects("Account")} == {"rejected"}
    assert run.report("Account")["skipped"] == 2
    assert org.jobs_created() == before


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_a_key_without_a_record_is_rejected_once_though_the_run_is_killed_later(
    org: Org, command: Command, operation: str
) -> None:
    names = ["Ext_Id__c"] if operation == "delete" else ["Ext_Id__c", "Name"]
    # One file has rows with a record and without one, one has only rows without one.
    rows = [{"Ext_Id__c": key, "Name": "New"} for key in ("a", "x", "y", "z", "b", "c")]
    messages = [
        schema("Account", *names),
        *(record("Account", **{name: row[name] for name in names}) for row in rows),
        state(done=6),
    ]
    settings = {"operation": operation, "external_id": "Ext_Id__c", "max_rejects": "3"}
    config = org.config(**settings, batch_size_rows=2, max_jobs_in_flight=1)

    def run(kill: Kill | None = None) -> Ended:
        arguments = ["--config", str(config)]
        return command.run_line(
            org.folder, arguments, stdin=as_lines(messages), kill=kill, hurried=True
        )

    def begin() -> None:
        forget(org)
        for key in ("a", "b", "c"):
            org.create("Account", Ext_Id__c=key, Name="Old")

    begin()
    whole = run()
    assert whole.code == 0, whole.log
    # How often a job is asked for its state is not the same in each run.
    for last in range(whole.sent - 1, 0, -1):
        begin()
        if (code := run(Kill(request=last)).code) == -SIGKILL:
            break
    assert code == -SIGKILL
    again = run()
    assert again.code == 0, again.log
    path = org.folder / "output" / "Account.rejects.jsonl"
    rejects = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [reject["record"]["Ext_Id__c"] for reject in rejects] == ["x", "y", "z"], again.log
    assert {reject["code"] for reject in rejects} == {"NO_SUCH_RECORD"}
    found = [row["Name"] for row in org.query("SELECT Name FROM Account")]
    assert found == ([] if operation == "delete" else ["New"] * 3)


@pytest.mark.parametrize(
    "before",
    [
        # The reject is on the disk, and the journal does not know it.
        "sfbulk.load.journal_file:LoadJournal.reported",
        # It is not written; an equal one of an earlier run is.
        "target_sfbulk.reject_files:RejectFiles.append",
    ],
)
def test_a_reject_is_written_once_though_the_run_is_killed_around_it_and_an_earlier_one_is_equal(
    org: Org, command: Command, before: str
) -> None:
    org.create("Account", Ext_Id__c="a", Name="Old")
    settings = {"operation": "update", "external_id": "Ext_Id__c", "max_rejects": "1"}
    arguments = ["--config", str(org.config(**settings))]
    lines = as_lines(
        [
            schema("Account", "Ext_Id__c", "Name"),
            *(record("Account", Ext_Id__c=key, Name="New") for key in ("a", "x")),
            state(done=2),
        ]
    )

    def run(kill: Kill | None = None) -> Ended:
        return command.run_line(org.folder, arguments, stdin=lines, kill=kill, hurried=True)

    assert run().code == 0
    assert run(Kill(before=before)).code == -SIGKILL
    last = run()
    assert last.code == 0, last.log
    path = org.folder / "output" / "Account.rejects.jsonl"
    rejects = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [reject["record"]["Ext_Id__c"] for reject in rejects] == ["x", "x"], last.log
    assert len({reject["row"] for reject in rejects}) == 2
