"""Decides which rows of an ended job are sent again; no I/O.

- Rows that failed for a passing reason, such as a lock, are sent again in a smaller job, each time
  after a longer pause: twice by the same API, then once by Bulk API 1.0 in Serial mode. After that
  they are reported.
- Rows whose parent was not found by its external id wait until the other rows are loaded, and are
  sent again then: the parent may come later in the input.

A row that may have been loaded (`RowStatus.UNKNOWN`) is never sent again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.load.outcomes import RowStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Set as AbstractSet

    from sfbulk.jobs.row_error import RowError
    from sfbulk.load.outcomes import Counts, FileOutcome, RowOutcome

MissingKey = tuple[str, str, str]
"""Object, key field and value, casefolded."""

SAME_API = 2
"""How often rows are sent again by the API of the load."""

_FIRST_PAUSE_SECONDS = 1.0
_GROWTH = 4

_LOCKED = "UNABLE_TO_LOCK_ROW"
# Status codes of rows (SOAP API guide: Core Data Types, StatusCode) that a later attempt may not
# have.
_PASSING = frozenset(
    {
        _LOCKED,
        "ENTITY_IS_LOCKED",
        "TOO_MANY_APEX_REQUESTS",
        "QUERY_TIMEOUT",
        "REQUEST_RUNNING_TOO_LONG",
        "SERVER_UNAVAILABLE",
        "UNKNOWN_EXCEPTION",
    }
)
# Why a job did not process rows: Bulk API guide, exception codes.
_PASSING_OF_JOBS = frozenset({"TooManyLockFailure", "FunctionalityTemporarilyUnavailable"})
# Others may abort a job to let another one pass. In Bulk API 1.0 its batches are NotProcessed.
_ABORTED = frozenset({"Aborted", "NotProcessed"})
_NO_PARENT_CODE = "INVALID_FIELD"
_NO_PARENT = re.compile(
    r"Foreign key external ID: (?P<text>.*) not found for field (?P<field>\w+) "
    r"in entity (?P<sobject>\w+)",
    re.DOTALL,
)


def pause_before(attempt: int) -> float:
    """Seconds until rows are sent again for the 1st, 2nd or 3rd time: 1, 4 and 16.

    Whatever holds a lock needs time to end; Salesforce itself waits 10 seconds for it.
    """
    return float(_FIRST_PAUSE_SECONDS * _GROWTH ** (attempt - 1))


@dataclass(frozen=True)
class FollowUp:
    """The rows of a file that are sent again."""

    passing: list[RowOutcome]
    """Those that failed for a passing reason."""
    orphans: list[RowOutcome]
    """Those whose parent was not found."""

    @property
    def numbers(self) -> list[int]:
        """Their numbers, ascending."""
        return sorted(row.number for row in (*self.passing, *self.orphans))


def take_out(
    outcome: FileOutcome,
    *,
    passing: bool,
    orphans: bool,
    hopeless: Callable[[AbstractSet[str]], bool],
) -> FollowUp:
    """Remove the rows that are sent again from the outcomes of a file.

    A job that was aborted, and of which every row that it did not process is sent again, is no
    failure any more.

    Args:
        outcome: the outcomes of a file.
        passing: whether rows that failed for a passing reason are sent again.
        orphans: whether rows without a parent are sent again.
        hopeless: whether no load can bring a parent of one of these objects.
    """
    found = FollowUp([], [])
    others = []
    for row in outcome.rows:
        if row.success:
            others.append(row)
        elif passing and is_passing(row, outcome.state):
            found.passing.append(row)
        elif (
            orphans
            and (parents := missing_parents(row, outcome.file.columns))
            and not hopeless(parents)
        ):
            found.orphans.append(row)
        else:
            others.append(row)
    outcome.rows = others
    for row in (*found.passing, *found.orphans):
        _uncount(outcome.counts, row)
    if found.passing and not outcome.counts.unprocessed and not outcome.counts.unknown:
        outcome.failure = None
    return found


def missing_parents(row: RowOutcome, columns: Iterable[str]) -> AbstractSet[str]:
    """Objects, casefolded, of one of which Salesforce found no record by an external id.

    Salesforce's text is in the language of the user. In any, it has the names of field and object:
    then all words beside a lookup's field are returned, and one of them is the object.

    Args:
        row: the outcome of a row.
        columns: the columns that were sent.
    """
    if key := missing_key(row):
        return {key[0]}
    named = {column.rpartition(".")[2].casefold() for column in columns if "." in column}
    for words in map(_words, _unclear(row)):
        if fields := words & named:
            return words - fields
    return frozenset()


def missing_key(row: RowOutcome, named: Iterable[MissingKey] = ()) -> MissingKey | None:
    """The external id by which Salesforce found no parent of a row.

    Args:
        row: the outcome of a row.
        named: the parents that the row names; in a text that is not English, these are looked for.
    """
    if row.status is not RowStatus.FAILED:
        return None
    found = (_NO_PARENT.search(error.message) for error in row.errors)
    names = ("sobject", "field", "text")
    keys = (tuple(one[name].casefold() for name in names) for one in found if one)
    for sobject, field, text in keys:
        return sobject, field, text
    quoted = [key for error in _unclear(row) for key in named if _quotes(error, key)]
    # A key may be a part of another one.
    return max(quoted, key=lambda key: len(key[2]), default=None)


def _unclear(row: RowOutcome) -> list[RowError]:
    """The errors that may be about a parent."""
    failed = row.status is RowStatus.FAILED
    return [error for error in row.errors if failed and error.code == _NO_PARENT_CODE]


def _words(error: RowError) -> set[str]:
    return set(re.findall(r"\w+", error.message.casefold()))


def _quotes(error: RowError, key: MissingKey) -> bool:
    return {*key[:2]} <= _words(error) and key[2] in error.message.casefold()


def is_passing(row: RowOutcome, state: str) -> bool:
    """Whether a row failed for a reason that a later attempt may not have."""
    if row.status is RowStatus.FAILED:
        return any(_passes(error) for error in row.errors)
    if row.status is RowStatus.UNPROCESSED:
        return state in _ABORTED or any(error.code in _PASSING_OF_JOBS for error in row.errors)
    return False


def _passes(error: RowError) -> bool:
    # A trigger or flow that meets a lock has a code of its own ("first error: UNABLE_TO_LOCK_ROW").
    return error.code in _PASSING or _LOCKED in error.message


def _uncount(counts: Counts, row: RowOutcome) -> None:
    name = row.status.value
    setattr(counts, name, getattr(counts, name) - 1)
