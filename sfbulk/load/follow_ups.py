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
    from collections.abc import Callable

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
    hopeless: Callable[[RowOutcome], bool],
) -> FollowUp:
    """Remove the rows that are sent again from the outcomes of a file.

    A job that was aborted, and of which every row that it did not process is sent again, is no
    failure any more.

    Args:
        outcome: the outcomes of a file.
        passing: whether rows that failed for a passing reason are sent again.
        orphans: whether rows without a parent are sent again.
        hopeless: whether no load can bring the parent of a row.
    """
    found = FollowUp([], [])
    others = []
    for row in outcome.rows:
        if row.success:
            others.append(row)
        elif passing and is_passing(row, outcome.state):
            found.passing.append(row)
        elif orphans and missing_parent(row) and not hopeless(row):
            found.orphans.append(row)
        else:
            others.append(row)
    outcome.rows = others
    for row in (*found.passing, *found.orphans):
        _uncount(outcome.counts, row)
    if found.passing and not outcome.counts.unprocessed and not outcome.counts.unknown:
        outcome.failure = None
    return found


def missing_parent(row: RowOutcome) -> str | None:
    """The object, casefolded, of which Salesforce found no record by an external id."""
    key = missing_key(row)
    return key[0] if key else None


def missing_key(row: RowOutcome) -> MissingKey | None:
    """The external id by which Salesforce found no parent of a row."""
    if row.status is not RowStatus.FAILED:
        return None
    found = (_NO_PARENT.search(error.message) for error in row.errors)
    names = ("sobject", "field", "text")
    keys = (tuple(one[name].casefold() for name in names) for one in found if one)
    return next(((sobject, field, text) for sobject, field, text in keys), None)


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
