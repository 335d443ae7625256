"""The control plane: what a tester does to the sandbox, in Python and under /sandbox.

Python                              HTTP
`requests`, `requests_like()`       GET /sandbox/requests
`forget_requests()`                 DELETE /sandbox/requests
`reset()`                           POST /sandbox/reset
`seed()`                            POST /sandbox/seed
`seed_csv()`                        POST /sandbox/seed/{object}
`begin_transaction()`               POST /sandbox/transaction/begin
`commit_transaction()`              POST /sandbox/transaction/commit
`end_sessions()`                    POST /sandbox/sessions/end
`end_sessions_after()`              PUT /sandbox/sessions
`rotate_refresh_tokens()`           PUT /sandbox/refresh-token
`register_jwt_key()`                PUT /sandbox/jwt-key
`use_up()`                          PUT /sandbox/limits
`set_app_limit()`                   PUT /sandbox/limits/app
`set_latency()`                     PUT /sandbox/latency
`jobs_at_once()` and its siblings   PUT /sandbox/progress
`release_jobs()`                    POST /sandbox/progress/release
`set_page_rows()`                   PUT /sandbox/pages
`set_behaviour()`                   PUT /sandbox/behaviour
`behaviour`                         GET /sandbox/behaviour
`add_fault()`, `faults`, ...        POST, GET, DELETE /sandbox/faults
"""

from __future__ import annotations

import threading
from collections import deque
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.control.add_rows import RowAdder
from sfbulk_sandbox.faults.errors import LoadError
from sfbulk_sandbox.faults.kinds import UsedUp, parse_fault
from sfbulk_sandbox.limits import check_remaining

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sfbulk_sandbox.behaviour import Behaviour
    from sfbulk_sandbox.faults.fault_script import Script
    from sfbulk_sandbox.faults.kinds import ScriptedFault
    from sfbulk_sandbox.faults.progress import Progress
    from sfbulk_sandbox.http.recorder import Latency, RecordedRequest
    from sfbulk_sandbox.limits import Paging, Usage
    from sfbulk_sandbox.org.long_transaction import LongTransaction
    from sfbulk_sandbox.sign_in.sessions import SignInState


_MOST_REQUESTS = 100_000


