"""Writes results files: the key, Id and job of each record that is in Salesforce."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from sfbulk.errors import ConfigError
from sfbulk.file_lock import lock_for_appending
from sfbulk.load import result_line, results_header
from sfbulk.private_files import flush_to_disk, open_private, private_folder
from target_sfbulk.json_lines import json_text, read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sfbulk import RowOutcome

MOST_ROWS = 50_000
"""Rows of a job whose results are written; the outcome of each is in memory at once."""


class ResultsFile:
    """The results file of a stream; each run appends its own rows.

    Args:
        path: The file; it is created if it does not exist.
        keys: The record fields that name a record in the source; may be empty.

    Raises:
        ConfigError: It has other columns.
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        self._path = path
        self._keys = keys
        private_folder(path.parent)
        header = results_header(keys)
        with lock_for_appending(path), open_private(path, "a+b") as file:
            _remove_torn_row(file)
            file.seek(0)
            if file.read(len(header)) == header:
                return
            if file.seek(0, os.SEEK_END):
                problem = f"write_results: {path} has other columns than {header.decode().strip()}."
                raise ConfigError([f"{problem} Move it, then run again."])
            file.write(header)

    def append(self, rows: Iterable[tuple[bytes, RowOutcome]]) -> None:
        """Append successful rows with their records (as JSON); on return they are on the disk.

        Runs that share an output folder wait for each other.

        Raises:
            OSError: They cannot be written; names the file.
        """
        with lock_for_appending(self._path), open_private(self._path, "a+b") as file:
            if not _ends_a_line(file):
                _remove_torn_row(file)
            file.writelines(self._line(record, row) for record, row in rows)
            flush_to_disk(file)

    def _line(self, record: bytes, row: RowOutcome) -> bytes:
        values = read_json(record) if self._keys else {}
        keys = ["" if (key := values.get(name)) is None else json_text(key) for name in self._keys]
        return result_line(keys, row)


def _ends_a_line(file: IO[bytes]) -> bool:
    file.seek(max(file.seek(0, os.SEEK_END) - 1, 0))
    return file.read() in (b"", b"\n")


def _remove_torn_row(file: IO[bytes]) -> None:
    """Remove the last row if a run died while it wrote it; no STATE was written after it."""
    file.seek(0)
    whole = at = quotes = 0
    for line in file:
        at += len(line)
        quotes += line.count(b'"')
        # A line end within quotes belongs to a key.
        if line.endswith(b"\n") and quotes % 2 == 0:
            whole = at
    if whole < at:
        file.truncate(whole)
