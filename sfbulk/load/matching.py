"""Finds the row that was sent for each row of a 2.0 job's results.

Results of Bulk API 2.0 come in no particular order, without row numbers, and after typing
(Bulk API guide: Get Job Successful Record Results). So rows are matched by their key where
they have one, by all their values otherwise; never by position. What cannot be told apart
is an error, not a guess.
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
    """Rows by their key, which stands once in a job."""

    def __init__(self, numbers: dict[str, int], header: str, form: Normalize) -> None:
        """Take the keys.

        Args:
            numbers: the number of each row by the form of its key; rows are taken out of it.
            header: the column of the key.
            form: brings a key to its form.
        """
        self._numbers = numbers
        self._header = header
        self._form = form

    def take(self, row: Mapping[str, str]) -> int:
        """The number of the row that was sent; each is handed out once.

        Raises:
            ResultsMismatch: it was not sent, or its result came before.
        """
        number = self._numbers.pop(self._form(row.get(self._header, "")), None)
        if number is None:
            raise ResultsMismatch(_NOT_SENT)
        return number


class ValueMatcher:
    """Rows by all their values; rows with equal values stand for each other.

    Memory: a row's values and its number, from the first `take` on.
    """

    def __init__(
        self, forms: Mapping[str, Normalize], rows: Callable[[], Iterable[Sequence[str]]]
    ) -> None:
        """Take the rows that were sent.

        Args:
            forms: each column and what brings its cells to one form.
            rows: gives their cells, in the order of `forms`.
        """
        self._forms = forms
        self._rows = rows
        self._waiting: dict[tuple[str, ...], deque[tuple[int, int]]] | None = None
        self._compared: tuple[str, ...] = ()

    def take(self, row: Mapping[str, str]) -> int:
        """The number of a row that was sent, from 0; each is handed out once.

        Raises:
            ResultsMismatch: no such row was sent, or all of its kind had their results; or
                several differ in what results do not show, so that this may be any of them.
        """
        if self._waiting is None:
            # Results hold the columns that Salesforce could match to a field.
            self._compared = tuple(header for header in self._forms if header in row)
            self._waiting = self._by_values()
        alike = self._waiting.get(self._shown(row))
        if not alike:
            raise ResultsMismatch(_NOT_SENT)
        if len({whole for _, whole in alike}) > 1:
            raise ResultsMismatch(
                f"{len(alike)} rows that differ only in columns that results leave out cannot "
                "be told apart: load them with a key, as by an upsert."
            )
        return alike.popleft()[0]

    def _by_values(self) -> dict[tuple[str, ...], deque[tuple[int, int]]]:
        waiting: dict[tuple[str, ...], deque[tuple[int, int]]] = defaultdict(deque)
        for number, cells in enumerate(self._rows()):
            row = dict(zip(self._forms, cells, strict=True))
            waiting[self._shown(row)].append((number, hash(self._whole(row))))
        return waiting

    def _whole(self, row: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(_value(form, row[header]) for header, form in self._forms.items())

    def _shown(self, row: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(_value(self._forms[header], row[header]) for header in self._compared)


def _value(form: Normalize, cell: str) -> str:
    # A null comes back as an empty cell, or as it was sent.
    return "" if cell == NULL else form(cell)


_NOT_SENT = "A result belongs to no row that was sent, or to one that had its result already."


def column_normalizers(
    sobject: str, columns: Sequence[str], describe: Describe
) -> dict[str, Normalize]:
    """API call, if the object has not been described yet: what normalizes each column's values.

    Args:
        sobject: the object that is loaded.
        columns: field names, `Account.Ext__c`, or `Contact:Who.Ext__c`.
        describe: describes an object.
    """
    fields = {column: _field(sobject, column, describe) for column in columns}
    return {name: normalizer(field) if field else one_newline for name, field in fields.items()}


def key_column_normalizer(sobject: str, column: str, describe: Describe) -> Normalize:
    """API call, if the object has not been described yet: what normalizes keys in this column."""
    field = _field(sobject, column, describe)
    return key_normalizer(field) if field else one_newline


def _field(sobject: str, column: str, describe: Describe) -> FieldDescribe | None:
    path, _, name = column.rpartition(".")
    try:
        owner = _parent(describe(sobject), path) if path else sobject
        return describe(owner).field(name) if owner else None
    except SalesforceError:
        # Who may load an object may mostly describe it. Otherwise text stays as it is, and
        # what then matches no row is an error of its own.
        return None


def _parent(child: SObjectDescribe, path: str) -> str | None:
    """The object that a relationship column leads to."""
    named, _, relationship = path.rpartition(":")
    wanted = relationship.lower()
    lookups = (f for f in child.fields if (f.relationship_name or "").lower() == wanted)
    return named or next((name for lookup in lookups for name in lookup.reference_to), None)
