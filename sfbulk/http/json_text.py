"""Decodes the JSON text that another program sends; no I/O."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_VALUES = 4_000_000
"""Of a document: 2,000 records of 2,000 fields. One of a few bytes each, such as `[],`, would need
thirty times the memory of its text."""

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class UnusableJsonError(ValueError):
    """The bytes are not JSON; the text says what they are, and quotes nothing of them."""


def json_decoder(
    number: type[str] | None = None, decimal: Callable[[str], Any] | None = None
) -> json.JSONDecoder:
    """A decoder for `json_value` and `next_json_value`.

    Args:
        number: what makes numbers of their texts; None for int and float.
        decimal: the same for numbers that are not whole.
    """
    return json.JSONDecoder(
        parse_int=number, parse_float=decimal or number, parse_constant=_refused
    )


def _refused(word: str) -> Any:
    raise UnusableJsonError(f"JSON that has {word}, which is no JSON")


_PLAIN = json_decoder()


def json_value(body: bytes, decoder: json.JSONDecoder = _PLAIN) -> Any:
    """The value of a JSON document in UTF-8, UTF-16 or UTF-32, with a byte order mark or without.

    A lone surrogate (half a character of UTF-16) has no UTF-8, so no file or log can hold it. It
    becomes a question mark, as in the files of Bulk API.

    Raises:
        UnusableJsonError: it is not JSON, is nested too deeply, has too many values, or a number
            without end.
    """
    # Commas in texts count too, which are fewer than one in twenty bytes.
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise UnusableJsonError(f"JSON that has more than {MOST_VALUES:,} values")
    try:
        text = body.decode(json.detect_encoding(body))
        value = decoder.decode(text)
        return _storable(value) if _ESCAPED_SURROGATE.search(text) else value
    except UnusableJsonError:
        raise
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise UnusableJsonError("a body that is not JSON") from None
    except RecursionError:
        raise UnusableJsonError("JSON that is nested too deeply") from None
    except ValueError:
        # Python refuses to read integers of more than 4,300 digits.
        raise UnusableJsonError("JSON that has a number of thousands of digits") from None


def next_json_value(text: str, place: int, decoder: json.JSONDecoder) -> tuple[Any, int]:
    """The value that begins at this place, as by `json_value`, and where it ends.

    Raises:
        UnusableJsonError: it has a number without end.
        ValueError: it is not complete, or not JSON.
        RecursionError: it is nested too deeply.
    """
    value, end = decoder.raw_decode(text, place)
    return _storable(value) if _ESCAPED_SURROGATE.search(text, place, end) else value, end


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_storable(name): _storable(each) for name, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list) else value
