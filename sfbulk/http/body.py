"""Reads the body of an answer in chunks, decompressed and bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from sfbulk.http.gunzip import DamagedGzipError, gunzip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk.http.bounds import Meter

_CHUNK_BYTES = 256 * 1024

_GZIP = ("gzip", "x-gzip")

# The others were not asked for, and could unpack a chunk to anything.
_COMPRESSIONS = frozenset({*_GZIP, "br", "compress", "deflate", "x-compress", "zstd"})


def unpacked(response: requests.Response, meter: Meter) -> Iterator[bytes]:
    """The body in chunks, as it was before compression.

    Raises:
        RequestException, HTTPError: it breaks off, or cannot be decompressed.
        BeyondBoundsError: it is too large, or arrives too slowly.
    """
    size = 0
    for chunk in _chunks(response):
        size += len(chunk)
        meter.check_size(size)
        yield chunk


def head(chunks: Iterator[bytes], most: int) -> bytes:
    """The first bytes of a body; no more of it is read."""
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) >= most:
            break
    return body[:most]


def _chunks(response: requests.Response) -> Iterator[bytes]:
    codings = _codings(response)
    packed: Iterator[bytes] = response.raw.stream(_CHUNK_BYTES, decode_content=False)
    if not codings:
        yield from packed
        return
    if len(codings) > 1 or codings[0] not in _GZIP:
        raise requests.exceptions.ContentDecodingError("not what was asked for")
    try:
        yield from gunzip(packed, _CHUNK_BYTES)
    except DamagedGzipError as error:
        raise requests.exceptions.ContentDecodingError(str(error)) from error


def _codings(response: requests.Response) -> list[str]:
    """How the body is compressed; other words in the header mean nothing."""
    words = response.headers.get("Content-Encoding", "").lower().split(",")
    return [word.strip() for word in words if word.strip() in _COMPRESSIONS]
