"""Writes JSON values as compact JSON; numbers keep the digits they were read with."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import msgspec

from sfbulk_singer.numbers import as_written


def json_text(value: Any) -> str:
    """A JSON value as compact JSON; a text as itself; a stream map's date or time in ISO form."""
    if type(value) is str:
        return value
    if isinstance(value, (date, time)):
        return value.isoformat()
    return json_line(value).decode()


def json_line(value: Any) -> bytes:
    """A JSON value as compact JSON in UTF-8, without a line end."""
    return _ENCODER.encode(value)


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=as_written)
