"""The files with the rejects of a run: lines of all runs, and a CSV file and SCHEMA of its own."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from sfbulk_singer.file_names import file_name
from target_sfbulk.reject_schema import SourceSchema
from target_sfbulk.reject_table import RunRejects, write_table
from target_sfbulk.rejects import RejectStamp, append_rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from target_sfbulk.rejects import Reject

LOGGER = logging.getLogger("target-sfbulk")

_TABLE, _SCHEMA = ".csv", ".schema.json"


def schema_name(stream: str, run_id: str) -> str:
    """The name of the file with the SCHEMA of a run's rejects."""
    return f"{file_name(stream)}.rejects.{run_id}{_SCHEMA}"


class RejectFiles:
    """The rejects of one run.

    Args:
        folder: The output folder.
        run_id: The run.
        time: Returns the time, in UTC, as the files have it.
    """

    def __init__(self, folder: Path, run_id: str, time: Callable[[], str]) -> None:
        self._folder = folder
        self._run_id = run_id
        self._time = time
        self._schemas: dict[str, SourceSchema] = {}
        self._written: dict[str, SourceSchema] = {}
        self._begins: dict[str, int] = {}

    def path(self, stream: str) -> Path:
        """The file with the rejects of a stream, of all runs."""
        return self._folder / f"{file_name(stream)}.rejects.jsonl"

    def remove(self, stream: str) -> None:
        """Remove all files with rejects of a stream.

        Raises:
            OSError: A file cannot be removed; names it.
        """
        self.path(stream).unlink(missing_ok=True)
        # The id of a run has no dot, unlike the end of another stream's name.
        ends = rf"[^.]+({re.escape(_TABLE)}|{re.escape(_SCHEMA)})"
        is_of_stream = re.compile(rf"{re.escape(file_name(stream))}\.rejects\.{ends}").fullmatch
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if is_of_stream(path.name):
                path.unlink()

    def describe(self, stream: str, schema: SourceSchema) -> None:
        """Note the SCHEMA of a stream; a later one adds to it."""
        self._schemas[stream] = self._schemas.get(stream, SourceSchema()).then(schema)

    def append(self, stream: str, rejects: Iterable[tuple[bytes, Reject]]) -> None:
        """Append records (as JSON) with their reasons; on return they are flushed to the disk.

        Raises:
            OSError: They cannot be written; names the file.
        """
        self._keep_schema(stream)
        stamp = RejectStamp(stream, self._run_id, self._time())
        begin = append_rejects(self.path(stream), rejects, stamp)
        if begin is not None:
            self._begins.setdefault(stream, begin)

    def write_tables(self) -> None:
        """Write the rejects of each stream as a CSV file.

        Raises:
            OSError: A file cannot be written.
        """
        for stream, begin in self._begins.items():
            rejects = RunRejects(self.path(stream), begin, self._run_id)
            schema = self._schemas.get(stream, SourceSchema()).with_fields(rejects.fields())
            self._schemas[stream] = schema
            self._keep_schema(stream)
            path = self._folder / f"{file_name(stream)}.rejects.{self._run_id}{_TABLE}"
            write_table(rejects, schema, path)
            LOGGER.info("%s: the rejects of this run as CSV, for a spreadsheet: %s", stream, path)

    def _keep_schema(self, stream: str) -> None:
        """Write the SCHEMA before a reject of it: the run may be killed at any time."""
        schema = self._schemas.get(stream)
        if schema is None or schema is self._written.get(stream):
            return
        schema.write(self._folder / schema_name(stream, self._run_id))
        self._written[stream] = schema
