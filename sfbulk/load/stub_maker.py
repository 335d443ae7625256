"""How a load creates records without lookups, for rows that need them as parents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sfbulk.jobs.operation import Operation
from sfbulk.load.journal import NO_JOURNAL
from sfbulk.load.outcomes import Detail

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.load.columns import ObjectColumns
    from sfbulk.load.journal import Journal
    from sfbulk.load.resolution import Resolution


@dataclass(frozen=True)
class StubMaker:
    """How a load creates records without lookups; for an upsert by external id, as CSV."""

    key: str
    """The external id."""
    columns: ObjectColumns
    carrier: Callable[[], Any]
    """Makes a carrier by Bulk API 1.0, with an outcome for every row."""


def stub_maker(
    operation: Operation,
    external_id: str | None,
    columns: ObjectColumns,
    serial: Callable[[Journal, Detail], Any],
    plan: Resolution | None,
) -> StubMaker | None:
    """How a load of CSV creates records without lookups; None if it must not.

    A load that looks records up would take such a record for one that existed before.
    """
    if operation is not Operation.UPSERT or not external_id or plan:
        return None
    if external_id.lower() == "id":
        return None
    # It would be in the journal as the rows themselves, which are not loaded by it.
    return StubMaker(external_id, columns, partial(serial, NO_JOURNAL, Detail.EVERY_ROW))
