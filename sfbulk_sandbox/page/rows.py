"""Rows to look at: the first rows of an object, and the answer of a SOQL statement."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from sfbulk_sandbox.http.responses import encode_json
from sfbulk_sandbox.schema.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.schema.schema import Field, SObject

MOST_ROWS = 50
_MOST_CHARACTERS = 300
_VERSION = 68.0


@dataclass(frozen=True)
class Table:
    """Rows as text.

    Attributes:
        sobject: The object of the FROM clause.
        columns: The columns in the order of the SELECT list.
        rows: The first rows, one cell for each column; None is null.
        total: The number of all rows.
        count: The result of `SELECT COUNT()`; None for any other statement.
    """

    sobject: str
    columns: list[str]
    rows: list[list[str | None]]
    total: int
    count: int | None = None

    def with_values(self, hidden: AbstractSet[str]) -> Table:
        """Return the table without the hidden columns, and without those that are always null."""
        kept = [
            place
            for place, name in enumerate(self.columns)
            if name not in hidden and any(row[place] is not None for row in self.rows)
        ]
        rows = [[row[place] for place in kept] for row in self.rows]
        columns = [self.columns[place] for place in kept]
        return Table(self.sobject, columns, rows, self.total, self.count)


@dataclass(frozen=True)
class FieldLine:
    """One field of an object: its type with sizes, what is special about it, where it points."""

    name: str
    label: str
    type: str
    marks: list[str]
    reference_to: tuple[str, ...]


def answer(org: Org, soql: str, *, all_rows: bool = False, is_bulk: bool = False) -> Table:
    """Run a statement and return its first 50 rows.

    Args:
        org: The org.
        soql: The statement.
        all_rows: Include deleted records.
        is_bulk: Refuse what a bulk query does not support.

    Raises:
        Fault: The org refuses the statement, in Salesforce's words.
    """
    surface: Literal["rest", "bulk"] = "bulk" if is_bulk else "rest"
    query = org.query(soql, all_rows=all_rows, surface=surface, version=_VERSION)
    count = query.count()
    if count is not None:
        return Table(query.sobject.name, [], [], count, count)
    columns = [column.path for column in query.columns]
    flat = [dict(_flat(record)) for record in islice(query.records(_VERSION), MOST_ROWS + 1)]
    names = _all_names(columns, flat)
    rows = [[_text(record.get(name)) for name in names] for record in flat[:MOST_ROWS]]
    total = query.total() if len(flat) > MOST_ROWS else len(flat)
    return Table(query.sobject.name, names, rows, total)


def first_rows(org: Org, sobject: SObject) -> Table:
    """Return the first 50 rows of an object, with every field that has a value in them.

    Raises:
        Fault: The object cannot be queried.
    """
    soql = f"SELECT FIELDS(ALL) FROM {sobject.name} LIMIT {MOST_ROWS}"  # noqa: S608 - SOQL, and a name of the schema
    # Their components are columns too.
    compound = {field.name for field in sobject.fields if field.kind is Kind.COMPOUND}
    return answer(org, soql).with_values(hidden=compound)


def field_lines(sobject: SObject) -> list[FieldLine]:
    """Return the fields of an object in the order of its describe."""
    return [
        FieldLine(
            name=field.name,
            label=field.label,
            type=_type(field),
            marks=list(_marks(field)),
            reference_to=field.reference_to,
        )
        for field in sobject.fields
    ]


def _all_names(columns: list[str], records: list[dict[str, Any]]) -> list[str]:
    found = dict.fromkeys(name for record in records for name in record)
    # A missing parent is one null with the name of its relationship.
    parents = {name.rpartition(".")[0] for name in (*columns, *found)}
    if not set(found) - set(columns) - parents:
        return columns
    # The columns of subqueries and of TYPEOF have no place in `columns`, but one in the records.
    extra = [name for name in columns if name not in found]
    return [*(name for name in found if name not in parents), *extra]


def _flat(record: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a record by path, such as `Account.Name`."""
    for name, value in record.items():
        if name == "attributes":
            continue
        if isinstance(value, dict) and "attributes" in value:
            yield from _flat(value, f"{start}{name}.")
        else:
            yield f"{start}{name}", value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        text = value
    elif isinstance(value, dict) and "records" in value:
        texts = (_child_text(record) for record in value["records"])
        text = "\n".join(texts)
    else:
        text = encode_json(value).decode()
    if text is not None and len(text) > _MOST_CHARACTERS:
        return text[:_MOST_CHARACTERS] + "…"
    return text


def _child_text(record: Mapping[str, Any]) -> str:
    return ", ".join(_text(value) or "" for _, value in _flat(record))


def _type(field: Field) -> str:
    describe = field.describe
    if field.type in ("currency", "double", "percent"):
        digits = int(describe["precision"]) - int(describe["scale"])
        return f"{field.type}({digits}, {describe['scale']})"
    return f"{field.type}({field.length})" if field.length and not field.parts else field.type


def _marks(field: Field) -> Iterator[str]:
    if field.describe["externalId"]:
        yield "external id"
    if field.unique:
        yield "unique"
    if field.createable and not field.nillable and not field.describe["defaultedOnCreate"]:
        yield "required"
    if field.describe["calculated"]:
        yield "formula"
    elif not field.createable and not field.updateable:
        yield "read only"
