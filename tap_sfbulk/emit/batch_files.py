"""Writes rows to BATCH files, JSONL or Parquet, straight from columns, and says so in messages.

The SDK's own way goes record by record, writes one file for all stream maps and applies none
of them to it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname
from uuid import uuid4

import polars as pl

# The SDK offers these classes nowhere else, though its public `get_batch_config` returns one.
from singer_sdk.helpers._batch import BatchConfig, BatchFileFormat, SDKBatchMessage

from sfbulk.private_files import naming_file
from tap_sfbulk.emit.lines import line_bytes
from tap_sfbulk.emit.parquet import ParquetTypes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers._batch import BaseBatchFileEncoding
    from singer_sdk.singerlib.messages import Message

    from tap_sfbulk.columns import PageColumn
    from tap_sfbulk.emit.lines import Compression
    from tap_sfbulk.emit.parquet import Codec
    from tap_sfbulk.emit.routes import Route

_NOT_FOR_FILE_NAMES = re.compile(r"[^\w.-]")
# Snappy is what the SDK's own files have, and every reader of Parquet knows it.
_CODECS: Mapping[str | None, Codec] = {None: "snappy", "gzip": "gzip", "none": "uncompressed"}


class BatchFiles:
    """Collects the rows of one route and writes them to files of a limited number of rows.

    Args:
        route: What comes out.
        config: The setting `batch_config`.
        prefix: Begins the name of each file, after the prefix that the setting gives.
        write: Writes the BATCH message of a file.
        version: The version of the rows of a full table, for the messages.
    """

    def __init__(
        self,
        route: Route,
        config: BatchConfig,
        prefix: str,
        write: Callable[[Message], None],
        version: int | None = None,
    ) -> None:
        self._alias = route.alias
        self._config = config
        self._format = _format_of(route, config.encoding)
        self._write = write
        self._version = version
        name = _NOT_FOR_FILE_NAMES.sub("_", f"{prefix}--{route.alias}")
        self._file_name = f"{config.storage.prefix or ''}{name}-{uuid4()}"
        self._files = 0
        self._rows: list[pl.DataFrame] = []
        self._room = config.batch_size

    def take(self, block: pl.DataFrame, columns: Sequence[PageColumn]) -> None:
        """Add the rows of a block; each file that is full is written.

        Raises:
            OSError: If a file cannot be written.
        """
        rows = self._format.rows(block, columns)
        if self._rows and self._rows[0].columns != rows.columns:
            self.flush()
        while rows.height:
            part, rows = rows.head(self._room), rows.slice(self._room)
            self._rows.append(part)
            self._room -= part.height
            if not self._room:
                self.flush()

    def flush(self) -> None:
        """Write what was collected, so that a STATE may follow.

        Raises:
            OSError: If the file cannot be written.
        """
        if not self._rows:
            return
        content = self._format.file(self._rows)
        self._rows, self._room = [], self._config.batch_size
        self._files += 1
        name = f"{self._file_name}-{self._files}.{self._format.suffix}"
        storage = self._config.storage
        with _whole(storage.get_url(name)), storage.open(name, "wb") as file:
            file.writelines(content)
        manifest = [storage.get_url(name)]
        self._write(SDKBatchMessage(self._alias, self._config.encoding, manifest, self._version))


@contextmanager
def _whole(url: str) -> Iterator[None]:
    """A block that writes a file; the error of a full disk names it, and leaves no half of it."""
    parts = urlsplit(url)
    path = Path(url2pathname(parts.path))
    try:
        with naming_file(path):
            yield
    except OSError:
        if parts.scheme in ("", "file"):
            # It takes the room that the next run needs, and no message names it.
            path.unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class _Format:
    """How rows become a file."""

    suffix: str
    rows: Callable[[pl.DataFrame, Sequence[PageColumn]], pl.DataFrame]
    """The rows of a block that come out, in any columns."""
    file: Callable[[Sequence[pl.DataFrame]], Iterable[bytes]]
    """The content of a file of such rows, in pieces."""


def _format_of(route: Route, encoding: BaseBatchFileEncoding) -> _Format:
    if encoding.format == BatchFileFormat.PARQUET:
        types, codec = ParquetTypes(route.alias, route.properties), _CODECS[encoding.compression]
        return _Format("parquet", route.tokens, lambda rows: [types.file(pl.concat(rows), codec)])
    if encoding.compression == "gzip":
        return _Format("jsonl.gz", route.lines, partial(_lines_file, compression="gzip"))
    return _Format("jsonl", route.lines, _lines_file)


def _lines_file(
    rows: Sequence[pl.DataFrame], compression: Compression = "uncompressed"
) -> list[bytes]:
    # A gzip file may consist of several, one after the other (RFC 1952, 2.2).
    return [line_bytes(each, compression) for each in rows]
