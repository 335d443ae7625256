"""The rows of the org that the loaders get, read over REST by a reader that is not the tap's."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import requests

from sfbulk_sandbox import Sandbox
from tests.clients.conftest import write_invoices
from tests.e2e.commands import sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OBJECTS = ("Account", "Contact", "Invoice__c")
# They have no values of their own: the bulk APIs do not offer them.
COMPOUND = {"address", "location"}
NUMBERS = {"double", "currency", "percent"}
DOUBLE_DIGITS = 15


class Value(NamedTuple):
    """A value of the org.

    Attributes:
        kind: The column of docs/loaders.md that it belongs to.
        given: What REST says: text, `Decimal`, `bool` or None. Instants end with `Z`, as in CSV.
    """

    kind: str
    given: Any


Rows = dict[str, dict[str, Value]]
"""The rows of an object: by id, then by field."""


def config(org: Sandbox) -> dict[str, Any]:
    """Return the settings of a tap that reads the objects."""
    return sign_in(org) | {"streams_to_discover": list(OBJECTS)}


@contextmanager
def sample_org(folder: Path) -> Iterator[Sandbox]:
    """Open an org of the sample rows and of invoices with texts that clients often change."""
    with Sandbox(sample=True, data=write_invoices(folder / "data")) as org:
        yield org


def read(org: Sandbox) -> dict[str, Rows]:
    """Return all rows of the objects by name."""
    return {name: _object_rows(org, name) for name in OBJECTS}


def _object_rows(org: Sandbox, name: str) -> Rows:
    types = {
        field["name"]: field["type"]
        for field in _get(org, f"sobjects/{name}/describe")["fields"]
        if field["type"] not in COMPOUND
    }
    answer = _get(org, "queryAll", q=f"SELECT {', '.join(types)} FROM {name}")  # noqa: S608 - our own names
    assert answer["done"]
    return {
        record["Id"]: {field: _value(kind, record[field]) for field, kind in types.items()}
        for record in answer["records"]
    }


def _value(field_type: str, given: Any) -> Value:
    if given is None:
        return Value("Null", None)
    if field_type in NUMBERS:
        digits = len(given.as_tuple().digits)
        return Value("Number" if digits <= DOUBLE_DIGITS else "Over 15 digits", given)
    if field_type == "datetime":
        return Value("Date and time", given.replace("+0000", "Z"))
    kinds = {"int": "Whole number", "date": "Date", "time": "Time", "boolean": "Boolean"}
    return Value(kinds.get(field_type, "Text"), given)


def _get(org: Sandbox, path: str, **parameters: str) -> Any:
    answer = requests.get(
        f"{org.url}/services/data/v68.0/{path}",
        params=parameters,
        headers={"Authorization": f"Bearer {org.access_token}"},
        timeout=30,
    )
    assert answer.ok, answer.text
    return answer.json(parse_float=Decimal, parse_int=Decimal)
