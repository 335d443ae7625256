"""Reads and parses the bodies of requests, whatever a client sends, in bounded memory."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from sfbulk_sandbox.faults.errors import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_GZIP_HEADER = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class BodyLimit:
    """How large a body may be, compressed or not.

    Attributes:
        most: The bytes.
        fault: Returns the refusal of a body of so many bytes, or of more.
    """

    most: int
    fault: Callable[[int], Fault]


def _rest_fault(_size: int) -> Fault:
    # The text and the code: simple-salesforce issue 195, SalesforceMobileSDK-iOS issue 3575.
    text = f"Maximum size of request reached. Maximum size of request is {REST_LIMIT.most} bytes."
    return Fault("JSON_PARSER_ERROR", text)


REST_LIMIT = BodyLimit(50 * 1024 * 1024, _rest_fault)


async def read_body(
    blocks: AsyncIterator[bytes], headers: Mapping[str, str], limit: BodyLimit
) -> bytes:
    """Return a whole body, decompressed. One that is too large is refused while it is read.

    The server drops what the client still sends, so the client sees the answer.

    Raises:
        Fault: The body is over the limit, or is not gzip although a header says so.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit.most:
        raise limit.fault(int(declared))
    is_gzip = headers.get("content-encoding", "").lower() == "gzip"
    body, unpack = bytearray(), _Gunzip() if is_gzip else None
    received = 0
    async for block in blocks:
        received += len(block)
        body += unpack.add(block, limit.most - len(body)) if unpack else block
        if max(received, len(body)) > limit.most:
            raise limit.fault(max(received, len(body)))
    if unpack and not unpack.is_whole:
        raise _not_gzip()
    return bytes(body)


def gunzip(body: bytes, most: int) -> bytes:
    """Return the decompressed bytes of a body: all of them, or the first `most` + 1.

    Raises:
        Fault: The body is not gzip.
    """
    return _Gunzip().add(body, most)


class _Gunzip:
    """Decompresses one gzip body, which may have several streams."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP_HEADER)
        self.is_whole = False

    def add(self, block: bytes, most: int) -> bytes:
        """Return the bytes of a block: all of them, or the first `most` + 1."""
        found = bytearray()
        while block and len(found) <= most:
            if self._stream.eof:
                self._stream = zlib.decompressobj(_GZIP_HEADER)
            try:
                found += self._stream.decompress(block, most + 1 - len(found))
            except zlib.error:
                raise _not_gzip() from None
            self.is_whole = self._stream.eof
            block = self._stream.unused_data or self._stream.unconsumed_tail
        return bytes(found)


def _not_gzip() -> Fault:
    return Fault(code="UNKNOWN_EXCEPTION", message="The body is not gzip")


def parse_json(body: bytes, *, numbers_as_text: bool = False) -> Any:
    """Return a JSON document.

    Raises:
        ValueError: It is not JSON, is nested too deeply, or has a text that is not Unicode.
    """
    number: dict[str, Any] = {"parse_float": str, "parse_int": str} if numbers_as_text else {}
    try:
        document = json.loads(body, parse_constant=_refuse_constant, **number)
        # Half of a surrogate pair can only be written as an escape.
        if b"\\ud" in body.lower():
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it has half of a surrogate pair") from None
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


class _NoDoctype(ET.TreeBuilder):
    """Refuses documents with a DOCTYPE, so that entities cannot expand."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002 - expat's signature
        raise ValueError("DOCTYPE is not allowed")


def parse_xml(body: bytes) -> ET.Element:
    """Return the root of an XML document.

    Raises:
        ValueError: It is not well-formed, has a DOCTYPE, or an encoding that is not known.
    """
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314 - a DOCTYPE, and so any entity, is refused  # nosec B314
    try:
        # White space before the XML declaration would be an error.
        parser.feed(body.strip())
        root: ET.Element = parser.close()
    except (ET.ParseError, LookupError) as error:
        raise ValueError(str(error)) from None
    return root
