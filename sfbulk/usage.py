"""Counts requests and query jobs: of a whole client, and of a part of a program that asks for it.

A part of a program, such as the reading of one table, may send its requests from several threads.
They are counted where `counting` is active; `CountingPool` takes it along into its threads.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CountingPool", "Usage", "counting"]

T = TypeVar("T")


class Usage:
    """How many requests were sent and query jobs created; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        """Requests to the org, with those that were sent again; sign-ins are not among them."""
        self.query_jobs = 0
        """Query jobs that were created."""

    def count(self, *, requests: int = 0, query_jobs: int = 0) -> None:
        """Count so many more."""
        with self._lock:
            self.requests += requests
            self.query_jobs += query_jobs


_ACTIVE: ContextVar[tuple[Usage, ...]] = ContextVar("sfbulk usage", default=())


@contextmanager
def counting(usage: Usage) -> Iterator[None]:
    """Count in `usage` too what the block sends."""
    token = _ACTIVE.set((*_ACTIVE.get(), usage))
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def active() -> tuple[Usage, ...]:
    """Where requests of the calling code are counted, beside the client's own count."""
    return _ACTIVE.get()


class CountingPool(ThreadPoolExecutor):
    """A pool of threads whose requests are counted where those of the submitting code are."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """As in the base class."""
        return super().submit(copy_context().run, fn, *args, **kwargs)
