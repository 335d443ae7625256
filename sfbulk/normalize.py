"""Brings the texts that Salesforce takes for one value to one form; no I/O.

Results of Bulk API 2.0 come back after typing (`1` as `1.0`, an id of 15 characters as
one of 18), so what was sent and what came back are compared in the forms of this module.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.describe.model import FieldDescribe

    Normalize = Callable[[str], str]

SHORT_ID, LONG_ID = 15, 18
"""Characters of a record id, and of its form that survives a change of case."""


class PrecisionLoss(str, Enum):
    """What becomes of a value that Salesforce would store as another."""

    FIT = "fit"
    """It is sent as Salesforce stores it, and counted."""
    REJECT = "reject"
    """It is refused by name."""


_CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-]\d\d):?(\d\d))", re.ASCII
)


def normalizer(field: FieldDescribe) -> Normalize:
    """A function from a cell, as sent or as it comes back in results, to one form of its value."""
    return _FORMS.get(field.type, one_newline)


def key_normalizer(field: FieldDescribe) -> Normalize:
    """A function that brings texts that find the same record by `field` to one form.

    An external id that is not case sensitive finds its record in any case.
    """
    typed = normalizer(field)
    if field.type in ("id", "reference"):
        return typed
    if field.case_sensitive:
        return lambda text: typed(text.strip())
    return lambda text: typed(text.strip()).casefold()


def long_id(text: str) -> str:
    """The 18 character form of a record id of 15; anything else unchanged."""
    return text + id_checks(text) if len(text) == SHORT_ID else text


def id_checks(text: str) -> str:
    """The three check characters of an id, from its first 15.

    One for each five characters, telling which of them are capitals (SOAP API guide: ID
    Field Type).
    """
    fives = (text[start : start + 5] for start in range(0, SHORT_ID, 5))
    return "".join(
        _CHECKS[sum(1 << place for place, char in enumerate(five) if "A" <= char <= "Z")]
        for five in fives
    )


def one_newline(text: str) -> str:
    """The text with every kind of line break as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def fit_line_breaks(cells: list[str]) -> list[int]:
    """Bring the line breaks in the texts of a row to LF, in place; which cells had others.

    Salesforce's own CSV reader makes a CR and a CRLF inside quotes a LF (forcedotcom/wsc,
    `CSVReader`), and results give LF back (recorded in 2026). A job that has them in its text
    may also be refused for its line ending.
    """
    # One search for the whole row is much faster than one for each cell.
    if "\r" not in "".join(cells):
        return []
    others = [at for at, cell in enumerate(cells) if "\r" in cell]
    for at in others:
        cells[at] = one_newline(cells[at])
    return others


def _number(text: str) -> str:
    # Adding zero turns a negative zero into zero.
    return str(Decimal(text).normalize() + 0) if _NUMBER.fullmatch(text) else text


def _instant(text: str) -> str:
    found = _INSTANT.fullmatch(text)
    if found is None:
        return text
    day, time, hours, minutes = found.groups()
    zone = f"{hours}:{minutes}" if hours else "+00:00"
    try:
        return str(datetime.fromisoformat(f"{day}T{time}{zone}").astimezone(timezone.utc))
    except (ValueError, OverflowError):
        return text


_FORMS: dict[str, Normalize] = {
    "boolean": str.lower,
    "currency": _number,
    "datetime": _instant,
    "double": _number,
    "id": long_id,
    "int": _number,
    "long": _number,
    "percent": _number,
    "reference": long_id,
}
