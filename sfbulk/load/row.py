"""A row that is ready to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Row(NamedTuple):
    """The cells of one record."""

    columns: tuple[str, ...]
    """As describe spells them, in the same order for every record with the same set."""
    cells: Sequence[str]
    """Empty for a field that is left alone, `#N/A` for one that is cleared."""
    key: str | None = None
    """What identifies the record, for the order of its versions; None for an insert."""
    after: tuple[str, ...] = ()
    """Keys of records, as of parents in the same object, that must be in before this one."""
    values: Sequence[Any] = ()
    """What the cells were made of: JSON writes numbers and booleans as such."""
