"""Runs one flow against one fault and judges what came of it, by rows read past HTTP."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sfbulk import Salesforce, SalesforceError
from tests.client.scripted import FakeClock
from tests.faults.flows import BEFORE, CSV, Flow, Org
from tests.faults.variants import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox

STATE = "SELECT Ext_Id__c, Name, IsDeleted, Id FROM Account"
SECRETS = ("client_secret", "access_token", "password")


class _Clock(FakeClock):
    """Waits for nothing, and yet tells the time: the sandbox compares it with its own."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)  # noqa: TID251 - see above


class Harness:
    """One sandbox, begun anew for each run."""

    def __init__(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox = sandbox
        self._monkeypatch = monkeypatch
        self._sent = 0

    def run(
        self, flow: Flow, *faults: dict[str, Any], late: bool = False, partly: bool = False
    ) -> SalesforceError | None:
        """Run the flow with faults; the error it ended with, after everything was judged.

        `partly` allows that rows are told of as not in.
        """
        self._begin(flow)
        for fault in faults:
            self.sandbox.control.add_fault(**fault)
        with self._client(flow, late=late) as org:
            try:
                told = flow.run(org)
            except SalesforceError as error:
                self._judge_error(flow, error)
                return error
            finally:
                if late:
                    self._settle()
            self._judge(flow, told, partly=partly)
        return None

    @property
    def struck(self) -> bool:
        """Whether each fault of the last run met a call."""
        return self.not_struck == 0

    @property
    def not_struck(self) -> int:
        """How many faults of the last run met no call."""
        return len(self.sandbox.control.faults)

    @property
    def strikes_left(self) -> int:
        """How often the faults of the last run, each of which has a number, could strike still."""
        return sum(fault.times or 0 for fault in self.sandbox.control.faults)

    def _begin(self, flow: Flow) -> None:
        control = self.sandbox.control
        control.reset()
        control.jobs_at_once()
        control.seed_csv("Account", CSV)
        assert self._rows() == dict(BEFORE)
        flow.prepare(self.sandbox)

    @contextmanager
    def _client(self, flow: Flow, *, late: bool) -> Iterator[Org]:
        ids = {key: record_id for key, _, _, record_id in self._state()}
        with (
            self._monkeypatch.context() as patch,
            Salesforce.from_settings(flow.settings(self.sandbox), clock=_Clock()) as sf,
        ):
            self._count_requests(patch, PATIENCE_SECONDS if late else None)
            yield Org(sf, ids)

    def _count_requests(self, patch: pytest.MonkeyPatch, patience: float | None) -> None:
        self._sent = 0
        send = requests.Session.request
        lock = threading.Lock()

        def counted(session: requests.Session, *args: Any, **options: Any) -> requests.Response:
            with lock:
                self._sent += 1
            if patience is not None:
                options["timeout"] = patience
            return send(session, *args, **options)

        patch.setattr(requests.Session, "request", counted)

    def _settle(self) -> None:
        """Wait until the sandbox has carried out every call, also those nobody waits for."""
        waiting = threading.Event()
        for _ in range(500):
            if len(self.sandbox.requests) >= self._sent:
                return
            waiting.wait(0.01)
        pytest.fail(f"{self._sent} requests were sent, {len(self.sandbox.requests)} carried out")

    def _judge(self, flow: Flow, told: object, *, partly: bool) -> None:
        if partly and told != flow.told:
            self._judge_partly(flow, told)
            return
        assert told == flow.told
        assert self._rows() == dict(flow.after)

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
        assert all(getattr(self.sandbox, name) not in text for name in SECRETS)
        self._nothing_doubled(flow)

    def _nothing_doubled(self, flow: Flow) -> dict[str, tuple[str, bool]]:
        rows = self._rows()
        for key in {*rows, *BEFORE, *flow.after}:
            possible = (BEFORE.get(key), flow.after.get(key), flow.between.get(key))
            assert rows.get(key) in possible, key
        return rows

    def _rows(self) -> dict[str, tuple[str, bool]]:
        state = self._state()
        keys = Counter(key for key, *_ in state)
        assert [key for key, count in keys.items() if count > 1] == []
        return {key: (name, deleted) for key, name, deleted, _ in state}

    def _state(self) -> list[tuple[str, str, bool, str]]:
        rows = self.sandbox.org.query(STATE, all_rows=True).rows()
        return [(str(k or n), str(n), d == "true", str(i)) for k, n, d, i in rows]
