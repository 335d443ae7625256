"""Downloads the content of files: base64 fields of records, such as `ContentVersion.VersionData`.

REST gives it as it is, not as base64 (REST API guide: sObject Blob Get). Bulk queries cannot
select such fields.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from sfbulk.errors import DataError, TransportError
from sfbulk.http.wire import DATA_READ_TIMEOUT_SECONDS, Request
from sfbulk.private_files import naming_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk.transport import Transport


_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Body:
    """The content of a file, as it arrived."""

    size: int
    """Bytes."""
    md5: str
    """In hexadecimal digits, as `ContentVersion.Checksum`."""
    sha256: str
    """In hexadecimal digits."""

    @classmethod
    def of_file(cls, path: Path) -> Body:
        """Of a file on disk.

        Raises:
            OSError: It cannot be read.
        """
        digest = _Digest()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.add(chunk)
        return digest.body()


@dataclass(frozen=True)
class BodyField:
    """Where a content is: the base64 field of a record."""

    sobject: str
    record_id: str
    field: str

    def __str__(self) -> str:
        """For errors, such as `VersionData of ContentVersion 068...`."""
        return f"{self.field} of {self.sobject} {self.record_id}"


def download_body(
    transport: Transport, where: BodyField, path: Path, size: int | None, md5: str | None
) -> Body:
    """API call: see `Salesforce.download_body`."""
    partial = path.with_name(path.name + ".part")
    bodies: list[Body] = []

    def save(chunks: Iterator[bytes]) -> None:
        # Each attempt starts from the beginning.
        digest = _Digest()
        with naming_file(partial), partial.open("wb") as file:
            for chunk in chunks:
                digest.add(chunk)
                if size is not None and digest.size > size:
                    break
                file.write(chunk)
        body = digest.body()
        if problem := _problem(body, size, md5):
            raise _OtherContentError(f"Download {where}: {problem}", ambiguous=True)
        bodies.append(body)

    try:
        transport.send(_request(transport, where), save)
        partial.replace(path)
    except _OtherContentError as error:
        raise DataError(error.message) from None
    finally:
        partial.unlink(missing_ok=True)
    return bodies[-1]


class _OtherContentError(TransportError):
    """What arrived is not the content of the record, so it is requested again.

    Any answer may be a content, so only size and checksum show that a maintenance page came
    instead.
    """


class _Digest:
    def __init__(self) -> None:
        self.size = 0
        # Salesforce gives MD5 as a check of what arrived, not as a protection.
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._md5.update(chunk)
        self._sha256.update(chunk)

    def body(self) -> Body:
        return Body(self.size, self._md5.hexdigest(), self._sha256.hexdigest())


def _request(transport: Transport, where: BodyField) -> Request:
    parts = (quote(part, safe="") for part in (where.sobject, where.record_id, where.field))
    return Request(
        "GET",
        f"{transport.base_path}/sobjects/{'/'.join(parts)}",
        f"Download {where}",
        headers={"Accept": "*/*"},
        read_timeout=DATA_READ_TIMEOUT_SECONDS,
        any_content=True,
    )


def _problem(body: Body, size: int | None, md5: str | None) -> str | None:
    """Why what arrived is not the content of the record; None if it may be."""
    if size is not None and body.size != size:
        arrived = f"more than {size}" if body.size > size else str(body.size)
        return (
            f"{arrived} bytes arrived, but the record has {size}. If it was changed in the "
            "meantime, the next run reads it again."
        )
    if md5 and body.md5 != md5.lower():
        return "the content does not have the record's checksum."
    return None
