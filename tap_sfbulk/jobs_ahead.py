"""Submits the queries of the streams that come next while an earlier one is read.

What a user waits for is Salesforce's work on each job, not the download. So some jobs are always
submitted ahead of the reader, each followed by a thread of its own: it creates the job, waits for
it, and fetches the first page. The reader takes the queries in the order of the streams.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.errors import LimitExceeded, QuotaReached, SalesforceError, SessionExpired, SignInError
from sfbulk.read import disposing
from sfbulk.usage import CountingPool, counting

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from sfbulk.read import ReadJob, ResultPage
    from sfbulk.usage import Usage

ENDS_THE_RUN = (SignInError, SessionExpired, LimitExceeded, QuotaReached)
"""Errors of one stream after which no other one can be read either."""

_DISPOSED_AT_A_TIME = 8

_CREATION_SECONDS = 10.0
"""How long the end of a run waits for answers to creations, to abort those jobs too."""

Key = tuple[str, str]
"""A stream's name and the SOQL of one of its passes."""


@dataclass(frozen=True)
class Query:
    """How a query is carried out; its steps are called in a thread of their own."""

    submit: Callable[[], ReadJob]
    """API call: create the job."""
    pages: Callable[[ReadJob], Generator[ResultPage, None, None]]
    """API call: the result pages of the job, which has ended."""
    usage: Usage
    """In which its requests are counted."""
    is_kept: bool = False
    """Whether the job stays if this run does not read it, because an earlier one left it."""


class PendingQuery:
    """A query from its submission until its first page is on disk.

    Args:
        query: How it is carried out.
        may_fetch: Whether a page may be fetched before the reader asks for one.
        after: The query whose job is created first.
    """

    def __init__(
        self, query: Query, may_fetch: Callable[[], bool], after: PendingQuery | None = None
    ) -> None:
        self.query = query
        self._may_fetch = may_fetch
        self._before = after.job if after else None
        self._pages: Generator[ResultPage, None, None] | None = None
        self._is_abandoned = threading.Event()
        self._is_started = False
        self.job: Future[ReadJob] = Future()
        """The job, once it is created."""
        self.pages: Future[Iterator[ResultPage]] = Future()
        """Its pages, once the first one can be read."""

    def start(self) -> None:
        """API call: begin, in a thread that does not keep the process alive; once is enough."""
        if self._is_started:
            return
        self._is_started = True
        threading.Thread(target=self._counted, name="tap-sfbulk-query", daemon=True).start()

    def abandon(self) -> None:
        """Begin no further step."""
        self._is_abandoned.set()

    def close(self) -> None:
        """Remove the pages on disk."""
        self.abandon()
        # A thread that still fetches the first page is ended by the budget's stop.
        if self._pages is not None and self.pages.done():
            self._pages.close()

    def _counted(self) -> None:
        with counting(self.query.usage):
            self._carry_out()

    def _carry_out(self) -> None:
        if self._before:
            wait([self._before])
        try:
            job = self.query.submit()
        except BaseException as error:  # noqa: BLE001 - it is raised where the query is read
            self.pages.set_exception(error)
            self.job.set_exception(error)
            return
        self.job.set_result(job)
        try:
            job.wait()
            self.pages.set_result(self._from_the_first(job))
        except BaseException as error:  # noqa: BLE001 - as above
            self.pages.set_exception(error)

    def _from_the_first(self, job: ReadJob) -> Iterator[ResultPage]:
        self._pages = pages = self.query.pages(job)
        if self._is_abandoned.is_set() or not self._may_fetch():
            return pages
        first = next(pages, None)
        return pages if first is None else itertools.chain([first], pages)


