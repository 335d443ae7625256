"""The streams that could not be read: which of them fail the run, and which are only reported.

A stream that somebody asked for by name, or that a catalog selects, fails the run. One that was
found because nothing was named, or by a glob, is reported: most orgs list objects that nobody can
read without more (ContentDocumentLink requires a filter), and one of them must not fail every run.
"""

from __future__ import annotations

import errno
import logging
import re
from typing import TYPE_CHECKING

from singer_sdk.exceptions import SingerSDKError

from sfbulk.error_text import NO_ROOM, one_line, unexpected
from sfbulk.errors import ApiError, JobFailed, NotFound, NotSupportedByBulk, SalesforceError
from sfbulk.read import is_query_refusal
from tap_sfbulk.jobs_ahead import ENDS_THE_RUN
from tap_sfbulk.spool import SpoolFailed
from tap_sfbulk.writer import StdoutFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

log = logging.getLogger(__name__)

# Each of the next streams would find the same, whatever the file.
_NO_ROOM = NO_ROOM | {errno.EROFS}

_CODES = re.compile(
    r"EXTERNAL_?OBJECT|INVALID_?TYPE|INVALID_?ENTITY|INSUFFICIENT_ACCESS|NOT_?FOUND", re.IGNORECASE
)
# Salesforce has no code of its own for this. Seen: "Implementation restriction:
# ContentDocumentLink requires a filter by a single Id on ...", "A filter on a reified column is
# required [...]", "When querying the Vote object, you must filter using ...", "entity type
# ListViewChartInstance does not support query".
_WORDS = re.compile(
    r"implementation restriction|reified column|requires?\b.{0,40}\bfilter|must\b.{0,20}\bfilter"
    r"|filter\b.{0,60}\brequired|where clause|(?:does not|doesn't) support (?:the )?quer"
    r"|cannot be queried|not queryable|is not supported",
    re.IGNORECASE | re.DOTALL,
)

_SLOW_OR_FILTERED = re.compile(
    r"\bfilter|selective|time.?out|running (?:for )?too long|retried more than", re.IGNORECASE
)


class StreamsFailed(Exception):  # noqa: N818 - says what happened to the run
    """Some streams could not be read; the others were read completely."""

    def __init__(self, reasons: Mapping[str, Exception]) -> None:
        listed = "; ".join(_about(name, reason) for name, reason in reasons.items())
        super().__init__(
            f"{len(reasons)} stream{'s' * (len(reasons) > 1)} could not be read. {listed}"
        )


class Failures:
    """The streams of one run that could not be read, and the ones that were."""

    def __init__(self) -> None:
        self._optional: frozenset[str] = frozenset()
        self._failed: dict[str, Exception] = {}
        self._left_out: dict[str, Exception] = {}
        self._faulty: dict[str, Exception] = {}
        """Left out by a fault of this package: discovery goes on, but a run has failed."""
        self._read: set[str] = set()

    def allow(self, names: Iterable[str]) -> None:
        """Name the streams that nobody asked for, which may be left out."""
        self._optional = frozenset(names)

    def begin(self, name: str) -> None:
        """Note that a stream is read; a program may run the same tap again after a failure."""
        for noted in (self._failed, self._left_out, self._faulty):
            noted.pop(name, None)
        self._read.add(name)

    def not_described(self, name: str, reason: Exception) -> None:
        """Note that an object cannot be described."""
        self._note(name, reason, may_be_left_out=True)

    def not_read(self, name: str, reason: Exception) -> bool:
        """Note that a stream cannot be read; return whether it is only left out."""
        return self._note(name, reason, may_be_left_out=is_unreadable(reason))

    def _note(self, name: str, reason: Exception, *, may_be_left_out: bool) -> bool:
        is_fault = is_unexpected(reason)
        reason = unexpected(reason, name) if is_fault else reason
        self._read.discard(name)
        if may_be_left_out and is_fault and name in self._optional:
            log.error("%s", _about(name, reason))
            self._faulty[name] = reason
            return True
        if may_be_left_out and name in self._optional:
            log.warning("%s is left out: %s", name, one_line(reason))
            self._left_out[name] = reason
            return True
        log.error("%s", _about(name, reason))
        self._failed[name] = reason
        return False

    def raise_for_failed(self) -> None:
        """Raise if a stream failed.

        Raises:
            StreamsFailed: With the name of each of them and the reason.
        """
        if self._failed:
            raise StreamsFailed(self._failed)

    def raise_at_end(self) -> None:
        """Raise if a stream failed, or if all were left out: all of nothing is not done.

        Raises:
            StreamsFailed: With the name of each of them and the reason.
        """
        failed = {**self._faulty, **self._failed}
        if failed or (self._left_out and not self._read):
            raise StreamsFailed({**self._left_out, **failed})


def is_unexpected(error: Exception) -> bool:
    """Whether an error is a fault of this package, whose text tells a user nothing."""
    if isinstance(error, SalesforceError):
        # Each error that the client means has a class of its own.
        return type(error) is SalesforceError
    return not isinstance(error, (OSError, SingerSDKError))


def ends_the_run(error: Exception) -> bool:
    """Whether after an error of one stream no other one can be read, or written, either."""
    if isinstance(error, (*ENDS_THE_RUN, SpoolFailed, StdoutFailed, BrokenPipeError)):
        return True
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def is_unreadable(error: Exception) -> bool:
    """Whether an error says that the object cannot be read in this way by anyone, or this user."""
    if isinstance(error, NotFound) and error.job_id is not None:
        # The job or its results are gone, not the object.
        return False
    if isinstance(error, (NotSupportedByBulk, NotFound)):
        return True
    if isinstance(error, ApiError):
        known = _CODES.match(error.code or "") is not None
        return known or _WORDS.search(error.detail) is not None
    # The reason of a job that failed stands in its text alone.
    return isinstance(error, JobFailed) and _WORDS.search(error.message) is not None


def _may_be_of_window(error: ApiError | JobFailed, key: str) -> bool:
    if _SLOW_OR_FILTERED.search(error.message):
        return True
    code = error.code if isinstance(error, ApiError) else None
    # What is malformed is the user's part of the query, and the text quotes the whole of it.
    return key in error.message and "MALFORMED_QUERY" not in f"{code} {error.message}"


def add_window_advice(error: SalesforceError, key: str) -> None:
    """Add to an error of a query that reads a window what helps if the window is the trouble.

    Args:
        error: Of Salesforce, or of a job that failed.
        key: The field that limits the window.
    """
    if isinstance(error, (ApiError, JobFailed)) and _may_be_of_window(error, key):
        error.message += (
            f". The query is limited by {key}: the replication method FULL_TABLE in the catalog, "
            "another replication_key or a `where` in stream_options may help"
        )
        error.args = (error.message,)


def add_rest_advice(error: SalesforceError, api: str) -> bool:
    """Add to an error by which bulk refuses an object or a query that REST may read it.

    Args:
        error: Of Salesforce, or of a job that failed.
        api: The `api_type` that the settings ask for.

    Returns:
        Whether it is such an error.
    """
    if not isinstance(error, (ApiError, JobFailed)) or not is_query_refusal(error.message):
        return False
    error.message = (
        f"{error.message.rstrip('.')}. The setting `api_type: {api}` asks for bulk alone: with "
        "`api_type: auto` or `api_type: REST`, for all streams or in stream_options for this one, "
        "it is read by REST"
    )
    error.args = (error.message,)
    return True


def _about(name: str, reason: Exception) -> str:
    """The reason with the name of the stream; some errors name it first themselves."""
    text = one_line(reason)
    return text if text.startswith(f"{name}: ") else f"{name}: {text}"
