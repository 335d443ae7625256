"""Runs one flow against one fault and judges what came of it, by rows read past HTTP."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import requests

from sfbulk import Salesforce, SalesforceError
from tests.client.scripted import FakeClock
from tests.faults.flows import BEFORE, Flow, Org
from tests.faults.http_calls import HttpCalls, split
from tests.faults.org_rows import OrgRows
from tests.faults.tally import Outcome
from tests.faults.variants import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from sfbulk_sandbox import Sandbox


class _Clock(FakeClock):
    """Waits for nothing, and yet tells the time: the sandbox compares it with its own."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)  # noqa: TID251 - see above


class Harness:
    """One sandbox, begun anew for each run."""

    def __init__(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox = sandbox
        self._org = OrgRows(sandbox)
        self._monkeypatch = monkeypatch
        self.outcome = Outcome.NOT_STRUCK
        """What became of the last run."""
        self.sent = 0
        """How many requests the last run sent."""
        self._not_refused = 0

    def run(
        self, flow: Flow, *faults: dict[str, Any], late: bool = False, partly: bool = False
    ) -> SalesforceError | None:
        """Run the flow with faults; the error it ended with, after everything was judged.

        `partly` allows that rows are told of as not in.
        """
        self._org.begin()
        flow.prepare(self.sandbox)
        theirs, refused = split(faults)
        for fault in theirs:
            self.sandbox.control.add_fault(**fault)
        calls = HttpCalls(PATIENCE_SECONDS if late else None, refused)
        with self._client(flow, calls) as org:
            told, error = _attempt(flow, org)
            self.sent = calls.sent
            self._not_refused = sum(number >= calls.sent for number in refused)
            if late:
                self._org.settle(calls.given_up)
            if error is not None:
                self._judge_error(flow, error)
            else:
                self._judge(flow, told, partly=partly)
        ended = Outcome.INSIDE if told == flow.told else Outcome.SAID
        self.outcome = ended if self.struck else Outcome.NOT_STRUCK
        return error

    @property
    def struck(self) -> bool:
        """Whether each fault of the last run met a call."""
        return self.not_struck == 0

    @property
    def not_struck(self) -> int:
        """How many faults of the last run met no call."""
        return len(self.sandbox.control.faults) + self._not_refused

    @property
    def strikes_left(self) -> int:
        """How often the faults of the last run, each of which has a number, could strike still."""
        return sum(fault.times or 0 for fault in self.sandbox.control.faults)

    @contextmanager
    def _client(self, flow: Flow, calls: HttpCalls) -> Iterator[Org]:
        ids = self._org.ids()
        with (
            self._monkeypatch.context() as patch,
            Salesforce.from_settings(flow.settings(self.sandbox), clock=_Clock()) as sf,
        ):
            patch.setattr(requests.Session, "request", calls.around(requests.Session.request))
            yield Org(sf, ids)

    def _judge(self, flow: Flow, told: object, *, partly: bool) -> None:
        if partly and told != flow.told:
            self._judge_partly(flow, told)
            return
        assert told == flow.told
        assert self._org.rows() == dict(flow.after)

    def _judge_partly(self, flow: Flow, told: object) -> None:
        """Some rows did not go in: each is in or not as the client tells, and none is in twice."""
        assert isinstance(told, tuple)
        assert isinstance(flow.told, tuple)
        assert sum(told) == sum(flow.told)
        rows = self._nothing_doubled(flow)
        changed = {*rows.items()} ^ {*BEFORE.items()}
        assert len({key for key, _ in changed}) == told[0]

    def _judge_error(self, flow: Flow, error: SalesforceError) -> None:
        text = str(error)
        assert len(text) > 20, text
        self._org.assert_no_secret(text)
        self._nothing_doubled(flow)

    def _nothing_doubled(self, flow: Flow) -> dict[str, tuple[str, bool]]:
        rows = self._org.rows()
        for key in {*rows, *BEFORE, *flow.after}:
            possible = (BEFORE.get(key), flow.after.get(key), flow.between.get(key))
            assert rows.get(key) in possible, key
        return rows


def _attempt(flow: Flow, org: Org) -> tuple[object, SalesforceError | None]:
    """What the client said, or the error with which it ended."""
    try:
        return flow.run(org), None
    except SalesforceError as error:
        return None, error
