"""One row of a load, ready to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Row(NamedTuple):
    """The cells of one record."""

    columns: tuple[str, ...]
    """As describe spells them; records with the same set of columns have the same order."""
    cells: Sequence[str]
    """Empty for a field that is not changed, `#N/A` for one that is cleared."""
    key: str | None = None
    """Identifies the record, so that its versions are loaded in order; None for an insert."""
    after: tuple[str, ...] = ()
    """Keys of records that must be loaded first, such as parents in the same object."""
    values: Sequence[Any] = ()
    """The values of the cells, for JSON, which has numbers and booleans."""
