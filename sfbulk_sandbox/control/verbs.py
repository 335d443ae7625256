"""The control plane: how a test controls the sandbox, in Python and under /sandbox.

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
    """The control plane. Safe to use from several threads.

    Args:
        script: The scripted faults.
        sign_in: Credentials, sessions and tokens.
        usage: How much of each limit is used.
        progress: When jobs are processed.
        paging: How many rows a page of results has.
        latency: How much longer answers take.
        behaviour: The switches.
        transaction: The long-running transaction.
        seed: Loads a folder of CSV files.
        reset: Puts rows, jobs and sessions back to their state at the start.
    """

    def __init__(  # noqa: PLR0913 - everything a test can control, each by name
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
        # Bounded, because a sandbox may run for weeks.
        self._requests: deque[RecordedRequest] = deque(maxlen=_MOST_REQUESTS)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The last 100,000 requests, oldest first, without those to the control plane."""
        with self._lock:
            return list(self._requests)

    def requests_like(
        self, method: str = "*", path: str = "*", status: int | None = None
    ) -> list[RecordedRequest]:
        """The requests with this method and path (globs) and this status; 0 means no answer."""
        return [
            request
            for request in self.requests
            if fnmatchcase(request.method, method)
            and fnmatchcase(request.path, path)
            and status in (None, request.status)
        ]

    def record(self, request: RecordedRequest) -> None:
        """Add a request to the list."""
        with self._lock:
            self._requests.append(request)

    def forget_requests(self) -> None:
        """Empty the list of requests."""
        with self._lock:
            self._requests.clear()

    def reset(self) -> None:
        """Put rows, jobs, sessions and switches back to the start; remove faults and requests."""
        self._script.clear()
        self._paging.reset()
        self._behaviour.reset()
        self._reset()
        self.forget_requests()

    def seed(
        self, records: Mapping[str, Sequence[Mapping[str, Any]]], *, in_transaction: bool = False
    ) -> dict[str, int]:
        """Add records, such as `{"Account": [{"Name": "Acme"}]}`.

        As in a folder of `--data`, ids and system fields may be given, a parent is named by its
        key (`Account.Ext_Id__c`), and null is the same as a missing field. A reset removes them.

        Args:
            records: The records by object.
            in_transaction: Add them in the transaction of `begin_transaction`. They get the
                current time as their stamps, and nobody sees them before the commit.

        Returns:
            The number of records per object.

        Raises:
            ValueError: The org cannot store the records, or no transaction is open. No record was
                added.
        """
        return self._adder_for(in_transaction).records(records)

    def seed_csv(self, sobject: str, text: str, *, in_transaction: bool = False) -> dict[str, int]:
        """Add the rows of a CSV text, header first, as `seed` adds records.

        Raises:
            ValueError: The org cannot store the rows, or no transaction is open. No row was added.
        """
        return self._adder_for(in_transaction).csv(sobject, text)

    def begin_transaction(self) -> None:
        """Begin a long-running transaction of another user.

        Rows that are seeded with `in_transaction` have the time of their seeding as their stamps.
        Queries, jobs and REST see them after the commit. All other writes are seen at once. Until
        the commit, `latestDateCovered` of `/updated` and `/deleted` is not later than the begin.

        Raises:
            ValueError: A transaction is open already.
        """
        self._transaction.begin()

    def commit_transaction(self) -> dict[str, int]:
        """End the transaction, put its rows into the org, return the number of rows per object.

        Raises:
            ValueError: No transaction is open, or the org can no longer store the rows. In the
                second case the transaction stays open.
        """
        try:
            return self._transaction.commit()
        except LoadError as error:
            # The path of the temporary folder would not help the reader.
            raise ValueError(str(error).replace(f"{error.path}", error.path.name, 1)) from None

    def _adder_for(self, in_transaction: bool) -> RowAdder:
        return self._transaction_adder if in_transaction else self._row_adder

    def end_sessions(self) -> int:
        """End every session. Requests with an old token are refused (401; 400 in Bulk API 1.0)."""
        return self._sign_in.sessions.end_all()

    def end_sessions_after(self, seconds: int | None) -> None:
        """End sessions that were not used for this long, by the org's clock.

        Args:
            seconds: The time; None turns expiry off.

        Raises:
            ValueError: The number is below one.
        """
        self._sign_in.sessions.end_after(seconds)

    def rotate_refresh_tokens(self, *, rotate: bool = True) -> None:
        """Turn rotation on or off. With it, a refresh token works once and returns the next one."""
        self._sign_in.refresh_token.rotates = rotate

    def register_jwt_key(self, pem: str) -> None:
        """Set the PEM certificate or public key that verifies JWT assertions.

        Raises:
            KeyFileError: The text is neither, or the key is not an RSA key.
        """
        self._sign_in.jwt_key.register(pem)

    def use_up(self, limit: str, remaining: int = 0) -> None:
        """Set what remains of a limit of /limits, such as DailyApiRequests.

        Raises:
            ValueError: There is no such limit, or it is not that large.
        """
        self._usage.leave(limit, remaining)

    def set_app_limit(self, name: str | None, maximum: int = 250) -> None:
        """Show a limit of the connected app in Sforce-Limit-Info and /limits; None removes it.

        Raises:
            ValueError: The name is not valid in a header, or the number is below one.
        """
        self._usage.set_app(name, maximum)

    def set_latency(self, seconds: float) -> None:
        """Make every answer take this many seconds longer. For jobs, see `jobs_after_seconds`.

        Raises:
            ValueError: The number is below zero, or above an hour.
        """
        self._latency.set(seconds)

    def jobs_at_once(self) -> None:
        """Process jobs as soon as they are ready."""
        self._progress.at_once()

    def jobs_after_polls(self, polls: int) -> None:
        """Answer this many polls of a job before it is processed.

        Raises:
            ValueError: The number is below one.
        """
        self._progress.after_polls(polls)

    def jobs_after_seconds(self, seconds: float) -> None:
        """Make each job or batch take this many seconds by the org's clock. Jobs wait in parallel.

        Raises:
            ValueError: The number is not above zero.
        """
        self._progress.after_seconds(seconds)

    def hold_jobs(self) -> None:
        """Make jobs wait until `release_jobs`."""
        self._progress.hold()

    def release_jobs(self, job_id: str | None = None) -> list[str]:
        """Process one waiting job, or all of them, and return their ids."""
        return self._progress.release(job_id)

    def set_page_rows(self, rows: int) -> None:
        """Set how many rows a page of bulk results has if the client does not ask for a number.

        Raises:
            ValueError: The number is below one.
        """
        self._paging.set(rows)

    def set_behaviour(self, **switches: str) -> None:
        """Set switches: how the org answers where public sources differ. See `behaviour`.

        Raises:
            ValueError: A switch or a choice is unknown. No switch was changed.
        """
        self._behaviour.set(switches)

    @property
    def behaviour(self) -> dict[str, str]:
        """The current choice of every switch."""
        return self._behaviour.document()

    def add_fault(self, **fault: Any) -> None:
        """Add a fault to the end of the script; `sfbulk_sandbox.faults.kinds` has kinds and keys.

        Raises:
            ValueError: The kind is unknown, or a key or a value is not valid for the kind.
        """
        parsed = parse_fault(fault)
        # A wrong limit is an error now, not in the request to which the fault applies.
        if isinstance(parsed, UsedUp):
            check_remaining(parsed.limit, parsed.remaining)
        self._script.add(parsed)

    @property
    def faults(self) -> list[ScriptedFault]:
        """The faults that can still apply."""
        return self._script.pending()

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._script.clear()
