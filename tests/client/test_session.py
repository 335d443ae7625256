"""One sign-in for all threads, whatever its outcome; no network."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sfbulk.auth.token import SessionToken
from sfbulk.errors import SalesforceError, SignInError, TransportError
from sfbulk.session import OrgSession

if TYPE_CHECKING:
    from types import TracebackType

OLD, NEW = (SessionToken("https://acme.my.salesforce.com", token) for token in ("old", "new"))
THREADS = 8


class CrowdedLock:
    """A lock that tells when so many threads have come to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came = threading.Semaphore(0)

    def __enter__(self) -> None:
        self._came.release()
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def wait_for_all(self) -> None:
        for _ in range(THREADS):
            assert self._came.acquire(timeout=30)


class Door:
    """A sign-in flow that answers once every thread waits for it."""

    def __init__(self, *outcomes: SessionToken | SalesforceError) -> None:
        self.session = OrgSession(self)
        self.asked: list[SessionToken | None] = []
        self._outcomes = list(outcomes)
        self._crowd = CrowdedLock()

    def __call__(self, stale: SessionToken | None) -> SessionToken:
        self.asked.append(stale)
        if len(self.asked) == 2:
            self._crowd.wait_for_all()
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, SalesforceError):
            raise outcome
        return outcome

    def refuse_all(self) -> list[SessionToken | SalesforceError]:
        """What each of the threads gets that were refused together."""
        assert self.session.token() == OLD
        self.session._lock = self._crowd  # type: ignore[assignment]  # it counts who waits
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(lambda _: self._renewed(), range(THREADS)))

    def _renewed(self) -> SessionToken | SalesforceError:
        try:
            return self.session.renew(OLD)
        except SalesforceError as error:
            return error


def test_threads_refused_together_share_the_new_token() -> None:
    door = Door(OLD, NEW)
    assert door.refuse_all() == [NEW] * THREADS
    assert door.asked == [None, OLD]


def test_threads_refused_together_share_a_permanent_refusal() -> None:
    refusal = SignInError("no")
    door = Door(OLD, refusal)
    assert door.refuse_all() == [refusal] * THREADS
    for ask in (door.session.token, lambda: door.session.renew(OLD)):
        with pytest.raises(SignInError, match="no"):
            ask()
    assert len(door.asked) == 2


def test_threads_that_waited_for_a_lost_answer_do_not_each_try_again() -> None:
    lost = TransportError("lost", ambiguous=True)
    door = Door(OLD, lost, NEW)
    assert door.refuse_all() == [lost] * THREADS
    assert len(door.asked) == 2
    # Who comes later may find the login host again.
    assert door.session.renew(OLD) == NEW
    assert door.session.token() == NEW
