"""Normalizes the text forms of one value (1 and 1.0, ids of 15 and 18 characters); no I/O.

Results of Bulk API 2.0 have the values as Salesforce stored them: `1` becomes `1.0`, and an id
of 15 characters becomes one of 18. So values that were sent and values in results are compared
in their normal form.
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

__all__ = [
    "LONG_ID",
    "NUMBER",
    "NUMBER_GRAMMAR",
    "SHORT_ID",
    "PrecisionLoss",
    "fit_line_breaks",
    "id_checks",
    "key_normalizer",
    "long_id",
    "normalizer",
    "one_newline",
]

NUMBER_GRAMMAR = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
"""A number as JSON writes it (RFC 8259, section 6), for any engine of regular expressions."""

NUMBER = re.compile(NUMBER_GRAMMAR)

SHORT_ID, LONG_ID = 15, 18
"""Characters of the two forms of a record id: case-sensitive, and with three check characters."""


class PrecisionLoss(str, Enum):
    """What to do with a value that Salesforce would store as another value."""

    FIT = "fit"
    """Send it as Salesforce would store it, and count it."""
    REJECT = "reject"
    """Reject the record, naming the column."""


_CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
# Also `+5`, `.5` and `5.`, which Salesforce takes.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-]\d\d):?(\d\d))", re.ASCII
)


def normalizer(field: FieldDescribe) -> Normalize:
    """A function that brings the texts of one value of this field to its normal form."""
    return _NORMALIZERS.get(field.type, one_newline)


def key_normalizer(field: FieldDescribe) -> Normalize:
    """A function that brings all texts that find the same record by `field` to one form.

    An external id that is not case-sensitive finds its record in upper and lower case.
    """
    typed = normalizer(field)
    if field.type in ("id", "reference"):
        return typed
    if field.case_sensitive:
        return lambda text: typed(text.strip())
    return lambda text: typed(text.strip()).casefold()


def long_id(text: str) -> str:
    """A record id of 15 characters as one of 18; any other text unchanged."""
    return text + id_checks(text) if len(text) == SHORT_ID else text


def id_checks(text: str) -> str:
    """The three check characters of an id, computed from its first 15.

    Each encodes which of five characters are capital letters (SOAP API guide: ID Field Type).
    """
    fives = (text[start : start + 5] for start in range(0, SHORT_ID, 5))
    return "".join(
        _CHECKS[sum(1 << place for place, char in enumerate(five) if "A" <= char <= "Z")]
        for five in fives
    )


def one_newline(text: str) -> str:
    """The text with CRLF and CR as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def fit_line_breaks(cells: list[str]) -> list[int]:
    """Replace CR and CRLF in the cells of a row by LF, in place; the positions of changed cells.

    Salesforce's own CSV reader turns CR and CRLF inside quotes into LF (forcedotcom/wsc,
    `CSVReader`), and results have LF (recorded in 2026). Salesforce may also refuse a job whose
    values have another line ending than the job.
    """
    # One search for the whole row is much faster than one for each cell.
    if "\r" not in "".join(cells):
        return []
    others = [at for at, cell in enumerate(cells) if "\r" in cell]
    for at in others:
        cells[at] = one_newline(cells[at])
    return others


def _number(text: str) -> str:
    text = text.strip()
    # Adding zero turns a negative zero into zero.
    return str(Decimal(text).normalize() + 0) if _NUMBER.fullmatch(text) else text


def _boolean(text: str) -> str:
    word = text.strip().lower()
    return {"1": "true", "0": "false"}.get(word, word)


def _instant(text: str) -> str:
    found = _INSTANT.fullmatch(text)
    if found is None:
        return text
    # Salesforce writes the zone as "+0000", which Python 3.10 cannot parse. Milliseconds are left
    # out, since Salesforce stores seconds only.
    day, time, hours, minutes = found.groups()
    zone = f"{hours}:{minutes}" if hours else "+00:00"
    try:
        return str(datetime.fromisoformat(f"{day}T{time}{zone}").astimezone(timezone.utc))
    except (ValueError, OverflowError):
        return text


# By the field's type. Values of other types are only normalized in their line breaks.
_NORMALIZERS: dict[str, Normalize] = {
    "boolean": _boolean,
    "currency": _number,
    "datetime": _instant,
    "double": _number,
    "id": long_id,
    "int": _number,
    "long": _number,
    "percent": _number,
    "reference": long_id,
}
