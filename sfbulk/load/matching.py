"""Finds the row that was sent for each row of a 2.0 job's results.

Results of Bulk API 2.0 have no particular order and no row numbers, and their values are as
Salesforce stored them (Bulk API guide: Get Job Successful Record Results). So rows are matched by
their key if they have one, and by all their values if not; never by position. For a result that
matches no row, or may belong to different rows, see `unmatched`.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from sfbulk.csvio.cells import NULL
from sfbulk.errors import SalesforceError
from sfbulk.load.stored_forms import stored_form
from sfbulk.normalize import key_normalizer, normalizer, one_newline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sfbulk.describe.model import FieldDescribe, SObjectDescribe
    from sfbulk.load.columns import Describe
    from sfbulk.normalize import Normalize


class KeyMatcher:
    """Finds rows by their key, which only one row of a job has.

    Args:
        positions: the position of each row by its normalized key; found rows are removed from it.
        header: the column of the key.
        normalize: normalizes a key.
    """

    def __init__(self, positions: dict[str, int], header: str, normalize: Normalize) -> None:
        self._positions = positions
        self._header = header
        self._normalize = normalize

    def take(self, row: Mapping[str, str]) -> int | None:
        """The position of the row that was sent; None if it was not sent, or has a result."""
        return self._positions.pop(self._normalize(row.get(self._header, "")), None)


class ValueMatcher:
    """Finds rows by all their values; of rows with equal values, any one is found.

    Memory: about 150 bytes for each row, from the first `take` on.

    Args:
        normalizers: for each column, the function that normalizes its values.
        rows: returns the cells of the rows that were sent, in the order of `normalizers`.
    """

    def __init__(
        self, normalizers: Mapping[str, Normalize], rows: Callable[[], Iterable[Sequence[str]]]
    ) -> None:
        self._normalizers = normalizers
        self._rows = rows
        self._compared: tuple[str, ...] | None = None
        # Hashes are enough to see that two rows differ, and need less memory than the values.
        self._waiting: dict[int, int] = {}
        # For each row, the next one with equal values; -1 if there is none.
        self._next = array("q")
        self._unclear: set[int] = set()

    def take(self, row: Mapping[str, str]) -> int | None:
        """The position of a row that was sent; each is returned once.

        None if no such row was sent or is left, or if it may be one of several that differ in a
        column that the results do not have.
        """
        if self._compared is None:
            # Results only have the columns that Salesforce could match to a field.
            self._compared = tuple(header for header in self._normalizers if header in row)
            self._read_rows(self._compared)
        shown = self._hash(row, self._compared)
        position = self._waiting.get(shown, -1)
        if position < 0 or shown in self._unclear:
            return None
        self._waiting[shown] = self._next[position]
        return position

    def _read_rows(self, compared: tuple[str, ...]) -> None:
        wholes: dict[int, int] = {}
        for position, cells in enumerate(self._rows()):
            row = dict(zip(self._normalizers, cells, strict=True))
            shown = self._hash(row, compared)
            self._next.append(self._waiting.get(shown, -1))
            self._waiting[shown] = position
            if len(compared) < len(self._normalizers):
                whole = self._hash(row, self._normalizers)
                if wholes.setdefault(shown, whole) != whole:
                    self._unclear.add(shown)

    def _hash(self, row: Mapping[str, str], headers: Iterable[str]) -> int:
        normalizers = self._normalizers
        return hash(tuple(_value(normalizers[name], row.get(name, "")) for name in headers))


def _value(normalize: Normalize, cell: str) -> str:
    # Results have a null as an empty cell or as `#N/A`.
    return "" if cell == NULL else normalize(cell)


def column_normalizers(
    sobject: str, columns: Sequence[str], describe: Describe
) -> dict[str, Normalize]:
    """API call, if the object has not been described yet: a normalizer for each column.

    Args:
        sobject: the object that is loaded.
        columns: field names, `Account.Ext__c`, or `Contact:Who.Ext__c`.
        describe: describes an object.
    """
    fields = {column: _field(sobject, column, describe) for column in columns}
    return {name: normalizer(field) if field else one_newline for name, field in fields.items()}


def stored_forms(sobject: str, columns: Sequence[str], describe: Describe) -> dict[str, Normalize]:
    """API call, if the object has not been described yet: see `stored_form`, for each column."""
    return {column: stored_form(_field(sobject, column, describe)) for column in columns}


def key_column_normalizer(sobject: str, column: str, describe: Describe) -> Normalize:
    """API call, if the object has not been described yet: the normalizer for this key column."""
    field = _field(sobject, column, describe)
    return key_normalizer(field) if field else one_newline


def _field(sobject: str, column: str, describe: Describe) -> FieldDescribe | None:
    path, _, name = column.rpartition(".")
    try:
        owner = _parent(describe(sobject), path) if path else sobject
        return describe(owner).field(name) if owner else None
    except SalesforceError:
        # Users who may load an object can usually describe it. If not, the text is compared as it
        # is.
        return None


def _parent(child: SObjectDescribe, path: str) -> str | None:
    """The object that a relationship column refers to."""
    named, _, relationship = path.rpartition(":")
    wanted = relationship.lower()
    lookups = (f for f in child.fields if (f.relationship_name or "").lower() == wanted)
    return named or next((name for lookup in lookups for name in lookup.reference_to), None)
