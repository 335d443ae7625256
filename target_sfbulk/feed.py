"""The input of a run that loads rejects again, instead of what a tap writes."""

from __future__ import annotations

import io
import logging
from collections import defaultdict
from typing import TYPE_CHECKING

from target_sfbulk.fed_rejects import ALL_RUNS, RejectsFileError, fed_rejects
from target_sfbulk.json_lines import json_line, read_json
from target_sfbulk.reject_files import schema_name
from target_sfbulk.reject_schema import read_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from target_sfbulk.fed_rejects import FedReject
    from target_sfbulk.reject_schema import SourceSchema

LOGGER = logging.getLogger("target-sfbulk")

_MOST_LINES = 5


class Feed:
    """The rejects of some files as Singer messages.

    There is no STATE among them: what is loaded again is before the one that the tap has. All
    files are read once before the first message, so that what is wrong is an error before
    anything is sent.

    Args:
        paths: Rejects files, and CSV files of rejects.
        run: See `fed_rejects`.
        output: The output folder, which has the SCHEMA of each run's rejects.

    Raises:
        RejectsFileError: A file cannot be read, has nothing of the run, or is given twice.
    """

    def __init__(self, paths: Sequence[Path], run: str | None, output: Path) -> None:
        self._run = run
        self._output = output
        self._schemas: dict[tuple[str, str], SourceSchema] = {}
        self._runs: dict[str, str] = {}
        self._place = ("", 0)
        _require_distinct(paths)
        self._files = [(path, self._size(path)) for path in paths]
        self._check()
        self._lines = iter(self)

    @property
    def place(self) -> str:
        """Where the record stands that was read last, for the log."""
        path, line = self._place
        return f"{path}, line {line}"

    def run_of(self, stream: str) -> str:
        """The run whose rejects of a stream are loaded first."""
        return self._runs[stream]

    # As a file in memory: it never waits.
    def fileno(self) -> int:
        """There is none.

        Raises:
            io.UnsupportedOperation: Always.
        """
        raise io.UnsupportedOperation

    def readline(self, _size: int = -1) -> bytes:
        """The next line, whole; empty after the last one."""
        return next(self._lines, b"")

    def __iter__(self) -> Iterator[bytes]:
        """The lines of the messages."""
        described: dict[str, SourceSchema] = {}
        for path, size in self._files:
            for reject in self._rejects(path, size):
                if reject.left_out:
                    continue
                schema = self._schema(path, reject.stream, reject.run_id)
                if described.get(reject.stream) is not schema:
                    described[reject.stream] = schema
                    yield schema.message(reject.stream) + b"\n"
                self._place = (str(path), reject.line)
                stream = json_line(reject.stream)
                yield b'{"type":"RECORD","stream":%b,"record":%b}\n' % (stream, reject.record)

    def _check(self) -> None:
        for path, size in self._files:
            count = 0
            left_out: dict[str, list[int]] = defaultdict(list)
            for reject in self._rejects(path, size):
                schema = self._schema(path, reject.stream, reject.run_id)
                self._runs.setdefault(reject.stream, reject.run_id)
                count += 1
                if reject.left_out:
                    left_out[reject.left_out].append(reject.line)
                else:
                    _require_keys(path, reject, schema.keys)
            self._report(path, count, left_out)

    def _report(self, path: Path, count: int, left_out: dict[str, list[int]]) -> None:
        if not count:
            of = "" if self._run in {None, ALL_RUNS} else f" of the run {self._run}"
            raise RejectsFileError(f"{path} has no rejects{of}.")
        for why, lines in left_out.items():
            first = ", ".join(map(str, lines[:_MOST_LINES])) + ", …" * (len(lines) > _MOST_LINES)
            LOGGER.warning(
                "%s: %d rejects are left out, %s: lines %s", path, len(lines), why, first
            )
        left = count - sum(map(len, left_out.values()))
        LOGGER.info("%s: %d rejects are loaded again", path, left)

    def _rejects(self, path: Path, size: int) -> Iterator[FedReject]:
        yield from fed_rejects(
            path, size, self._run, lambda stream, run: self._schema(path, stream, run)
        )

    def _schema(self, path: Path, stream: str, run_id: str) -> SourceSchema:
        """The SCHEMA of a run's rejects; it is beside them, or in the output folder."""
        found = self._schemas.get((stream, run_id))
        if found is None:
            folders = (path.parent, self._output)
            name = schema_name(stream, run_id)
            all_found = filter(None, (read_schema(folder / name) for folder in folders))
            found = next(all_found, None)
            if found is None:
                raise RejectsFileError(
                    f"{path}: the SCHEMA of stream `{stream}` of the run {run_id} is missing. Put"
                    f" the file {name} back into {self._output}, or beside {path.name}."
                )
            self._schemas[stream, run_id] = found
        return found

    @staticmethod
    def _size(path: Path) -> int:
        try:
            return path.stat().st_size
        except OSError as error:
            raise RejectsFileError(f"{path} cannot be read ({error.strerror}).") from error


def _require_distinct(paths: Sequence[Path]) -> None:
    """Check that no file is given twice: an insert would make its records twice.

    Raises:
        RejectsFileError: One is.
    """
    files = [path.resolve() for path in paths]
    for path, file in zip(paths, files, strict=True):
        if files.count(file) > 1:
            raise RejectsFileError(f"{path} is given twice. Its records would be loaded twice.")


def _require_keys(path: Path, reject: FedReject, keys: Sequence[str]) -> None:
    """Check that a record has its keys: the run would end at it, with the records before it sent.

    Raises:
        RejectsFileError: It lacks one.
    """
    record = read_json(reject.record) if keys else {}
    for key in keys:
        if key not in record:
            raise RejectsFileError(
                f"{path}, line {reject.line} has no value of the key property `{key}`. Take it"
                " from the rejects file."
            )
