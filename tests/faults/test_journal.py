"""Loads with a journal that are killed around each request, and then done again by the next run."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from signal import SIGKILL
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sfbulk.load import journal_status
from tests.client.sign_in_settings import client_credentials
from tests.e2e.commands import write_json
from tests.faults.commands import Command
from tests.faults.flows import BEFORE
from tests.faults.flows_target import delete, insert, two_versions, update, upsert
from tests.faults.kills import Kill
from tests.faults.org_rows import OrgRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Ended
    from tests.faults.flows_target import Sent

PROGRAM = "tests.faults.journal_program:main"


@dataclass(frozen=True)
class JournalFlow:
    """One load of a program that is killed, and run again until it comes to its end."""

    operation: str
    records: Callable[[Mapping[str, str]], list[Sent]]
    external_id: str | None = None
    api: str = "2.0"
    quick: bool = False

    def __str__(self) -> str:
        return f"{self.operation} {self.records.__name__} by {self.api}"


OF_EACH = [
    JournalFlow("insert", insert, quick=True),
    JournalFlow("update", update),
    JournalFlow("upsert", upsert, "Ext_Id__c"),
    JournalFlow("upsert", two_versions, "Ext_Id__c"),
    JournalFlow("delete", delete),
]
FLOWS = [*OF_EACH, *(replace(flow, api="1.0") for flow in OF_EACH)]


class JournalHarness:
    """One sandbox and a program with a journal."""

    def __init__(self, sandbox: Sandbox, command: Command, folder: Path) -> None:
        self._sandbox = sandbox
        self._org = OrgRows(sandbox)
        self._command = command
        self._folder = folder
        self._journal = folder / "work" / "journal.sqlite"
        self._sent: list[Sent] = []

    def begin(self, flow: JournalFlow) -> None:
        """Put the org back to how it was, and forget the journal."""
        self._org.begin()
        for path in self._journal.parent.glob("*"):
            path.unlink()
        self._sent = flow.records(self._org.ids())
        order = {
            "settings": client_credentials(self._sandbox),
            "api": flow.api,
            "operation": flow.operation,
            "external_id": flow.external_id,
            "records": [sent.record for sent in self._sent],
            "journal": str(self._journal),
        }
        write_json(self._folder / "order.json", order)

    def run(self, kill: Kill | None = None) -> Ended:
        """Run the program, to its end or until it is killed."""
        order = str(self._folder / "order.json")
        return self._command.run_line(self._folder, [order], kill=kill, hurried=True)

    def judge(self, ended: Ended) -> dict[str, int]:
        """Judge a run that must have come to its end; how many records had which outcome."""
        assert ended.code == 0, ended.log
        counts: dict[str, int] = json.loads(ended.messages[0])
        assert sum(counts.values()) == len(self._sent)
        assert counts.keys() <= {"succeeded", "skipped"}, ended.log
        assert self._org.rows() == {**BEFORE, **{it.key: it.row for it in self._sent}}, ended.log
        assert [job for job in self._jobs() if job["state"] == "Open"] == []
        assert [path for path in self._journal.parent.iterdir() if path.is_dir()] == []
        assert journal_status(self._journal)[1:] == ["The last run left nothing to settle."]
        return counts

    def _jobs(self) -> list[dict[str, Any]]:
        answer = requests.get(
            f"{self._sandbox.url}/services/data/v68.0/jobs/ingest",
            headers={"Authorization": f"Bearer {self._sandbox.access_token}"},
            timeout=30,
        )
        jobs: list[dict[str, Any]] = answer.json()["records"]
        return jobs


@pytest.fixture(scope="module")
def program() -> Iterator[Command]:
    with Command(PROGRAM) as command:
        yield command


@pytest.fixture
def harness(running_sandbox: Sandbox, program: Command, tmp_path: Path) -> JournalHarness:
    return JournalHarness(running_sandbox, program, tmp_path)


def kills(harness: JournalHarness, flow: JournalFlow) -> Iterator[Kill]:
    """Before each request, and after the answer of each."""
    harness.begin(flow)
    whole = harness.run()
    harness.judge(whole)
    for request in range(whole.sent):
        yield Kill(request=request)
        yield Kill(request=request, answered=True)


@pytest.mark.parametrize(
    "flow", [pytest.param(f, marks=[] if f.quick else [pytest.mark.slow]) for f in FLOWS], ids=str
)
def test_a_load_that_is_killed_anywhere_loads_each_record_once(
    harness: JournalHarness, flow: JournalFlow
) -> None:
    skipped = struck = 0
    for kill in [*kills(harness, flow)]:
        harness.begin(flow)
        first = harness.run(kill)
        if first.code != -SIGKILL:
            # It polled less often than the run that counted the requests.
            harness.judge(first)
            continue
        struck += 1
        skipped += harness.judge(harness.run()).get("skipped", 0)
    assert struck > 10
    # Otherwise the last run would have sent everything again.
    assert skipped > 0


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_a_load_that_is_killed_again_and_again_comes_to_its_end(
    harness: JournalHarness, flow: JournalFlow
) -> None:
    chance = random.Random(str(flow))  # noqa: S311 - a repeatable test
    for _ in range(10):
        harness.begin(flow)
        while True:
            kill = Kill(request=chance.randint(2, 20), answered=chance.random() < 0.5)
            ended = harness.run(kill)
            if ended.code != -SIGKILL:
                break
        harness.judge(ended)
