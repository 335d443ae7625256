"""Puts the contents of files into `files_dir`, several at a time, each once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from sfbulk import Body
from sfbulk.errors import DataError
from tap_sfbulk.files import EXTENSION, FILE_NAME, FILE_OBJECTS, ID, MD5, SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfbulk import Salesforce

_AT_A_TIME = 4
# Anything else in a name may mean something to a file system.
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,16}")
_ID = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")


@dataclass(frozen=True)
class FileOnDisk:
    """A content in `files_dir`."""

    path: str
    """Relative to `files_dir`, with slashes."""
    body: Body


class Contents:
    """The contents of one object's records.

    Args:
        salesforce: The org.
        sobject: One of `FILE_OBJECTS`.
        folder: The setting `files_dir`.
    """

    def __init__(self, salesforce: Salesforce, sobject: str, folder: Path) -> None:
        self._salesforce = salesforce
        self._sobject = sobject
        self._folder = folder

    def fetch(self, rows: Iterable[Mapping[str, Any]]) -> list[FileOnDisk | None]:
        """API call: the content of each record; None for a record that has none.

        Args:
            rows: The records, by the properties of the stream; numbers as text.

        Raises:
            DataError: If an Id is not one.
            SalesforceError: If one of them cannot be downloaded; it names the record.
            OSError: If a file cannot be written.
        """
        (self._folder / self._sobject).mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            waiting = [pool.submit(self._fetch_one, row) for row in rows]
            try:
                return [each.result() for each in waiting]
            finally:
                for each in waiting:
                    each.cancel()

    def _fetch_one(self, row: Mapping[str, Any]) -> FileOnDisk | None:
        size = row.get(SIZE)
        # A link, or a record of a file elsewhere, has no content here.
        if size is None or int(size) == 0:
            return None
        # It becomes a part of a path, here and in the request.
        if not _ID.fullmatch(row[ID]):
            raise DataError(f"{self._sobject}: a record of a file has an Id that is not one.")
        name = PurePosixPath(self._sobject, f"{row[ID]}{_suffix(row)}")
        path = self._folder / name
        # Of an object without a checksum, the column holds the Id until the content is there.
        md5 = row.get(MD5) if MD5 in FILE_OBJECTS[self._sobject].fields else None
        body = _same_on_disk(path, int(size), md5)
        if body is None:
            body = self._salesforce.download_body(
                self._sobject,
                row[ID],
                FILE_OBJECTS[self._sobject].body,
                path,
                size=int(size),
                md5=md5,
            )
        return FileOnDisk(str(name), body)


def _same_on_disk(path: Path, size: int, md5: str | None) -> Body | None:
    """The content that an earlier run has put there; None if it may be another one."""
    # Of two contents of one size, only a checksum tells which one it is.
    if not md5 or not path.is_file() or path.stat().st_size != size:
        return None
    body = Body.of_file(path)
    return body if body.md5 == md5.lower() else None


def _suffix(row: Mapping[str, Any]) -> str:
    given = row.get(EXTENSION) or PurePosixPath(row.get(FILE_NAME) or "").suffix[1:]
    return f".{given.lower()}" if _EXTENSION.fullmatch(given) else ""
