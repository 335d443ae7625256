"""Makes file names of stream names: characters that every file system has, and not too long."""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import quote

# Most file systems allow 255 bytes; the rest is for what a caller adds to the name.
_MOST_BYTES = 200
_DIGITS = 16


def file_name(stream: str) -> str:
    """A file name for a stream, to which an extension of up to 55 bytes can be added.

    The name of a stream stays readable: what a file name may not have is escaped as in a URL. A
    name that is too long is cut, and ends with a digest of the whole name, so that no two streams
    share a file.
    """
    name = quote(stream, safe=" ", errors="surrogatepass")
    if len(name) <= _MOST_BYTES:
        return name
    digest = sha256(stream.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
    return f"{name[: _MOST_BYTES - _DIGITS - 1]}-{digest}"
