"""When a job is processed: at once, after a number of polls, after some time, or on release.

One worker thread processes the jobs in the order in which they became ready. So the same requests
give the same ids, also on a slow machine.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from datetime import datetime

    from sfbulk_sandbox.clock import Clock


_LONGEST = 86_400


class _Policy(Enum):
    AT_ONCE = "at_once"
    AFTER_POLLS = "after_polls"
    AFTER_SECONDS = "after_seconds"
    HOLD = "hold"


@dataclass
class _Waiting:
    work: Callable[[], None]
    show_running: Callable[[], None]
    job_id: str | None
    since: datetime
    polls: int = 0


class Progress:
    """The policy and the worker. Polls of a job count only under `after_polls`.

    Args:
        clock: The time that `after_seconds` uses.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._policy = _Policy.AT_ONCE
        self._amount: float = 0
        self._waiting: dict[str, _Waiting] = {}
        self._running: dict[str, Future[None]] = {}
        # One worker: with two, the order of new ids would depend on the timing of threads.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-jobs")

    def at_once(self) -> None:
        """Process jobs as soon as they are ready, and process the waiting jobs now."""
        self._policy = _Policy.AT_ONCE
        self.release()

    def after_polls(self, polls: int) -> None:
        """Answer `polls` polls of a job before it is processed. The next poll finds it ended.

        Raises:
            ValueError: The number is below one.
        """
        if polls < 1:
            raise ValueError("after_polls needs at least one poll")
        self._policy, self._amount = _Policy.AFTER_POLLS, polls

    def after_seconds(self, seconds: float) -> None:
        """Let each job take this long. The first request after that finds it processed.

        Several jobs wait at the same time, not one after another.

        Raises:
            ValueError: The number is not above zero.
        """
        if not 0 < seconds <= _LONGEST:
            raise ValueError(
                f"after_seconds needs a number of seconds above 0 and up to {_LONGEST:,}"
            )
        self._policy, self._amount = _Policy.AFTER_SECONDS, seconds

    def hold(self) -> None:
        """Make jobs wait until they are released."""
        self._policy = _Policy.HOLD

    def release(self, job_id: str | None = None) -> list[str]:
        """Process one waiting job, or all of them, and return their ids.

        In Bulk API 1.0 the batches wait, not the job: their ids are returned.
        """
        with self._lock:
            ids = [key for key, one in self._waiting.items() if job_id in (None, key, one.job_id)]
            for key in ids:
                self._start(key, self._waiting.pop(key).work)
        return ids

    @property
    def policy(self) -> tuple[str, float]:
        """The policy in the words of the control plane, and its number of polls or seconds."""
        return self._policy.value, self._amount

    def waiting(self) -> set[str]:
        """Return the ids of the waiting jobs and batches, and of the jobs whose batches wait."""
        with self._lock:
            jobs = {one.job_id for one in self._waiting.values() if one.job_id}
            return jobs | self._waiting.keys()

    def submit(
        self,
        job_id: str,
        work: Callable[[], None],
        show_running: Callable[[], None],
        *,
        part_of: str | None = None,
    ) -> None:
        """Accept a job that is ready.

        Args:
            job_id: The id of the job, or of the batch.
            work: Processes the whole job. It is called on the worker thread.
            show_running: Shows a job that waits for polls as InProgress.
            part_of: The job id, if a batch waits.
        """
        with self._lock:
            if self._policy is _Policy.AT_ONCE:
                self._start(job_id, work)
            else:
                self._waiting[job_id] = _Waiting(work, show_running, part_of, self._clock.now())

    def polled(self, job_id: str) -> None:
        """Count a poll of a job. The poll that makes the job due waits until it has ended."""
        with self._lock:
            waiting = self._waiting.get(job_id)
            if waiting is None or self._policy is _Policy.HOLD:
                return
            waiting.polls += 1
            due = self._is_due(waiting)
            if due:
                self._start(job_id, self._waiting.pop(job_id).work)
        if due:
            self.wait_for(job_id)
        # The first poll still shows the initial state (UploadComplete, Queued).
        elif waiting.polls > 1:
            waiting.show_running()

    @property
    def is_timed(self) -> bool:
        """Whether the policy is `after_seconds`, so that `start_due` has to be called."""
        return self._policy is _Policy.AFTER_SECONDS

    def start_due(self) -> None:
        """Process the jobs whose time has passed, and wait until they have ended."""
        with self._lock:
            due = [job_id for job_id, one in self._waiting.items() if self._is_due(one)]
            for job_id in due:
                self._start(job_id, self._waiting.pop(job_id).work)
        for job_id in due:
            self.wait_for(job_id)

    def _is_due(self, waiting: _Waiting) -> bool:
        if self._policy is _Policy.AFTER_POLLS:
            return waiting.polls > self._amount
        waited = self._clock.now() - waiting.since
        return self._policy is _Policy.AFTER_SECONDS and waited.total_seconds() >= self._amount

    def drop(self, job_id: str) -> None:
        """Remove a waiting job: it was aborted."""
        with self._lock:
            self._waiting.pop(job_id, None)

    def forget(self, job_id: str) -> None:
        """Remove a job and wait until the worker no longer uses it."""
        self.drop(job_id)
        self.wait_for(job_id)
        self._running.pop(job_id, None)

    def wait_for(self, job_id: str) -> None:
        """Wait until the worker no longer uses a job."""
        future = self._running.get(job_id)
        if future is not None:
            wait([future])

    def clear(self) -> None:
        """Remove waiting jobs, wait for the running one, and go back to `at_once`."""
        with self._lock:
            self._waiting.clear()
            self._policy = _Policy.AT_ONCE
            # Awaited outside the lock: a batch that is aborted by a fault calls `drop` on the
            # worker.
            futures = list(self._running.values())
            self._running.clear()
        wait(futures)

    def close(self) -> None:
        """Stop the worker. Jobs that have not started never start."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _start(self, job_id: str, work: Callable[[], None]) -> None:
        self._running[job_id] = self._worker.submit(work)
