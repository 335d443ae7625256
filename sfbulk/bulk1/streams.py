"""Reads the records of a long JSON array or XML document in chunks; no I/O.

Memory: one chunk and one incomplete record.
"""

from __future__ import annotations

import codecs
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfbulk.csvio.limits import MAX_ROW_BYTES
from sfbulk.errors import DataError
from sfbulk.http.json_text import UnusableJsonError, json_decoder, next_json_value
from sfbulk.http.safe_xml import ChildParser, UnusableXmlError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree import ElementTree as ET

_BETWEEN = re.compile(r"[\s,]*")
# Numbers keep all digits: a float would round the values of a currency field.
_DECODER = json_decoder(decimal=Decimal)


def json_records(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The objects of an array.

    Raises:
        DataError: the bytes are not an array of objects, or an object is too long.
    """
    array = _Array()
    for piece in _decoded(chunks):
        if array.grows(piece):
            yield from array.records()
    yield from array.records()
    array.check_end()


class _Array:
    """The text of an array that arrives in pieces, as far as it is not read yet."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._more = 0
        self._text = ""
        self._place = 0
        self._opened = self._closed = False

    def grows(self, piece: str) -> bool:
        """Add a piece; whether the text has grown enough to read it.

        The library cannot be fed in chunks: it tries again from the start of a record. So it only
        tries when the text has become twice as long.

        Raises:
            DataError: a record is too long.
        """
        self._pieces.append(piece)
        self._more += len(piece)
        left = len(self._text) - self._place
        if left + self._more > MAX_ROW_BYTES:
            raise DataError(f"The results have a record of more than {MAX_ROW_BYTES:,} characters.")
        return self._more >= left

    def records(self) -> Iterator[dict[str, Any]]:
        """The objects that are complete.

        Raises:
            DataError: it is not an array of objects.
        """
        self._text = "".join([self._text[self._place :], *self._pieces])
        self._place, self._pieces, self._more = 0, [], 0
        if not self._opened and (text := self._text.lstrip()):
            self._text, self._place, self._opened = text, _opened(text), True
        while self._opened and not self._closed:
            self._place = _skipped(self._text, self._place)
            if self._text.startswith("]", self._place):
                self._closed, self._place = True, self._place + 1
                return
            try:
                record, self._place = next_json_value(self._text, self._place, _DECODER)
            except UnusableJsonError as error:
                raise DataError(f"The results are {error}.") from None
            except ValueError:
                return  # The end of the record is in a later chunk.
            except RecursionError:
                raise DataError("The results are JSON that is nested too deeply.") from None
            if not isinstance(record, dict):
                raise DataError("The results are JSON, but have an entry that is not an object.")
            yield record

    def check_end(self) -> None:
        """Check that nothing is missing, and nothing left.

        Raises:
            DataError: it is not a complete array.
        """
        if not self._closed or self._text[self._place :].strip():
            raise DataError("The results are not a complete JSON array.")


def xml_records(chunks: Iterable[bytes]) -> Iterator[ET.Element]:
    """The children of the root.

    Raises:
        DataError: the bytes are not XML, or have a DTD.
    """
    parser = ChildParser()
    try:
        since = 0
        for chunk in chunks:
            found = parser.feed(chunk)
            since = 0 if found else since + len(chunk)
            if since > MAX_ROW_BYTES:
                raise DataError(f"The results have a record of more than {MAX_ROW_BYTES:,} bytes.")
            yield from found
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


def _opened(text: str) -> int:
    """Where the first record begins."""
    if not text.startswith("["):
        raise DataError("The results are not a JSON array.")
    return 1


def _skipped(text: str, place: int) -> int:
    """Where the next record begins, after white space and a comma."""
    between = _BETWEEN.match(text, place)
    return between.end() if between else place
