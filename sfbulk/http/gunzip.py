"""Unpacks a gzip body piece by piece and notices a body that is not whole; no I/O.

The HTTP library unpacks too, but takes a stream that stops early for a short one: rows
would be missing without an error.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GZIP_HEADER = 16 + zlib.MAX_WBITS


class DamagedGzipError(Exception):
    """The bytes are no gzip stream, or one that stops before its end."""


def gunzip(packed: Iterable[bytes], chunk_bytes: int) -> Iterator[bytes]:
    """The unpacked bytes, in pieces of at most `chunk_bytes`; several streams in a row are one.

    Raises:
        DamagedGzipError: a checksum is wrong, the stream stops early, or it is none.
    """
    stream, whole = _new_stream(), True
    for piece in packed:
        left = piece
        while left:
            if stream.eof:
                stream = _new_stream()
            unpacked = _unpack(stream, left, chunk_bytes)
            left = stream.unused_data if stream.eof else stream.unconsumed_tail
            whole = stream.eof
            if unpacked:
                yield unpacked
    if not whole:
        raise DamagedGzipError("the stream stops before its end")


def _new_stream() -> zlib._Decompress:
    return zlib.decompressobj(_GZIP_HEADER)


def _unpack(stream: zlib._Decompress, data: bytes, most: int) -> bytes:
    try:
        return stream.decompress(data, most)
    except zlib.error as error:
        raise DamagedGzipError("the stream is damaged") from error
