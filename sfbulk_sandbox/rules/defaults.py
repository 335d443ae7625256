"""The values that the org sets itself: ids, stamps, auto-numbers, defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.rules.chunk import UNSET, Chunk
from sfbulk_sandbox.schema import values
from sfbulk_sandbox.schema.schema import Field, Kind, SObject

if TYPE_CHECKING:
    from sfbulk_sandbox.schema.ids import IdSource
    from sfbulk_sandbox.schema.values import Stored

CREATED = "CreatedDate"
MODIFIED = ("LastModifiedDate", "SystemModstamp")
_EIGHT_DIGITS = "{00000000}"
_FULL_NAME = "trim(coalesce(\"FirstName\" || ' ', '') || coalesce(\"LastName\", ''))"
# The Name of a custom object's record without one is its id of 15 characters.
_OWN_ID = 'substr("Id", 1, 15)'


class Defaults:
    """The values that the org sets in the records of one object.

    Args:
        ids: The source of ids and auto-numbers.
        sobject: The object.
        user_id: The user who saves.
        empty_is_null: Whether an unset cell makes a nillable field null instead of its default.
    """

    def __init__(
        self, ids: IdSource, sobject: SObject, user_id: str, *, empty_is_null: bool = False
    ) -> None:
        self._empty_is_null = empty_is_null
        self._ids = ids
        self._sobject = sobject
        self._user_id = user_id
        self.numbers = [field for field in sobject.stored if field.auto_number]
        self._static = self._known_defaults()

    def _known_defaults(self) -> dict[Field, Stored]:
        found: dict[Field, Stored] = {}
        for field in self._sobject.stored:
            value = self._user_id if field.name == "OwnerId" else default_value(field)
            if value is not None:
                found[field] = value
        return found

    def fill(self, chunk: Chunk, rows: list[int], now: str) -> dict[Field, list[Stored]]:
        """The complete columns of new records: the values of the rows, and the org's own values."""
        record_ids: list[Stored] = [chunk.ids[row] for row in rows]
        filled: dict[Field, list[Stored]] = {}
        for field, cells in chunk.columns.items():
            is_null = self._empty_is_null and field.nillable
            default = None if is_null else self._static.get(field)
            # A null that was not refused stands for the default where the field must have a value.
            null = None if field.nillable else default
            filled[field] = [
                default if (cell := cells[row]) is UNSET else null if cell is None else cell
                for row in rows
            ]
        for field, default in self._static.items():
            filled.setdefault(field, [default] * len(rows))
        # After the values of the rows, which cannot set stamps and auto-numbers.
        for field, stamp in self._insert_stamps(now).items():
            filled[field] = [stamp] * len(rows)
        for field in self.numbers:
            filled[field] = [self.next_number(field) for _ in rows]
        filled[self._id_field()] = record_ids
        return filled

    def _id_field(self) -> Field:
        return next(field for field in self._sobject.stored if field.type == "id")

    def names(self) -> dict[Field, str]:
        """SQL for a Name that no row gives: of a person from the parts, else the record's id."""
        name = self._sobject.field("Name")
        if name is None or name.auto_number:
            return {}
        if not name.createable and self._sobject.field("LastName"):
            return {name: _FULL_NAME}
        return {name: _OWN_ID} if name.describe["defaultedOnCreate"] else {}

    def next_number(self, field: Field) -> str:
        """The next number of an auto-number field, in its format."""
        before, digits, after = self.number_format(field)
        number = self._ids.next_serial(self._serial(field))
        return f"{before}{number:0{digits}d}{after}"

    def number_format(self, field: Field) -> tuple[str, int, str]:
        """The text before an auto-number's digits, the least number of digits, the text after."""
        pattern = self._sobject.number_formats.get(field.name, _EIGHT_DIGITS)
        before, _, rest = pattern.partition("{")
        digits, _, after = rest.partition("}")
        return before, len(digits), after

    def advance(self, field: Field, number: int) -> None:
        """Do not use auto-numbers up to this one."""
        self._ids.advance(self._serial(field), number)

    def _serial(self, field: Field) -> str:
        return f"{self._sobject.name}.{field.name}"

    def _insert_stamps(self, now: str) -> dict[Field, Stored]:
        names = {CREATED: now, "CreatedById": self._user_id, "IsDeleted": "false"}
        return self._present(names) | self.update_stamps(now)

    def update_stamps(self, now: str) -> dict[Field, Stored]:
        """The stamps that every change sets."""
        return self._present({**dict.fromkeys(MODIFIED, now), "LastModifiedById": self._user_id})

    def _present(self, stamps: dict[str, str]) -> dict[Field, Stored]:
        found: dict[Field, Stored] = {}
        for name, value in stamps.items():
            field = self._sobject.field(name)
            if field is not None:
                found[field] = value
        return found

    def serials(self) -> dict[str, int]:
        """The counters that new records use."""
        names = [self._sobject.key_prefix or "000"]
        names += [self._serial(field) for field in self.numbers]
        return {name: self._ids.serials[name] for name in names}


def default_value(field: Field) -> Stored:
    """The default of a field in a new record."""
    default = field.describe["defaultValue"]
    if field.kind is Kind.BOOLEAN:
        return "true" if default is True or default == "true" else "false"
    if not field.describe["defaultedOnCreate"]:
        return None
    chosen = [entry["value"] for entry in field.describe["picklistValues"] if entry["defaultValue"]]
    if default is None and chosen:
        default = chosen[0]
    return None if default is None else values.parse_cell(field, str(default))
