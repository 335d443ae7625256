"""Reads and writes JSON values on one line; numbers keep the digits they were written with."""

from __future__ import annotations

import json
from datetime import date, time
from typing import Any, NoReturn

import msgspec

from sfbulk_singer.numbers import as_written, number


class JsonLineError(ValueError):
    """A line that cannot be read; the text says what it is or has, and never quotes it."""


class NumberRangeError(JsonLineError):
    """A number whose exponent is beyond what can be computed with."""


class NestingError(JsonLineError):
    """A value that is nested too deeply."""


def read_json(line: bytes) -> Any:
    """The JSON value on a line; a lone surrogate in a text stays one.

    Raises:
        JsonLineError: It is not JSON, not UTF-8, or cannot be held.
    """
    try:
        return _DECODER.decode(line)
    except UnicodeDecodeError:
        raise JsonLineError("is not UTF-8") from None
    except msgspec.ValidationError:
        raise NumberRangeError("has a number that is out of range") from None
    except msgspec.DecodeError as error:
        return _with_lone_surrogates(line, error)
    except RecursionError:
        raise NestingError("is nested too deeply") from None


def json_text(value: Any) -> str:
    """A JSON value as compact JSON; a text as itself; a stream map's date or time in ISO form."""
    if type(value) is str:
        return value
    if isinstance(value, (date, time)):
        return value.isoformat()
    return json_line(value).decode()


def json_line(value: Any) -> bytes:
    """A JSON value as compact JSON in UTF-8, without a line end.

    Raises:
        UnicodeEncodeError: A text in it has a lone surrogate, which UTF-8 does not have.
    """
    return _ENCODER.encode(value)


def escaped_json_line(value: Any) -> bytes:
    r"""`json_line` for a value with lone surrogates, which are written as escapes (`\ud800`)."""
    return _ENCODER.encode(_escaped(value))


def _with_lone_surrogates(line: bytes, error: msgspec.DecodeError) -> Any:
    """The value on a line that msgspec refuses only because it has the escape of a surrogate.

    The grammar of JSON allows such an escape (RFC 8259, section 8.2).
    """
    try:
        return json.loads(line.decode(), parse_float=number, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise JsonLineError("is not UTF-8") from None
    except (ValueError, RecursionError):
        # msgspec's messages have a position and single characters, never a value.
        where = str(error).removeprefix("JSON is malformed: ")
        raise JsonLineError(f"is not JSON ({where})") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return msgspec.Raw(json.dumps(value).encode())
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        # msgspec has no raw keys, so the object is put together here.
        members = (
            json.dumps(name).encode() + b":" + _ENCODER.encode(_escaped(item))
            for name, item in value.items()
        )
        return msgspec.Raw(b"{" + b",".join(members) + b"}")
    return value


_DECODER = msgspec.json.Decoder(float_hook=number)
_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=as_written)
