"""Runs the target's command against faults and judges what came of it, by rows read past HTTP."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from tests.client.sign_in_settings import client_credentials
from tests.faults.flows import BEFORE
from tests.faults.org_rows import OrgRows
from tests.faults.variants import PATIENCE_SECONDS
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Command, Ended
    from tests.faults.flows import Rows
    from tests.faults.flows_target import Sent, TargetFlow

STATE_EVERY = 2
Reject = dict[str, Any]


class TargetHarness:
    """One sandbox, put back to its beginning for each run, and the command."""

    def __init__(self, sandbox: Sandbox, command: Command, folder: Path) -> None:
        self.sandbox = sandbox
        self.struck = False
        """Whether each fault of the last run was applied as often as it can be."""
        self.strikes_left = 0
        """How often the faults of the last run could be applied still."""
        self._org = OrgRows(sandbox)
        self._command = command
        self._folder = folder

    def run(self, flow: TargetFlow, *faults: dict[str, Any], late: bool = False) -> Ended:
        """Load with faults, judge, and if the command failed, load again without faults."""
        self._org.begin()
        records = flow.records(self._org.ids())
        for fault in faults:
            self.sandbox.control.add_fault(**fault)
        ended = self._load(flow, records, [], late=late)
        self.struck = not self.sandbox.control.faults
        self.strikes_left = sum(fault.times or 0 for fault in self.sandbox.control.faults)
        rejects = self._judge(flow, records, ended)
        if ended.code:
            self._judge_next_run(flow, records, ended, rejects)
        return ended

    def _load(
        self,
        flow: TargetFlow,
        records: list[Sent],
        first: list[Reject],
        *,
        late: bool = False,
        max_rejects: int = 0,
    ) -> Ended:
        """Run the command with these records, after those of earlier rejects."""
        shutil.rmtree(self._folder / "output", ignore_errors=True)
        config = {
            **client_credentials(self.sandbox),
            **flow.settings,
            "output_dir": str(self._folder / "output"),
            "max_rejects": str(max_rejects),
        }
        fields = list(flow.records(dict.fromkeys(BEFORE, ""))[0].record)
        messages = [
            schema("Account", *fields),
            *(record("Account", **it["record"]) for it in first),
        ]
        for number, sent in enumerate(records, start=1):
            messages.append(record("Account", **sent.record))
            if number % STATE_EVERY == 0:
                messages.append(state(records=number))
        ended = self._command.run(
            self._folder,
            {"config": config},
            stdin=as_lines(messages),
            patience=PATIENCE_SECONDS if late else None,
        )
        if late:
            self._org.settle(ended.sent)
        return ended

    def _judge(self, flow: TargetFlow, records: list[Sent], ended: Ended) -> list[Reject]:
        """Judge one run that began with the org as it was before; its rejects."""
        rows, rejects = self._org.rows(), self._rejects()
        self._nothing_else(records, rows)
        refused = {json.dumps(reject["record"]) for reject in rejects}

        def is_refused(at: int) -> bool:
            versions = [one for one in records[at:] if one.key == records[at].key]
            # The version that was sent in the place of others is refused for all of them.
            those = versions if flow.replaces else versions[:1]
            return any(json.dumps(one.record) in refused for one in those)

        in_or_refused = [
            is_refused(at) or _is_in(sent, records[at:], rows) for at, sent in enumerate(records)
        ]
        assert all(in_or_refused[: _last_state(ended)]), "STATE is ahead of what is in"
        if len({sent.key for sent in records}) == len(records):
            out = [it["record"] for it in rejects if it["kind"] != "unknown"]
            both = [it.key for it in records if it.record in out and _is_in(it, records, rows)]
            assert both == [], "a reject is in"
        if ended.code == 0:
            assert (rows, rejects) == (flow.after(records), [])
            assert _last_state(ended) == len(records)
        else:
            assert ended.code == 1
            self._judge_error(records, ended)
        return rejects

    def _judge_error(self, records: list[Sent], ended: Ended) -> None:
        ended.assert_says_why(self.sandbox.url)
        self._org.assert_no_secret(ended.log)
        assert [sent.key for sent in records if sent.row[0] in ended.log] == []

    def _judge_next_run(
        self, flow: TargetFlow, records: list[Sent], ended: Ended, rejects: list[Reject]
    ) -> None:
        """What was rejected before the last STATE, and all after it: then the right rows are in.

        Not so where rows of an insert are in, or may be, that no STATE covers: then the log names
        the job that the user has to look at before sending them again.
        """
        at = _last_state(ended)
        # A version that was rejected is not sent again over a later one that is in.
        last = {sent.key: sent.record for sent in records[:at]}
        before, rest = [*last.values()], records[at:]
        rejected_before = [reject for reject in rejects if reject["record"] in before]
        if not flow.is_repeatable:
            unclear = self._unclear(rest, rejects)
            if unclear:
                assert re.search("[Jj]ob 750", ended.log), ended.log
                return
        self._org.give_back()
        again = self._load(flow, rest, rejected_before, max_rejects=len(records))
        assert self._org.rows() == flow.after(records), again.log
        assert {reject["code"] for reject in self._rejects()} <= {flow.done_twice}
        assert again.code == 0, again.log

    def _unclear(self, rest: list[Sent], rejects: list[Reject]) -> list[object]:
        """The rows that are in although no STATE says so, and those that may be in."""
        rows, rejected = self._org.rows(), [reject["record"] for reject in rejects]
        unknown = [reject["record"] for reject in rejects if reject["kind"] == "unknown"]
        in_rest = [sent for sent in rest if sent.key in rows and sent.record not in rejected]
        return [*unknown, *in_rest]

    def _nothing_else(self, records: list[Sent], rows: Rows) -> None:
        for key in {*rows, *BEFORE, *(sent.key for sent in records)}:
            versions = [sent.row for sent in records if sent.key == key]
            assert rows.get(key) in (BEFORE.get(key), *versions), key

    def _rejects(self) -> list[Reject]:
        path = self._folder / "output" / "Account.rejects.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _is_in(sent: Sent, sent_later: list[Sent], rows: Rows) -> bool:
    return rows.get(sent.key) in [it.row for it in sent_later if it.key == sent.key]


def _last_state(ended: Ended) -> int:
    """The number of records before the last STATE that came out."""
    numbers = [int(json.loads(line)["records"]) for line in ended.messages]
    assert numbers == sorted(numbers)
    return numbers[-1] if numbers else 0
