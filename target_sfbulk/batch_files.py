"""Reads the records of BATCH files, JSONL or Parquet, as RECORD messages would have them.

The SDK's own way gives a sink all records of a file at once, past the stream maps, numbers as
floats, and reads Parquet only with pyarrow.
"""

from __future__ import annotations

import codecs
import gzip
import shutil
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

import polars as pl

# The SDK offers the storages that its taps write to nowhere else.
from singer_sdk.helpers._batch import StorageTarget

from sfbulk.private_files import open_private
from sfbulk.run_folder import RunFolder
from target_sfbulk.input_lines import LongLineError, lines_of
from target_sfbulk.json_lines import JsonLineError, read_json
from target_sfbulk.parquet_values import parquet_records
from target_sfbulk.settings import FOLDER_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# ImportError: the storage of a URL needs a package that is not installed.
_READ_ERRORS = (OSError, EOFError, ValueError, ImportError, zlib.error, pl.exceptions.PolarsError)
_GZIP_MAGIC = b"\x1f\x8b"
_COMPRESSIONS = (None, "none", "gzip")
_FORMATS = ("jsonl", "parquet")


class BatchFileError(Exception):
    """A BATCH message or one of its files cannot be read; names the file and the place in it."""


def batch_records(
    encoding: Mapping[str, Any], manifest: Sequence[Any], spool_dir: str | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each record of the files of a BATCH message, with its place for error texts.

    Args:
        encoding: `format` and `compression`, as the message has them.
        manifest: The URLs of the files.
        spool_dir: Where a file is put that is not on this machine.

    Raises:
        BatchFileError: The message names no files, or a file that cannot be read.
    """
    _check(encoding, manifest)
    read = _parquet if encoding["format"] == "parquet" else _json_lines
    for url in manifest:
        with _naming(url), _local(url, spool_dir) as path:
            for number, record in enumerate(read(path), start=1):
                yield f"record {number} of the file {url}", record


@contextmanager
def _naming(url: str) -> Iterator[None]:
    """Name the file in the errors of reading it; those of whoever takes its records pass."""
    try:
        yield
    except FileNotFoundError:
        raise BatchFileError(f"There is no file {url}.") from None
    except _READ_ERRORS as error:
        reason = str(error).rstrip(".") + "."
        raise BatchFileError(f"The file {url} cannot be read: {reason}") from error


def _check(encoding: Mapping[str, Any], manifest: Sequence[Any]) -> None:
    form, compression = encoding.get("format"), encoding.get("compression")
    if form not in _FORMATS:
        raise BatchFileError(f"The format {form!r} is not one of {', '.join(_FORMATS)}.")
    if form == "jsonl" and compression not in _COMPRESSIONS:
        raise BatchFileError(f"The compression {compression!r} is neither gzip nor none.")
    if not all(isinstance(url, str) and url for url in manifest):
        raise BatchFileError("The manifest has an entry that is not the URL of a file.")


@contextmanager
def _local(url: str, spool_dir: str | None) -> Iterator[Path]:
    """The file of a URL on this machine; it is copied if it lies elsewhere."""
    parts = urlsplit(url)
    if parts.scheme in {"", "file"}:
        yield Path(url2pathname(parts.path) if parts.scheme else url)
        return
    head, name = StorageTarget.split_url(url)
    # A run that is killed leaves it, and the next one removes it.
    folder = RunFolder(FOLDER_PREFIX, Path(spool_dir) if spool_dir else None)
    try:
        path = folder.path / "batch"
        with StorageTarget.from_url(head).open(name) as there, open_private(path, "wb") as here:
            shutil.copyfileobj(there, here)
        yield path
    finally:
        folder.remove()


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        # The SDK's taps compress whatever the message says.
        is_compressed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        file.seek(0)
        lines: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if is_compressed else file
        number = 0
        try:
            for number, line in enumerate(lines_of(lines), start=1):
                text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                if text.strip():
                    yield _record(text, number)
        except LongLineError as error:
            raise ValueError(f"line {number + 1}: {error}") from None


def _record(line: bytes, number: int) -> dict[str, Any]:
    try:
        record = read_json(line)
    except JsonLineError as error:
        raise ValueError(f"line {number} {error}") from None
    if not isinstance(record, dict):
        raise ValueError(f"line {number} is not a JSON object")  # noqa: TRY004 - the caller adds the file to every ValueError
    return record


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    yield from parquet_records(path)
