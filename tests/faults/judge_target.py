"""Runs the target's command against faults and judges what came of it, by rows read past HTTP."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.client.sign_in_settings import client_credentials
from tests.e2e.commands import write_json
from tests.faults.flows import BEFORE
from tests.faults.org_rows import OrgRows
from tests.faults.strikes import Strikes
from tests.faults.tally import Outcome
from tests.faults.variants import PATIENCE_SECONDS
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Command, Ended
    from tests.faults.flows import Rows
    from tests.faults.flows_target import Sent, TargetFlow

STATE_EVERY = 2
ANY = "100%"
"""So many rejects are no error."""

Reject = dict[str, Any]


@dataclass
class _Load:
    """One input, over all runs that it takes to load it."""

    flow: TargetFlow
    records: list[Sent]
    at: int = 0
    """The number of records before the last STATE that came out."""
    log: str = ""
    runs: int = 0
    rejects: list[Reject] = field(default_factory=list)


class TargetHarness:
    """One sandbox, put back to its beginning for each run, and the command."""

    def __init__(self, sandbox: Sandbox, command: Command, folder: Path) -> None:
        self.sandbox = sandbox
        self.struck = False
        """Whether each fault of the last run was applied as often as it can be."""
        self.strikes_left = 0
        """How often the faults of the last run could be applied still."""
        self.outcome = Outcome.NOT_STRUCK
        """What became of the last run."""
        self._org = OrgRows(sandbox)
        self._command = command
        self._folder = folder
        self._output = folder / "output"
        self._strikes = Strikes(sandbox)

    def run(
        self,
        flow: TargetFlow,
        *faults: dict[str, Any],
        late: bool = False,
        again: tuple[dict[str, Any], ...] = (),
    ) -> Ended:
        """Load with faults, judge, and if the command failed, load again until it does not.

        Args:
            flow: What is loaded.
            faults: The faults of the first run.
            late: Whether the runs with faults have little patience.
            again: The faults of the second run; a third one has none.
        """
        load = self._begin(flow)
        first = ended = self._run(load, faults, late=late)
        if first.code == 0:
            assert (self._org.rows(), load.rejects) == (flow.after(load.records), []), first.log
            assert load.at == len(load.records)
            assert self.struck or self.sandbox.control.requests_like(path=flow.used)
        elif self._has_unclear(load):
            assert re.search("[Jj]ob 750", load.log), load.log
            self._note_outcome(Outcome.SAID)
            return first
        for more in [again, ()] if again else [()]:
            if ended.code:
                ended = self._run(load, more, late=late and bool(more), max_rejects=ANY)
        assert ended.code == 0, load.log
        self._load_rejects(load)
        self._judge_end(load)
        return first

    def _begin(self, flow: TargetFlow) -> _Load:
        self._org.begin()
        shutil.rmtree(self._output, ignore_errors=True)
        self.struck = True
        return _Load(flow, flow.records(self._org.ids()))

    def _run(
        self,
        load: _Load,
        faults: tuple[dict[str, Any], ...],
        *,
        late: bool = False,
        max_rejects: str = "0",
    ) -> Ended:
        """Load what no STATE covers, and judge this run."""
        self._put_faults(load.flow, *faults)
        if load.runs and not load.flow.has_journal:
            self._lose_the_disk()
        known = len(_rejects(self._output))
        config = write_json(self._folder / "config.json", self._config(load.flow, max_rejects))
        ended = self._command.run_line(
            self._folder,
            ["--config", str(config)],
            stdin=as_lines(_messages(load)),
            patience=PATIENCE_SECONDS if late else None,
            refused=self._strikes.refused,
            hurried=True,
        )
        if late:
            self._org.settle(ended.given_up)
        self._note_strikes(ended)
        load.runs += 1
        load.log += ended.log
        load.at = max(load.at, _last_state(ended))
        load.rejects = [*load.rejects, *_rejects(self._output)[known:]]
        self._judge(load, ended)
        return ended

    def _lose_the_disk(self) -> None:
        """Remove all but what somebody needs to load rejects again."""
        for path in self._output.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif not path.name.endswith(".schema.json"):
                path.unlink()

    def _put_faults(self, flow: TargetFlow, *faults: dict[str, Any]) -> None:
        self._org.give_back()
        self._strikes = Strikes(self.sandbox, (*faults, *flow.faults))

    def _config(self, flow: TargetFlow, max_rejects: str) -> dict[str, Any]:
        return {
            **client_credentials(self.sandbox),
            **flow.settings,
            "output_dir": str(self._output),
            "max_rejects": max_rejects,
        }

    def _note_strikes(self, ended: Ended) -> None:
        self.struck = self.struck and self._strikes.all_struck(ended.sent)
        self.strikes_left = sum(fault.times or 0 for fault in self.sandbox.control.faults)

    def _judge(self, load: _Load, ended: Ended) -> None:
        """Judge the org after one run."""
        rows = self._org.rows()
        _nothing_else(load, rows)
        in_or_refused = _in_or_refused(load, rows)
        assert all(in_or_refused[: load.at]), "STATE is ahead of what is in"
        if len({sent.key for sent in load.records}) == len(load.records):
            out = [it["record"] for it in load.rejects if it["kind"] != "unknown"]
            both = [it.key for it in load.records if it.record in out and _is_in(it, [it], rows)]
            assert both == [], "a reject is in"
        if ended.code:
            assert ended.code == 1
            ended.assert_says_why(self.sandbox.url)
        self._org.assert_no_secret(ended.log)
        assert [sent.key for sent in load.records if sent.row[0] in ended.log] == []

    def _has_unclear(self, load: _Load) -> bool:
        """Whether rows of an insert are in, or may be, that no STATE and no journal knows."""
        if load.flow.is_repeatable or load.flow.has_journal:
            return False
        rows, rejected = self._org.rows(), [reject["record"] for reject in load.rejects]
        rest = load.records[load.at :]
        in_rest = [sent for sent in rest if sent.key in rows and sent.record not in rejected]
        return bool(in_rest) or any(reject["kind"] == "unknown" for reject in load.rejects)

    def _load_rejects(self, load: _Load) -> None:
        """Load the rejects again, as a user would: of no record that has a later version."""
        known = [reject for reject in load.rejects if reject["kind"] != "unknown"]
        if not known or len({sent.key for sent in load.records}) < len(load.records):
            return
        once = {json.dumps(reject["record"]): reject for reject in known}
        file = self._output / "to-load.rejects.jsonl"
        file.write_text("".join(f"{json.dumps(reject)}\n" for reject in once.values()), "utf-8")
        self._put_faults(load.flow)
        arguments = ["--config", str(self._folder / "config.json")]
        arguments += ["--rejects", str(file), "--rejects-run", "all"]
        ended = self._command.run_line(self._folder, arguments, hurried=True)
        assert ended.code == 0, load.log + ended.log
        load.log += ended.log
        new = _rejects(self._output)[len(load.rejects) :]
        assert {reject["code"] for reject in new} <= {load.flow.done_twice}, new
        load.rejects = [reject for reject in load.rejects if reject["kind"] == "unknown"]

    def _judge_end(self, load: _Load) -> None:
        """All is in but what is named as unknown, and versions that Salesforce did not take."""
        rows = self._org.rows()
        _nothing_else(load, rows)
        if not load.rejects:
            assert rows == load.flow.after(load.records), load.log
        assert all(_in_or_refused(load, rows)), load.log
        unknown = any(reject["kind"] == "unknown" for reject in load.rejects)
        if unknown:
            assert re.search("[Jj]ob 750", load.log), load.log
        right = Outcome.INSIDE if load.runs == 1 else Outcome.NEXT
        self._note_outcome(Outcome.SAID if unknown else right)

    def _note_outcome(self, outcome: Outcome) -> None:
        self.outcome = outcome if self.struck else Outcome.NOT_STRUCK


def _messages(load: _Load) -> list[Any]:
    """The input of a run: what no STATE covers, or all of it."""
    fields = list(load.records[0].record)
    first = 0 if load.flow.is_whole else load.at
    messages: list[Any] = [schema("Account", *fields)]
    for number, sent in enumerate(load.records[first:], start=first + 1):
        messages.append({**record("Account", **sent.record), **load.flow.message})
        if number % STATE_EVERY == 0 and not load.flow.is_whole:
            messages.append(state(records=number))
    if load.flow.is_whole:
        messages += [*load.flow.last, state(records=len(load.records))]
    return messages


def _in_or_refused(load: _Load, rows: Rows) -> list[bool]:
    """Of each record: whether its row is in, or the record is in a rejects file."""
    refused = {json.dumps(reject["record"]) for reject in load.rejects}

    def is_refused(at: int) -> bool:
        versions = [one for one in load.records[at:] if one.key == load.records[at].key]
        # The version that was sent in the place of others is refused for all of them.
        those = versions if load.flow.replaces else versions[:1]
        return any(json.dumps(one.record) in refused for one in those)

    return [
        is_refused(at) or _is_in(sent, load.records[at:], rows)
        for at, sent in enumerate(load.records)
    ]


def _nothing_else(load: _Load, rows: Rows) -> None:
    after = load.flow.after(load.records)
    for key in {*rows, *BEFORE, *after}:
        versions = [sent.row for sent in load.records if sent.key == key]
        assert rows.get(key) in (BEFORE.get(key), after.get(key), *versions), key


def _is_in(sent: Sent, sent_later: list[Sent], rows: Rows) -> bool:
    return rows.get(sent.key) in [it.row for it in sent_later if it.key == sent.key]


def _rejects(folder: Path) -> list[Reject]:
    path = folder / "Account.rejects.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _last_state(ended: Ended) -> int:
    """The number of records before the last STATE that came out."""
    numbers = [int(json.loads(line)["records"]) for line in ended.messages]
    assert numbers == sorted(numbers)
    return numbers[-1] if numbers else 0
