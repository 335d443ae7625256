"""Reads the records of a file that is loaded: CSV, JSON lines or Parquet."""

from __future__ import annotations

import codecs
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

import click
import msgspec

from sfbulk.cli.row_forms import row_form
from sfbulk.csvio import ColumnDelimiter
from sfbulk.errors import CsvError, DataError
from sfbulk.jobs.files import read_chunks
from sfbulk.load.records import RowMaker
from sfbulk.load.sources import CsvRowMaker, csv_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sfbulk.load.records import RowRules

# A line of a rejects file has these, and the record inside.
_OF_A_REJECT = {"record", "code", "message", "kind"}


@dataclass(frozen=True)
class LoadInput(ABC):
    """The records of a file; it can be read several times."""

    path: Path

    @abstractmethod
    def records(self) -> Iterator[Mapping[str, Any]]:
        """The records, as a load takes them.

        Raises:
            DataError: the file is not of its form; names the line.
            OSError: it cannot be read.
        """

    def originals(self) -> Iterator[Any]:
        """The records as a rejects file has them, for msgspec."""
        return self.records()

    def maker(self, rules: RowRules) -> RowMaker:
        """Makes rows of the records."""
        return RowMaker(rules)


@dataclass(frozen=True)
class CsvInput(LoadInput):
    """CSV with a header row: an empty cell changes nothing, `#N/A` clears a field."""

    delimiter: ColumnDelimiter = ColumnDelimiter.COMMA

    def records(self) -> Iterator[Mapping[str, Any]]:
        """The records."""
        try:
            yield from csv_records(read_chunks(self.path), self.delimiter)
        except CsvError as error:
            raise CsvError(f"{self.path}: {error.message}", row=error.row) from error

    def maker(self, rules: RowRules) -> RowMaker:
        """Takes cells as they are."""
        return CsvRowMaker(rules)


@dataclass(frozen=True)
class JsonLinesInput(LoadInput):
    """One JSON object on each line, or a rejects file; numbers keep their digits."""

    def records(self) -> Iterator[Mapping[str, Any]]:
        """The records."""
        decoder = msgspec.json.Decoder(float_hook=Decimal)
        for number, line in self._lines():
            record = self._decoded(decoder, line, number)
            yield self._object(record["record"], line, number) if _is_reject(record) else record

    def originals(self) -> Iterator[Any]:
        """The texts of the records, since an encoder might write their numbers otherwise."""
        decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
        for number, line in self._lines():
            members = self._decoded(decoder, line, number)
            yield members["record"] if _is_reject(members) else msgspec.Raw(line)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                if text.strip():
                    yield number, text.strip()

    def _decoded(
        self, decoder: msgspec.json.Decoder[Any], line: bytes, number: int
    ) -> dict[str, Any]:
        try:
            record = decoder.decode(line)
        except (msgspec.DecodeError, ArithmeticError, UnicodeDecodeError, RecursionError):
            record = None
        return self._object(record, line, number)

    def _object(self, value: Any, line: bytes, number: int) -> dict[str, Any]:
        if not isinstance(value, dict):
            # Not quoted: it may be a record.
            raise DataError(f"{self.path}: line {number} {_problem(line)}.")
        return value


def _is_reject(members: Mapping[str, Any]) -> bool:
    return members.keys() >= _OF_A_REJECT


def _problem(line: bytes) -> str:
    """Why a line has no record that can be loaded."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return "is not a JSON object"
    if _is_reject(value) and not isinstance(value["record"], dict):
        return "is one of a rejects file, but its `record` is not a JSON object"
    return "has half a surrogate pair, which is not a character, or a number out of range"


@dataclass(frozen=True)
class ParquetInput(LoadInput):
    """The rows of a Parquet file."""

    def records(self) -> Iterator[Mapping[str, Any]]:
        """The records."""
        from sfbulk.frames import parquet_rows  # noqa: PLC0415 - Polars, for Parquet only

        return parquet_rows(self.path)

    def originals(self) -> Iterator[Any]:
        """The records; JSON has no NaN, and null instead of it would clear the field."""
        for record in self.records():
            yield {name: _finite_or_text(value) for name, value in record.items()}


def _finite_or_text(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def load_input(path: Path, form: str | None, delimiter: str) -> LoadInput:
    """The records of a file, in the form that is given or that its name ends with.

    Raises:
        UsageError: the form or the delimiter is not known, or it is a pipe.
    """
    if not path.is_file():
        # The second reading of a pipe would have no records, or only some.
        raise click.UsageError(f"{path} is read several times, so it must be a file and no pipe.")
    named = row_form(path, form)
    if named == "csv":
        return CsvInput(path, _delimiter(delimiter))
    return JsonLinesInput(path) if named == "jsonl" else ParquetInput(path)


def _delimiter(text: str) -> ColumnDelimiter:
    known = {one.text: one for one in ColumnDelimiter} | {"\\t": ColumnDelimiter.TAB}
    if text not in known:
        raise click.UsageError(f"--delimiter must be one of {' '.join(map(repr, known))}.")
    return known[text]