class JobsAhead:
    """The queries of a run in the order in which they are read.

    Used by one thread; `close` ends what is left of it.

    Args:
        most: How many queries may be ahead of the one that is read.
        may_fetch: Whether a page may be fetched before the reader asks for one.
        in_order: Whether jobs are created one after another. With a quota, what is left of it is
            for the streams that are read first.
    """

    def __init__(self, most: int, may_fetch: Callable[[], bool], *, in_order: bool) -> None:
        self._most = most
        self._in_order = in_order
        self._last: PendingQuery | None = None
        self._may_fetch = may_fetch
        self._coming: deque[tuple[Key, Query]] = deque()
        self._pending: dict[Key, PendingQuery] = {}
        self._taken: PendingQuery | None = None
        """The query that was taken, until `disposing` knows its job: a signal may come before."""
        self._read: list[ReadJob] = []
        self._disposals = CountingPool(_DISPOSED_AT_A_TIME, thread_name_prefix="tap-sfbulk-dispose")

    @property
    def waiting(self) -> int:
        """How many submitted jobs Salesforce still works on."""
        return sum(not each.pages.done() for each in self._pending.values())

    def plan(self, queries: Mapping[Key, Query]) -> None:
        """Take over what comes next, in this order; what is submitted and not in it is given up."""
        for key in [key for key in self._pending if key not in queries]:
            self._give_up(self._pending.pop(key))
        self._coming = deque((k, q) for k, q in queries.items() if k not in self._pending)

    def take(self, key: Key, query: Query) -> PendingQuery:
        """API call: the query that is read now; it is submitted if that has not been done.

        What was refused because too much went on at a time is tried once more.
        """
        self._coming = deque(each for each in self._coming if each[0] != key)
        pending = self._pending.pop(key, None)
        if pending is None or isinstance(_refusal(pending), LimitExceeded):
            pending = self._new(query)
        # Before it begins: what a signal leaves is ended by `close`.
        self._taken = pending
        pending.start()
        return pending

    def fill(self) -> None:
        """API call: submit the next queries, as many as may be ahead.

        After an error that ends the run nothing more is submitted.
        """
        while self._coming and len(self._pending) < self._most:
            if any(isinstance(_refusal(each), ENDS_THE_RUN) for each in self._pending.values()):
                return
            key, query = self._coming.popleft()
            self._pending[key] = self._new(query)
            self._pending[key].start()

    def drop(self, stream: str) -> None:
        """API call: the stream has been read: delete its jobs, and give up what is left of it."""
        self._delete_read()
        self._coming = deque(each for each in self._coming if each[0][0] != stream)
        for key in [key for key in self._pending if key[0] == stream]:
            self._give_up(self._pending.pop(key))

    @contextmanager
    def disposing(
        self, pending: PendingQuery, job: ReadJob, is_kept: Callable[[], bool]
    ) -> Iterator[None]:
        """API call: as `sfbulk.read.disposing`, but a job that was read is deleted by `drop`.

        Args:
            pending: The query that is read in the block.
            job: Its job.
            is_kept: Whether the job stays if the block fails, because a next run reads it on.
        """
        try:
            with disposing(_Disposed(job, self._read.append, is_kept)):
                self._taken = None
                yield
        except SystemExit:
            # The rows were not read, and no error asks for a look at them.
            if job.has_ended and not is_kept():
                self._disposals.submit(_delete, job)
            raise
        finally:
            pending.close()

    def close(self) -> None:
        """API call: abort or delete every job that nobody will read, and end all deletions."""
        pending = [*self._pending.values(), *([self._taken] if self._taken else [])]
        self._coming.clear()
        self._pending.clear()
        self._delete_read()
        for each in pending:
            self._give_up(each)
        wait([each.job for each in pending], _CREATION_SECONDS)
        self._disposals.shutdown()

    def _new(self, query: Query) -> PendingQuery:
        self._last = PendingQuery(query, self._may_fetch, self._last if self._in_order else None)
        return self._last

    def _delete_read(self) -> None:
        for job in self._read:
            self._disposals.submit(_delete, job)
        self._read.clear()

    def _give_up(self, pending: PendingQuery) -> None:
        pending.close()
        if pending.query.is_kept:
            return
        # Called at once if the job is known, else when its creation is answered.
        pending.job.add_done_callback(self._remove)

    def _remove(self, job: Future[ReadJob]) -> None:
        if job.exception() is not None:
            return
        try:
            self._disposals.submit(_remove, job.result())
        except RuntimeError:
            # The run has ended, and this thread is the one that created the job.
            _remove(job.result())


class _Disposed:
    """A job that is deleted later if it was read, and kept if a next run reads it on."""

    def __init__(
        self, job: ReadJob, was_read: Callable[[ReadJob], None], is_kept: Callable[[], bool]
    ) -> None:
        self._job = job
        self._was_read = was_read
        self._is_kept = is_kept
        self.id = job.id

    @property
    def has_ended(self) -> bool:
        return self._job.has_ended

    def abort(self) -> object:
        return None if self._is_kept() else self._job.abort()

    def delete(self) -> None:
        if not self._is_kept():
            self._was_read(self._job)


def _refusal(pending: PendingQuery) -> BaseException | None:
    return pending.job.exception() if pending.job.done() else None


def _remove(job: ReadJob) -> None:
    """API call: abort a job, or delete it if it has ended; a failure is logged."""
    try:
        if not job.has_ended:
            job.abort()
            return
    except SalesforceError:
        # It has ended since it was last read.
        pass
    _delete(job)


def _delete(job: ReadJob) -> None:
    with disposing(job):
        """A job that is not needed is deleted, and a failure logged."""
