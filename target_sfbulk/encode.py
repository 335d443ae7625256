"""Encodes a Singer record value as the CSV cell of its Salesforce field, or says why it cannot.

One encoder per field, chosen once by the field's describe type and the SCHEMA. A value that
Salesforce would store as another (parts of a second, more decimals) is fitted and reported, or
refused. What Salesforce itself rejects with a row error (a text that is too long, an unknown
picklist value, a number with too many digits) is left to Salesforce.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk.normalize import LONG_ID, SHORT_ID, id_checks
from target_sfbulk.encode_numbers import integer_encoder, number_encoder, plain_text, whole_text
from target_sfbulk.encode_times import date_encoder, datetime_encoder, time_encoder
from target_sfbulk.json_lines import json_text
from target_sfbulk.losses import UnconvertibleError, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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

# What databases write for their booleans: PostgreSQL takes each of these words.
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)
_LIST_OF_TEXTS = msgspec.json.Decoder(list[str])


def encoder_for(
    field: FieldDescribe, schema: Mapping[str, Any] | None = None, on_loss: OnLoss = refuse
) -> Encode:
    """The encoder of a field, by its describe type; an unknown type takes text.

    Args:
        field: The field.
        schema: The SCHEMA's property for the record field; its type decides how a number is
            written in a text field.
        on_loss: Called for a value that Salesforce would store as another.
    """
    if field.type in {"double", "currency", "percent"}:
        return number_encoder(field.scale, on_loss)
    if field.type in _WITH_LOSS:
        return _WITH_LOSS[field.type](on_loss)
    if field.type in _EXACT:
        return _EXACT[field.type]
    return _text_encoder(field, schema or {})


def _text_encoder(field: FieldDescribe, schema: Mapping[str, Any]) -> Encode:
    numbers = _whole_or_any(schema)
    # Two spellings of one number must find one record. Other texts keep the digits they came with.
    finds_records = field.external_id or field.id_lookup
    if numbers == "integer":
        return _text_of_numbers(whole_text)
    return _text_of_numbers(plain_text) if numbers == "number" and finds_records else _text


def _whole_or_any(schema: Mapping[str, Any]) -> str | None:
    """`integer` or `number`, if the SCHEMA says that numbers are of this type; else None."""
    types = set(_types(schema))
    if "number" not in types:
        return "integer" if "integer" in types else None
    step = schema.get("multipleOf")
    # As a float, so that an endless exponent costs nothing.
    size = float(step) if isinstance(step, (int, float, Decimal)) else 0.0
    return "integer" if size >= 1 and size.is_integer() else "number"


def _types(schema: Mapping[str, Any]) -> Iterator[str]:
    types = schema.get("type")
    yield from [types] if isinstance(types, str) else types or ()
    for key in ("anyOf", "oneOf", "allOf"):
        for choice in schema.get(key) or ():
            yield from _types(choice)


def _text_of_numbers(number_text: Encode) -> Encode:
    def encode(value: Any) -> str:
        return _text(value) if type(value) is str else number_text(value)

    return encode


def _text(value: Any) -> str:
    if type(value) is not str:
        return json_text(value)
    if value == CLEARS_THE_FIELD:
        raise UnconvertibleError(
            f"the text {CLEARS_THE_FIELD} cannot be stored: Salesforce reads it as null"
        )
    return value


def _choices(value: Any) -> str:
    """A list as `a;b`; an empty one is the empty text."""
    if isinstance(value, str) and (listed := _listed(value)) is not None:
        value = listed
    if not isinstance(value, list):
        return _text(value)
    if any(choice in (None, "") or isinstance(choice, (list, dict)) for choice in value):
        raise UnconvertibleError("a choice is null, empty, a list or an object")
    choices = [_text(choice) for choice in value]
    if any(";" in choice for choice in choices):
        raise UnconvertibleError("a choice contains the separator `;`")
    return ";".join(choices)


def _listed(text: str) -> list[str] | None:
    """The texts of a JSON list; warehouses without a type for lists hold them as such a text."""
    if not text.startswith("["):
        return None
    try:
        return _LIST_OF_TEXTS.decode(text)
    except msgspec.MsgspecError:
        return None


def _boolean(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    word = json_text(value).strip().lower()
    # A list is not its only element, and an exponent is a number all the same.
    if isinstance(value, Decimal) and value in (0, 1):
        word = str(int(value))
    if word in _TRUE:
        return "true"
    if word in _FALSE:
        return "false"
    raise UnconvertibleError("it is neither true nor false")


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
