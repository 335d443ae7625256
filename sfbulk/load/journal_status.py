"""Says in a few lines what a journal has: a run in progress, its jobs, rows of lost runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.load.journal_lock import owner_of
from sfbulk.load.journal_tables import Tables, has_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILES = """
SELECT name, sobject, operation, job, batch, phase, time, length(numbers) / 8, org
FROM files JOIN loads ON files.load = loads.id WHERE phase <> 'settled' ORDER BY files.id
"""
_SETTLED = """
SELECT name, sobject, operation, sum(length(numbers) / 8), org
FROM files JOIN loads ON files.load = loads.id WHERE phase = 'settled' GROUP BY loads.id
"""
_KNOWN = """
SELECT name, sobject, operation, count(*), org
FROM known JOIN loads ON known.load = loads.id GROUP BY loads.id
"""


def journal_status(path: Path) -> list[str]:
    """What the journal in this file has, one sentence a line; no request is made.

    Raises:
        JournalError: it is not a journal, it is damaged, or it cannot be read.
    """
    owner = owner_of(path)
    if not has_tables(path):
        return [f"There is no journal {path}: no run has written one here."]
    tables = Tables(path, only_read=True)
    try:
        lines = list(_lines(tables, is_used=owner is not None))
    finally:
        tables.close()
    first = f"Journal {path}: " + (f"in use by {owner}." if owner else "no run uses it.")
    return [first, *(lines or ["The last run left nothing to settle."])]


def _lines(tables: Tables, *, is_used: bool) -> Iterator[str]:
    for name, sobject, operation, job, batch, phase, time, rows, org in tables.read(_FILES):
        where = f"job {job}" + (f", batch {batch}" * bool(batch)) if job else "no job yet"
        yield (
            f"{name}: {rows:,} rows of {operation} into {sobject}, {where}: {phase} at {time} in"
            f" {org}." + ("" if is_used else " The next run into it settles them.")
        )
    for name, sobject, operation, rows, org in tables.read(_SETTLED):
        yield (
            f"{name}: {rows:,} rows of {operation} into {sobject} have their outcome in {org}, and"
            " no STATE covers them yet."
        )
    for name, sobject, operation, rows, org in tables.read(_KNOWN):
        yield (
            f"{name}: {rows:,} rows of {operation} into {sobject} that earlier runs sent to {org}"
            " are skipped when they are in the input again."
        )
    for folder, since, org in () if is_used else tables.read("SELECT folder, since, org FROM runs"):
        yield f"Rows of the run of {since} are in {folder}; the next run into {org} removes them."
