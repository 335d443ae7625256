"""Makes file names of stream names: characters that every file system has, and not too long."""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import quote

# Most file systems allow 255 bytes; the rest is for what a caller adds to the name.
_MOST_BYTES = 200
_DIGITS = 16
# Windows opens a device instead of a file of such a name, whatever comes after a dot
# (Naming Files, Paths, and Namespaces).
_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10))]
)


def file_name(stream: str) -> str:
    """A file name for a stream, to which an extension of up to 55 bytes can be added.

    The name of a stream stays readable: what a file name may not have is escaped as in a URL. A
    name that is too long is cut, and ends with a digest of the whole name, so that no two streams
    share a file.
    """
    name = quote(stream, safe=" ", errors="surrogatepass")
    if name.partition(".")[0].rstrip().upper() in _DEVICES:
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) <= _MOST_BYTES:
        return name
    digest = sha256(stream.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
    return f"{name[: _MOST_BYTES - _DIGITS - 1]}-{digest}"
