"""Reads the records of a long JSON array or XML document in chunks; no I/O.

Memory: one chunk and one incomplete record.
"""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfbulk.errors import DataError
from sfbulk.http.safe_xml import ChildParser, UnusableXmlError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree import ElementTree as ET

_BETWEEN = re.compile(r"[\s,]*")
# Numbers keep all digits: a float would round the values of a currency field.
_DECODER = json.JSONDecoder(parse_float=Decimal)


def json_records(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The objects of an array.

    Raises:
        DataError: the bytes are not an array of objects.
    """
    text, place = "", 0
    closed = opened = False
    for piece in _decoded(chunks):
        text, place = text[place:] + piece, 0
        if not opened and (text := text.lstrip()):
            opened, place = _opened(text), 1
        while opened and not closed:
            place = _skipped(text, place)
            if text.startswith("]", place):
                closed, place = True, place + 1
                break
            # The library cannot be fed in chunks: it tries again from the start of the record.
            try:
                record, place = _DECODER.raw_decode(text, place)
            except RecursionError:
                raise DataError("The results are JSON that is nested too deeply.") from None
            except ValueError:
                break  # The end of the record is in a later chunk.
            if not isinstance(record, dict):
                raise DataError("The results are JSON, but have an entry that is not an object.")
            yield record
    if not closed or text[place:].strip():
        raise DataError("The results are not a complete JSON array.")


def xml_records(chunks: Iterable[bytes]) -> Iterator[ET.Element]:
    """The children of the root.

    Raises:
        DataError: the bytes are not XML, or have a DTD.
    """
    parser = ChildParser()
    try:
        for chunk in chunks:
            yield from parser.feed(chunk)
        parser.close()
    except UnusableXmlError as error:
        raise DataError(f"The results are not a complete XML document: {error}.") from error


def _decoded(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        for chunk in chunks:
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise DataError("The results are not UTF-8.") from error


def _opened(text: str) -> bool:
    if not text.startswith("["):
        raise DataError("The results are not a JSON array.")
    return True


def _skipped(text: str, place: int) -> int:
    """Where the next record begins, after white space and a comma."""
    between = _BETWEEN.match(text, place)
    return between.end() if between else place
