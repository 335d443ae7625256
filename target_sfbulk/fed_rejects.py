"""Reads rejects files, and CSV files of them that were edited, for a run that loads them again."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from sfbulk.csvio import SheetError, sheet_delimiter, sheet_rows
from sfbulk_singer.names import did_you_mean
from target_sfbulk.json_lines import JsonLineError, escaped_json_line, json_line
from target_sfbulk.reject_cells import CellError, cell_types, read_cell, read_header
from target_sfbulk.reject_table import ABOUT, KIND, NO_SOURCE, RUN, STREAM
from target_sfbulk.rejects import RejectKind, read_reject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from target_sfbulk.reject_schema import SourceSchema
    from target_sfbulk.rejects import RejectLine

    Schemas = Callable[[str, str], SourceSchema]

ALL_RUNS = "all"


class RejectsFileError(Exception):
    """A file that cannot be loaded again; the text names it, and the line."""


@dataclass(frozen=True)
class FedReject:
    """A reject that is loaded again, or is left out.

    Attributes:
        line: The number of its line in the file, from 1.
        record: The record as JSON.
        left_out: Why it is not loaded again; empty if it is.
    """

    line: int
    stream: str
    run_id: str
    record: bytes
    left_out: str = ""


_LEFT_OUT = {
    **dict.fromkeys(NO_SOURCE, "whose record is not one of the source"),
    RejectKind.UNKNOWN.value: (
        "that may be in Salesforce already (look them up; those that are not there are loaded"
        f" without `unknown` in the column `{KIND}` of the CSV file)"
    ),
}
_NO_RECORD = "without a record"


def fed_rejects(path: Path, size: int, run: str | None, schemas: Schemas) -> Iterator[FedReject]:
    """The rejects in a file of either kind, in their order.

    Args:
        path: A rejects file, or a CSV file of rejects.
        size: How much of a rejects file is read: the run that reads it may append to it.
        run: Only those of this run; `all` for those of all runs. None is all of a CSV file, and
            of a rejects file the run of the last line.
        schemas: Returns the SCHEMA of a stream's rejects of a run.

    Raises:
        RejectsFileError: The file cannot be read.
    """
    with path.open("rb") as file:
        beginning = file.read(1)
    if beginning in {b"{", b""} and path.suffix.lower() != ".csv":
        yield from _of_lines(path, size, run)
        return
    for reject in _Table(path, schemas).rejects():
        if run in {None, ALL_RUNS, reject.run_id}:
            yield reject


def _of_lines(path: Path, size: int, run: str | None) -> Iterator[FedReject]:
    if run is None:
        run = _last_run(path, size)
    for number, reject in _lines(path, size):
        if run in {ALL_RUNS, reject.run_id}:
            record = bytes(reject.record)
            why = _LEFT_OUT.get(reject.kind, "" if record.startswith(b"{") else _NO_RECORD)
            yield FedReject(number, reject.stream, reject.run_id, record, why)


def _last_run(path: Path, size: int) -> str:
    last = ""
    for _, reject in _lines(path, size):
        last = reject.run_id
    return last


def _lines(path: Path, size: int) -> Iterator[tuple[int, RejectLine]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            size -= len(line)
            # The rest of a line that a killed run has begun is not one.
            if size < 0 or not line.endswith(b"\n"):
                return
            try:
                yield number, read_reject(line)
            except JsonLineError as error:
                raise RejectsFileError(f"{path}, line {number} {error}.") from None


class _Table:
    """A CSV file of rejects, as this program or a spreadsheet has written it."""

    def __init__(self, path: Path, schemas: Schemas) -> None:
        self._path = path
        self._schemas = schemas
        self._types: dict[tuple[str, str], Mapping[str, frozenset[str]]] = {}

    def rejects(self) -> Iterator[FedReject]:
        header = next(self._text_lines(), "")
        delimiter = sheet_delimiter(header, {STREAM, RUN})
        if delimiter is None:
            raise self._error(
                1,
                f"has no columns `{STREAM}` and `{RUN}`, which say what the records are. Take a CSV"
                " file that a run has written for its rejects, and keep these columns",
            )
        try:
            yield from self._rejects(sheet_rows(self._text_lines(), delimiter))
        except SheetError as error:
            raise self._error(error.line, f"is not CSV: {error}") from None

    def _rejects(self, rows: Iterator[tuple[int, list[str]]]) -> Iterator[FedReject]:
        names = self._names(next(rows)[1])
        for line, row in rows:
            if not any(row):
                continue
            if any(row[len(names) :]):
                raise self._error(line, "has more cells than the first line")
            yield self._reject(line, dict(zip(names, row, strict=False)))

    def _names(self, headers: Sequence[str]) -> list[str]:
        if twice := {name for name in headers if name and headers.count(name) > 1}:
            raise self._error(1, f"has the column `{min(twice)}` twice")
        try:
            return [name if name in ABOUT else f":{read_header(name)}" for name in headers]
        except CellError as error:
            raise self._error(1, f"has a column whose name {error}") from None

    def _reject(self, line: int, row: Mapping[str, str]) -> FedReject:
        stream, run_id = row.get(STREAM, ""), row.get(RUN, "")
        if not stream or not run_id:
            raise self._error(line, f"has no `{STREAM}` or no `{RUN}`")
        types = self._types_of(line, stream, run_id)
        record = {}
        for name, cell in row.items():
            if name.startswith(":") and cell:
                record[name[1:]] = self._value(line, name[1:], cell, types)
        why = _LEFT_OUT.get(row.get(KIND, ""), "" if record else _NO_RECORD)
        return FedReject(line, stream, run_id, _json(record), why)

    def _value(self, line: int, name: str, cell: str, types: Mapping[str, frozenset[str]]) -> Any:
        if name not in types:
            hint = did_you_mean(name, types)
            raise self._error(
                line,
                f"is unknown: the stream does not have it{hint}. Rename the column, or remove it",
                name,
            )
        try:
            return read_cell(cell, types[name])
        except CellError as error:
            raise self._error(line, str(error), name) from None

    def _types_of(self, line: int, stream: str, run_id: str) -> Mapping[str, frozenset[str]]:
        key = (stream, run_id)
        if key not in self._types:
            try:
                properties = self._schemas(stream, run_id).properties
            except RejectsFileError as error:
                raise self._error(line, f"cannot be read: {error}") from None
            self._types[key] = {name: cell_types(about) for name, about in properties.items()}
        return self._types[key]

    def _text_lines(self) -> Iterator[str]:
        """The lines of the file with their ends, in UTF-8 or, if it begins so, in UTF-16."""
        with self._path.open("rb") as file:
            beginning = file.read(2)
            file.seek(0)
            if beginning in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
                yield from self._utf16_lines(file)
                return
            for number, line in enumerate(file, start=1):
                try:
                    text = line.decode()
                except UnicodeDecodeError:
                    raise self._error(
                        number, "is not UTF-8. Save the file as `CSV UTF-8`"
                    ) from None
                yield text.removeprefix("\ufeff") if number == 1 else text

    def _utf16_lines(self, file: IO[bytes]) -> Iterator[str]:
        # A reader of `codecs` would also end a line at U+2028. A lone surrogate is a fault of its
        # record, not of the file.
        lines = io.TextIOWrapper(file, "utf-16", errors="surrogatepass", newline="\n")
        try:
            yield from lines
        except UnicodeDecodeError:
            raise RejectsFileError(
                f"{self._path} ends within a character of UTF-16. Save it once more."
            ) from None

    def _error(self, line: int, what: str, column: str | None = None) -> RejectsFileError:
        place = f"{self._path}, line {line}" + (f", column `{column}`" if column else "")
        return RejectsFileError(f"{place} {what}.")


def _json(record: Mapping[str, Any]) -> bytes:
    try:
        return json_line(record)
    except UnicodeEncodeError:
        return escaped_json_line(record)