class Control:
    """The verbs. Safe to use from several threads.

    Args:
        script: The faults to come.
        access: What opens the org's door.
        usage: What was used of the limits.
        progress: When jobs are worked on.
        paging: How many rows a page of results has.
        latency: How long answers take.
        behaviour: How the org answers where public sources differ.
        transaction: The one that stays open while others see the org.
        seed: Loads a folder of CSV files.
        reset: Puts rows, jobs and sessions back to how the sandbox began.
    """

    def __init__(  # noqa: PLR0913 - what a tester may move, each by name
        self,
        *,
        script: Script,
        sign_in: SignInState,
        usage: Usage,
        progress: Progress,
        paging: Paging,
        latency: Latency,
        behaviour: Behaviour,
        transaction: LongTransaction,
        seed: Callable[[Path], dict[str, int]],
        reset: Callable[[], None],
    ) -> None:
        self._script = script
        self._sign_in = sign_in
        self._usage = usage
        self._progress = progress
        self._paging = paging
        self._latency = latency
        self._behaviour = behaviour
        self._transaction = transaction
        self._row_adder = RowAdder(seed)
        self._transaction_adder = RowAdder(transaction.add)
        self._reset = reset
        self._lock = threading.Lock()
        # Bounded, since a sandbox may be served and polled for weeks.
        self._requests: deque[RecordedRequest] = deque(maxlen=_MOST_REQUESTS)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The last 100,000 calls, oldest first; those to the control plane are not among them."""
        with self._lock:
            return list(self._requests)

    def requests_like(
        self, method: str = "*", path: str = "*", status: int | None = None
    ) -> list[RecordedRequest]:
        """The calls of a method and a path, both globs, with a status; 0 is no answer at all."""
        return [
            request
            for request in self.requests
            if fnmatchcase(request.method, method)
            and fnmatchcase(request.path, path)
            and status in (None, request.status)
        ]

    def record(self, request: RecordedRequest) -> None:
        """Keep a call."""
        with self._lock:
            self._requests.append(request)

    def forget_requests(self) -> None:
        """Begin the list of calls anew."""
        with self._lock:
            self._requests.clear()

    def reset(self) -> None:
        """Put rows, jobs, sessions and switches back to the beginning; forget faults and calls."""
        self._script.clear()
        self._paging.reset()
        self._behaviour.reset()
        self._reset()
        self.forget_requests()

    def seed(
        self, records: Mapping[str, Sequence[Mapping[str, Any]]], *, in_transaction: bool = False
    ) -> dict[str, int]:
        """Add records, such as `{"Account": [{"Name": "Acme"}]}`, and return how many of each.

        As in a folder of `--data`, ids and system fields may be given, a parent is named by its
        key (`Account.Ext_Id__c`), and null is the same as a missing field. A reset forgets them.

        Args:
            records: The records by object.
            in_transaction: Add them in the transaction of `begin_transaction`: with the stamps of
                now, and not to be seen before its commit.

        Raises:
            ValueError: The org cannot hold them, or no transaction is open; none was added.
        """
        return self._adder_for(in_transaction).records(records)

    def seed_csv(self, sobject: str, text: str, *, in_transaction: bool = False) -> dict[str, int]:
        """Add the rows of a CSV text, header first, as `seed` adds records.

        Raises:
            ValueError: The org cannot hold them, or no transaction is open; none was added.
        """
        return self._adder_for(in_transaction).csv(sobject, text)

    def begin_transaction(self) -> None:
        """Begin a long-running transaction of somebody else.

        Rows that are seeded with `in_transaction` get the stamps of their seeding, and queries,
        jobs and REST see them from the commit on. All other writes are seen at once. Until the
        commit `latestDateCovered` of `/updated` and `/deleted` is not after this moment.

        Raises:
            ValueError: A transaction is open already.
        """
        self._transaction.begin()

    def commit_transaction(self) -> dict[str, int]:
        """End the transaction, put its rows into the org and return how many of each object.

        Raises:
            ValueError: None is open, or the org can no longer hold its rows; then it stays open.
        """
        try:
            return self._transaction.commit()
        except LoadError as error:
            # Where the rows were kept aside is nobody's business.
            raise ValueError(str(error).replace(f"{error.path}", error.path.name, 1)) from None

    def _adder_for(self, in_transaction: bool) -> RowAdder:
        return self._transaction_adder if in_transaction else self._row_adder

    def end_sessions(self) -> int:
        """End every session, so that the next call with an old token is refused with a 401."""
        return self._sign_in.sessions.end_all()

    def end_sessions_after(self, seconds: int | None) -> None:
        """Let sessions end when they were not used for so long by the org's clock; None: never.

        Raises:
            ValueError: The number is below one.
        """
        self._sign_in.sessions.end_after(seconds)

    def rotate_refresh_tokens(self, *, rotate: bool = True) -> None:
        """Let each use of the refresh token return another one in its place, or no longer so."""
        self._sign_in.refresh_token.rotates = rotate

    def register_jwt_key(self, pem: str) -> None:
        """Take a PEM certificate or public key as what JWT assertions must be signed for.

        Raises:
            KeyFileError: It is neither, or not of RSA.
        """
        self._sign_in.jwt_key.register(pem)

    def use_up(self, limit: str, remaining: int = 0) -> None:
        """Leave so much of a limit of /limits, such as DailyApiRequests.

        Raises:
            ValueError: There is no such limit, or not that much of it.
        """
        self._usage.leave(limit, remaining)

    def set_app_limit(self, name: str | None, maximum: int = 250) -> None:
        """Let Sforce-Limit-Info and /limits tell a limit of the app's own; None: no longer.

        Raises:
            ValueError: The name could not stand in a header, or the number is below one.
        """
        self._usage.set_app(name, maximum)

    def set_latency(self, seconds: float) -> None:
        """Let every answer take so many seconds longer; how long jobs take, `jobs_after_seconds`.

        Raises:
            ValueError: The number is below zero, or above an hour.
        """
        self._latency.set(seconds)

    def jobs_at_once(self) -> None:
        """Work on jobs as soon as they are ready."""
        self._progress.at_once()

    def jobs_after_polls(self, polls: int) -> None:
        """Answer so many polls of a job before it is worked on.

        Raises:
            ValueError: The number is below one.
        """
        self._progress.after_polls(polls)

    def jobs_after_seconds(self, seconds: float) -> None:
        """Let each job, or batch, take so many seconds by the org's clock, side by side.

        Raises:
            ValueError: The number is not above zero.
        """
        self._progress.after_seconds(seconds)

    def hold_jobs(self) -> None:
        """Let jobs wait until `release_jobs`."""
        self._progress.hold()

    def release_jobs(self, job_id: str | None = None) -> list[str]:
        """Work on one waiting job, or on all, and return their ids."""
        return self._progress.release(job_id)

    def set_page_rows(self, rows: int) -> None:
        """Set how many rows a page of bulk results has when the client names no number.

        Raises:
            ValueError: The number is below one.
        """
        self._paging.set(rows)

    def set_behaviour(self, **switches: str) -> None:
        """Choose how the org answers where public sources differ; `behaviour` has the switches.

        Raises:
            ValueError: A switch or a choice is unknown; none was moved.
        """
        self._behaviour.set(switches)

    @property
    def behaviour(self) -> dict[str, str]:
        """Where every switch of `set_behaviour` stands."""
        return self._behaviour.document()

    def add_fault(self, **fault: Any) -> None:
        """Put a fault at the end of the script; `fault_kinds` has the kinds and their keys.

        Raises:
            ValueError: The kind is unknown, a key is not one of its kind, or a value does not do.
        """
        parsed = parse_fault(fault)
        if isinstance(parsed, UsedUp):
            check_remaining(parsed.limit, parsed.remaining)
        self._script.add(parsed)

    @property
    def faults(self) -> list[ScriptedFault]:
        """The faults that can still strike."""
        return self._script.pending()

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._script.clear()
