"""Finds the row that was sent for each row of a 2.0 job's results.

Results of Bulk API 2.0 have no particular order and no row numbers, and their values are as
Salesforce stored them (Bulk API guide: Get Job Successful Record Results). So rows are matched by
their key if they have one, and by all their values if not; never by position. If a result may
belong to different rows, it is an error: nothing is guessed.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

from sfbulk.csvio.cells import NULL
from sfbulk.errors import ResultsMismatch, SalesforceError
from sfbulk.normalize import key_normalizer, normalizer, one_newline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sfbulk.describe.model import FieldDescribe, SObjectDescribe
    from sfbulk.load.columns import Describe
    from sfbulk.normalize import Normalize


class KeyMatcher:
    """Finds rows by their key, which only one row of a job has.

    Args:
        numbers: the number of each row by its normalized key; found rows are removed from it.
        header: the column of the key.
        normalize: normalizes a key.
    """

    def __init__(self, numbers: dict[str, int], header: str, normalize: Normalize) -> None:
        self._numbers = numbers
        self._header = header
        self._normalize = normalize

    def take(self, row: Mapping[str, str]) -> int:
        """The number of the row that was sent; each is returned once.

        Raises:
            ResultsMismatch: it was not sent, or it already had a result.
        """
        number = self._numbers.pop(self._normalize(row.get(self._header, "")), None)
        if number is None:
            raise ResultsMismatch(_NOT_SENT)
        return number


class ValueMatcher:
    """Finds rows by all their values; of rows with equal values, any one is found.

    Memory: the values and the number of each row, from the first `take` on.

    Args:
        normalizers: for each column, the function that normalizes its values.
        rows: returns the cells of the rows that were sent, in the order of `normalizers`.
    """

    def __init__(
        self, normalizers: Mapping[str, Normalize], rows: Callable[[], Iterable[Sequence[str]]]
    ) -> None:
        self._normalizers = normalizers
        self._rows = rows
        self._waiting: dict[tuple[str, ...], deque[tuple[int, int]]] | None = None
        self._compared: tuple[str, ...] = ()

    def take(self, row: Mapping[str, str]) -> int:
        """The number of a row that was sent, from 0; each is returned once.

        Raises:
            ResultsMismatch: no such row was sent, or all such rows already had a result; or the
                result may belong to rows that differ in a column that results do not have.
        """
        if self._waiting is None:
            # Results only have the columns that Salesforce could match to a field.
            self._compared = tuple(header for header in self._normalizers if header in row)
            self._waiting = self._by_values()
        equal = self._waiting.get(self._shown(row))
        if not equal:
            raise ResultsMismatch(_NOT_SENT)
        if len({whole for _, whole in equal}) > 1:
            raise ResultsMismatch(
                f"{len(equal)} rows differ only in columns that the results do not have, so it is "
                "not known which row a result belongs to. Load them with a key, by an upsert."
            )
        return equal.popleft()[0]

    def _by_values(self) -> dict[tuple[str, ...], deque[tuple[int, int]]]:
        waiting: dict[tuple[str, ...], deque[tuple[int, int]]] = defaultdict(deque)
        for number, cells in enumerate(self._rows()):
            row = dict(zip(self._normalizers, cells, strict=True))
            # A hash of all values is enough to see that two rows differ, and needs less memory.
            waiting[self._shown(row)].append((number, hash(self._whole(row))))
        return waiting

    def _whole(self, row: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(_value(each, row[header]) for header, each in self._normalizers.items())

    def _shown(self, row: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(_value(self._normalizers[header], row[header]) for header in self._compared)


def _value(normalize: Normalize, cell: str) -> str:
    # Results have a null as an empty cell or as `#N/A`.
    return "" if cell == NULL else normalize(cell)


_NOT_SENT = "A result belongs to no row that was sent, or to one that already had a result."


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
        # is, and a result that then matches no row is an error.
        return None


def _parent(child: SObjectDescribe, path: str) -> str | None:
    """The object that a relationship column refers to."""
    named, _, relationship = path.rpartition(":")
    wanted = relationship.lower()
    lookups = (f for f in child.fields if (f.relationship_name or "").lower() == wanted)
    return named or next((name for lookup in lookups for name in lookup.reference_to), None)
