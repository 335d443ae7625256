"""Encodes a Singer record value as the CSV cell of its Salesforce field, or says why it cannot.

One encoder per field, chosen once by the field's describe type and the SCHEMA. A value that
Salesforce would store as another (parts of a second, more decimals) is fitted and reported, or
refused. What Salesforce itself rejects with a row error (a text that is too long, an unknown
picklist value, a number with too many digits) is left to Salesforce.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfbulk.normalize import LONG_ID, SHORT_ID, id_checks
from target_sfbulk.encode_numbers import (
    exact_number,
    integer_encoder,
    number_encoder,
    plain_text,
    whole_text,
)
from target_sfbulk.encode_times import date_encoder, datetime_encoder, time_encoder
from target_sfbulk.json_lines import JsonLineError, json_text, read_json
from target_sfbulk.losses import UnconvertibleError, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk import FieldDescribe
    from target_sfbulk.losses import Encode, OnLoss

CLEARS_THE_FIELD = "#N/A"
"""Cell that empties a field; an empty cell would leave it alone (Bulk API guide: Valid CSV
Record Rows)."""

REFUSED_TYPES = {
    "address": "send its parts, such as BillingStreet",
    "location": "send its parts, the fields ending in __Latitude__s and __Longitude__s",
    "base64": "Bulk API 2.0 takes no binary data",
    "complexvalue": "Bulk API 2.0 takes no structured data",
}
"""Types that a CSV column cannot have, with what to do instead (Bulk API guide: Prepare CSV
Files)."""

_WITHOUT_BLANKS = frozenset({"combobox", "email", "phone", "picklist", "url"})
"""Types of text whose values never have blanks around them."""

# What databases write for their booleans: PostgreSQL takes each of these words. MySQL's drivers may
# give a BIT as the character of its byte.
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1", "\x01"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0", "\x00"})
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)


def encoder_for(field: FieldDescribe, schema: Any = None, on_loss: OnLoss = refuse) -> Encode:
    """The encoder of a field, by its describe type; an unknown type takes text.

    Args:
        field: The field.
        schema: The SCHEMA's property for the record field, as the tap wrote it; its type decides
            how a number is written in a text field.
        on_loss: Called for a value that Salesforce would store as another.
    """
    if field.type in {"double", "currency", "percent"}:
        return number_encoder(field.scale, on_loss)
    if field.type in _WITH_LOSS:
        return _WITH_LOSS[field.type](on_loss)
    if field.type in _EXACT:
        return _EXACT[field.type]
    return _text_encoder(field, schema)


def is_blank(value: Any) -> bool:
    """Whether a value is a text of blanks, as a CHAR column pads an empty text."""
    return isinstance(value, str) and not value.strip()


def _text_encoder(field: FieldDescribe, schema: Any) -> Encode:
    numbers = _whole_or_any(schema)
    # Two spellings of one value must find one record: numbers by the SCHEMA, texts without the
    # blanks that a CHAR column adds. Other texts keep their blanks and the digits they came with.
    finds_records = field.external_id or field.id_lookup
    text = _trimmed if finds_records or field.type in _WITHOUT_BLANKS else _text
    if numbers == "integer":
        return _text_of_numbers(whole_text, text)
    return _text_of_numbers(plain_text, text) if numbers == "number" and finds_records else text


def _whole_or_any(schema: Any) -> str | None:
    """`integer` or `number`, if the SCHEMA says that numbers are of this type; else None."""
    types = set(types_of(schema))
    if "number" not in types:
        return "integer" if "integer" in types else None
    step = schema.get("multipleOf")
    # As a float, so that an endless exponent costs nothing.
    size = float(step) if isinstance(step, (int, float, Decimal)) else 0.0
    return "integer" if size >= 1 and size.is_integer() else "number"


def types_of(schema: Any) -> Iterator[str]:
    """The JSON types that a property of a SCHEMA names, also in its alternatives."""
    # JSON Schema has `true` and `false` as schemas too, and a tap may write anything.
    if not isinstance(schema, Mapping):
        return
    types = schema.get("type")
    yield from (one for one in _listed_in(types) or [types] if isinstance(one, str))
    for key in ("anyOf", "oneOf", "allOf"):
        for choice in _listed_in(schema.get(key)):
            yield from types_of(choice)


def _listed_in(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text_of_numbers(number_text: Encode, text: Encode) -> Encode:
    def encode(value: Any) -> str:
        return text(value) if type(value) is str else number_text(value)

    return encode


def _text(value: Any) -> str:
    if type(value) is not str:
        if isinstance(value, float) and not math.isfinite(value):
            raise UnconvertibleError("it is infinite or not a number")
        return json_text(value)
    if value == CLEARS_THE_FIELD:
        raise UnconvertibleError(
            f"the text {CLEARS_THE_FIELD} cannot be stored: Salesforce reads it as null"
        )
    return value


def _trimmed(value: Any) -> str:
    text = _text(value.strip() if type(value) is str else value)
    if not text:
        raise UnconvertibleError(_BLANK)
    return text


_BLANK = "it is a text of blanks"


def _choices(value: Any) -> str:
    """A list as `a;b`; an empty one is the empty text."""
    if type(value) is str and (listed := _listed(value)) is not None:
        value = listed
    if not isinstance(value, list):
        return _separated(value) if type(value) is str else _text(value)
    if any(choice is None or isinstance(choice, (list, dict)) for choice in value):
        raise UnconvertibleError("a choice is null, a list or an object")
    choices = [_text(choice).strip() for choice in value]
    if not all(choices):
        raise UnconvertibleError("a choice is empty")
    if any(";" in choice for choice in choices):
        raise UnconvertibleError("a choice contains the separator `;`")
    return ";".join(choices)


def _separated(text: str) -> str:
    choices = (choice.strip() for choice in text.split(";"))
    return _trimmed(";".join(choice for choice in choices if choice))


def _listed(text: str) -> list[Any] | None:
    """The values of a JSON list; warehouses without a type for lists hold them as such a text."""
    if not text.lstrip().startswith("["):
        return None
    try:
        listed: list[Any] = read_json(text.encode())
    except (JsonLineError, UnicodeEncodeError):
        return None
    return listed


def _boolean(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    word = json_text(value).strip().lower()
    if word in _TRUE:
        return "true"
    if word in _FALSE:
        return "false"
    return _boolean_of_number(value)


def _boolean_of_number(value: Any) -> str:
    # `1.0`, as a column of floats has it; `01`, as the byte of a BIT is written.
    try:
        number = exact_number(value)
    except UnconvertibleError:
        number = None
    if number is None or number not in (0, 1):
        raise UnconvertibleError("it is neither true nor false")
    return "true" if number else "false"


def _record_id(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not _ID.fullmatch(text):
        raise UnconvertibleError("it is not a Salesforce id of 15 or 18 characters")
    if len(text) == LONG_ID and text[SHORT_ID:] != id_checks(text):
        raise UnconvertibleError("it is a Salesforce id with wrong check characters at its end")
    return text


_WITH_LOSS = {
    "date": date_encoder,
    "datetime": datetime_encoder,
    "int": integer_encoder,
    "long": integer_encoder,
    "time": time_encoder,
}
_EXACT: dict[str, Encode] = {
    "boolean": _boolean,
    "id": _record_id,
    "multipicklist": _choices,
    "reference": _record_id,
}
