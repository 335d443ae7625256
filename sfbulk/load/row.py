"""One row of a load, ready to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class RecordKey(NamedTuple):
    """How rows name a record: by a value of one of its key fields."""

    sobject: str
    """The object's name, casefolded."""
    field: str
    """The field's name, casefolded; `id` for the record's id."""
    text: str
    """The value in the normal form of `normalize.key_normalizer`."""


class Row(NamedTuple):
    """The cells of one record."""

    columns: tuple[str, ...]
    """As describe spells them; records with the same set of columns have the same order."""
    cells: Sequence[str]
    """Empty for a field that is not changed, `#N/A` for one that is cleared."""
    key: RecordKey | None = None
    """Identifies the record, so that its versions are loaded in order; None for an insert."""
    after: tuple[RecordKey, ...] = ()
    """Records that must be loaded first, of any object: parents that a column names by a key."""
    values: Sequence[Any] = ()
    """The values of the cells, for JSON, which has numbers and booleans."""
    known_as: tuple[RecordKey, ...] = ()
    """For an insert: keys by which later rows, of any load, may name the new record."""
