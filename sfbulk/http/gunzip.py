"""Decompresses a gzip body in chunks and detects an incomplete one; no I/O.

The HTTP library can decompress too, but it does not detect a stream that ends early: rows would
be missing without an error.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GZIP_HEADER = 16 + zlib.MAX_WBITS


class DamagedGzipError(Exception):
    """The bytes are not a gzip stream, or the stream ends early."""


def gunzip(packed: Iterable[bytes], chunk_bytes: int) -> Iterator[bytes]:
    """The decompressed bytes, in chunks of at most `chunk_bytes`.

    A body may have several streams, one after the other.

    Raises:
        DamagedGzipError: it is not a gzip stream, a checksum is wrong, or it ends early.
    """
    stream, whole = _new_stream(), True
    for chunk in packed:
        left = chunk
        while left:
            if stream.eof:
                stream = _new_stream()
            unpacked = _unpack(stream, left, chunk_bytes)
            left = stream.unused_data if stream.eof else stream.unconsumed_tail
            whole = stream.eof
            if unpacked:
                yield unpacked
    if not whole:
        raise DamagedGzipError("the stream ends early")


def _new_stream() -> zlib._Decompress:
    return zlib.decompressobj(_GZIP_HEADER)


def _unpack(stream: zlib._Decompress, data: bytes, most: int) -> bytes:
    try:
        return stream.decompress(data, most)
    except zlib.error as error:
        raise DamagedGzipError("the stream is damaged") from error
