"""What becomes of a job at the end of the work with it: deleted, aborted or kept."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from sfbulk.error_text import add_note
from sfbulk.errors import JobTimeout, SalesforceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)


class Abortable(Protocol):
    """A job that can be stopped."""

    @property
    def id(self) -> str:
        """Names the job."""

    def abort(self) -> object:
        """API call: stop the job."""


class Disposable(Abortable, Protocol):
    """A job that can be disposed of."""

    @property
    def has_ended(self) -> bool:
        """Whether the server has ended its work, as last read."""

    def delete(self) -> None:
        """API call: give up the ended job and its results."""


A = TypeVar("A", bound=Abortable)
J = TypeVar("J", bound=Disposable)


@contextmanager
def disposing(job: J) -> Iterator[J]:
    """API call: at the end of the block delete the job, or abort it if the block failed.

    An error of this cleanup never replaces the error of the block. After the `timeout` of a caller
    the job is left running, as the text of that `JobTimeout` says. A job that had ended before the
    block failed is kept, so that its results can be read.
    """
    try:
        yield job
    except BaseException as error:
        if isinstance(error, JobTimeout):
            if not error.by_setting:
                raise
            add_note(error, "The job is aborted, as nobody will read its results.")
        if not job.has_ended:
            abort_quietly(job)
        # The caller left its loop over the rows early, so nobody reads the results.
        elif isinstance(error, GeneratorExit):
            delete_quietly(job)
        raise
    delete_quietly(job)


@contextmanager
def aborting(job: A) -> Iterator[A]:
    """API call: abort the job if the block fails; the error of the block is raised."""
    try:
        yield job
    except BaseException:
        abort_quietly(job)
        raise


def abort_quietly(job: Abortable) -> None:
    """API call: abort a job; a failure is logged."""
    _quietly("abort", job.abort, job.id)


def delete_quietly(job: Disposable) -> None:
    """API call: delete an ended job; a failure is logged."""
    _quietly("delete", job.delete, job.id)


def _quietly(verb: str, action: Callable[[], object], job_id: str) -> None:
    try:
        action()
    except SalesforceError as error:
        # This is not an error: Salesforce removes jobs after seven days.
        log.warning("Could not %s job %s: %s", verb, job_id, error.code or type(error).__name__)
