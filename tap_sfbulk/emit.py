"""Turns a result page on disk into RECORD lines, or into records, without a loop over cells.

Both come from the same columns of JSON tokens, so both give the same output: lines join the
tokens as text, records read them as Python values. Memory is bounded by the block of a page
that is worked on, not by the page.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, BinaryIO

import polars as pl

from sfbulk.csvio import CsvDecoder
from sfbulk.errors import CsvError, DataError
from tap_sfbulk.catalog import Kind
from tap_sfbulk.plan import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from typing_extensions import Self

BLOCK_BYTES = 8_000_000
"""Of a page at a time; a block takes about twenty times its size while it is worked on."""

# RFC 8259, section 6: what Salesforce writes for a number is spliced into JSON as it is.
_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_PLAIN_INTEGER = r"^(?:0|-?[1-9][0-9]*)$"
_BOOLEAN = r"^(?:true|false)$"
_UTC_STAMP = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
_GRAMMAR = {Kind.NUMBER: _NUMBER, Kind.INTEGER: _PLAIN_INTEGER, Kind.BOOLEAN: _BOOLEAN}
_MAX_INTEGER_DIGITS = 40
_BARE_OFFSET = r"([+-][0-9]{2})([0-9]{2})$"


class JsonNumber(Decimal):
    """A number that keeps the digits it was written with: `1.0E7` stays `1.0E7`."""

    __slots__ = ("_digits",)
    _digits: str

    def __new__(cls, digits: str) -> Self:
        """A number from text in JSON's number grammar."""
        number = super().__new__(cls, digits)
        number._digits = digits
        return number

    def __str__(self) -> str:
        """The digits as they were written."""
        return self._digits


@dataclass(frozen=True)
class Column:
    """A column of a page: its name and how its cells become JSON."""

    name: str
    kind: Kind


class Emitter:
    """Turns the pages of one object's query into Singer output.

    Args:
        sobject: Named in errors.
        columns: As the query selects them.
        replication_key: Column whose maximum is kept, or None.
    """

    def __init__(
        self, sobject: str, columns: Sequence[Column], replication_key: str | None
    ) -> None:
        self._sobject = sobject
        self._columns = tuple(columns)
        self._names = [column.name for column in columns]
        self._key = replication_key
        self.maximum: datetime | None = None
        """The latest replication key of all rows that were read."""

    def frames(self, page: Path) -> Iterator[pl.DataFrame]:
        """The rows of a page, block by block, each cell a JSON token or null.

        Raises:
            CsvError: If the page is no CSV of the selected columns, or not UTF-8.
            DataError: If a value does not fit its field's type.
        """
        with page.open("rb") as file:
            order = self._page_order(file.readline())
            for block in blocks(file):
                frame = self._tokens(self._read(block, order).select(self._names))
                self._see(frame)
                yield frame

    def lines(self, frame: pl.DataFrame, before: str, after: str) -> bytes:
        """One line per row: `before`, the record as JSON, `after`, a line feed."""
        parts: list[pl.Expr] = [pl.lit(before + "{")]
        for number, run in enumerate(self._runs()):
            parts += [pl.lit(",")] if number else []
            parts += _json_members(run)
        parts.append(pl.lit("}" + after))
        buffer = io.BytesIO()
        lines = frame.select(pl.concat_str(parts))
        lines.write_csv(buffer, include_header=False, quote_style="never")
        return buffer.getvalue()

    def records(self, frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
        """One dict per row; numbers keep their digits as `JsonNumber`."""
        readers: list[Callable[[str], Any]] = [_READERS[c.kind] for c in self._columns]
        for row in frame.iter_rows():
            yield {
                name: None if token is None else read(token)
                for name, token, read in zip(self._names, row, readers, strict=True)
            }

    def _runs(self) -> Iterator[list[Column]]:
        """Neighbouring text columns together: they are escaped at once. The rest alone."""
        run: list[Column] = []
        for column in self._columns:
            if column.kind in _GRAMMAR:
                if run:
                    yield run
                    run = []
                yield [column]
            else:
                run.append(column)
        if run:
            yield run

    def _page_order(self, header: bytes) -> list[str]:
        """The selected columns in the order of the page: by name until API version 49.0.

        (Bulk API guide: Get Results for a Query Job.)
        """
        # A page with no bytes at all has no rows; the count says whether that is right.
        if not header:
            return self._names
        given = header.decode("utf-8-sig", "replace").rstrip("\r\n").replace('"', "").split(",")
        known = {name.lower(): name for name in self._names}
        if sorted(name.lower() for name in given) != sorted(known):
            raise self._wrong_header(given)
        return [known[name.lower()] for name in given]

    def _wrong_header(self, given: list[str]) -> CsvError:
        there = {name.lower() for name in given}
        lost = [name for name in self._names if name.lower() not in there]
        # What stands there instead may be a row, so it is not shown.
        return CsvError(
            f"A result page of {self._sobject} begins with {len(given)} cells that are not the "
            f"{len(self._names)} columns of the query. Missing: {', '.join(lost[:5]) or 'none'}"
            f"{', …' if lost[5:] else ''}. Run the query again."
        )

    def _read(self, block: bytes, order: Sequence[str]) -> pl.DataFrame:
        schema = dict.fromkeys(order, pl.String)
        try:
            frame = pl.read_csv(block, has_header=False, schema=schema)
        except pl.exceptions.PolarsError:
            return self._read_exactly(block, order)
        # Polars fills a short row with nulls. A quoted empty cell is no null to it, so a
        # null at the end is either such a row or an unquoted cell.
        if frame.to_series(-1).null_count():
            return self._read_exactly(block, order)
        return frame

    def _read_exactly(self, block: bytes, order: Sequence[str]) -> pl.DataFrame:
        """The same by the decoder that names the row it cannot read."""
        decoder = CsvDecoder()
        header = ",".join(f'"{name}"' for name in order).encode() + b"\n"
        try:
            rows = [*decoder.feed(header + block), *decoder.flush()]
        except CsvError as error:
            raise CsvError(
                f"A result page of {self._sobject} is no readable CSV: {error}"
            ) from error
        return pl.DataFrame(rows, dict.fromkeys(order, pl.String), orient="row")

    def _tokens(self, frame: pl.DataFrame) -> pl.DataFrame:
        frame = frame.select(pl.when(pl.all() != "").then(pl.all()))
        unfit = self._unfit(frame, _GRAMMAR)
        repaired = [self._integers(frame, c) for c in unfit if c.kind is Kind.INTEGER]
        frame = frame.with_columns(repaired)
        for column in unfit:
            if column.kind is not Kind.INTEGER:
                self._refuse(
                    frame, column, ~pl.col(column.name).str.contains(_GRAMMAR[column.kind])
                )
        late = self._unfit(frame, {Kind.INSTANT: _UTC_STAMP})
        spelled = [pl.col(c.name).str.replace(_BARE_OFFSET, "${1}:${2}") for c in late]
        return frame.with_columns(spelled)

    def _unfit(self, frame: pl.DataFrame, grammar: dict[Kind, str]) -> list[Column]:
        """Columns with a value outside the grammar of their kind."""
        checked = [column for column in self._columns if column.kind in grammar]
        if not checked or frame.is_empty():
            return []
        fits = frame.select(
            pl.col(c.name).str.contains(grammar[c.kind]).all() for c in checked
        ).row(0)
        return [column for column, fit in zip(checked, fits, strict=True) if not fit]

    def _integers(self, frame: pl.DataFrame, column: Column) -> pl.Series:
        """`47.0` as `47` and `1.0E7` as `10000000`."""
        values = frame.get_column(column.name)
        odd = values.filter(~values.str.contains(_PLAIN_INTEGER)).unique()
        whole = {text: whole_number(text) for text in odd}
        wrong = [text for text, number in whole.items() if number is None]
        if wrong:
            self._refuse(frame, column, pl.col(column.name).is_in(wrong))
        return values.replace(whole)

    def _refuse(self, frame: pl.DataFrame, column: Column, unfit: pl.Expr) -> None:
        where = ""
        if "Id" in frame.columns:
            where = f" of record {frame.filter(unfit).get_column('Id')[0]}"
        raise DataError(
            f"{self._sobject}.{column.name}{where} holds a value that is no {column.kind.value}. "
            "Deselect the field, or declare it a string in the catalog's schema."
        )

    def _see(self, frame: pl.DataFrame) -> None:
        if self._key is None or frame.is_empty():
            return
        stamps = frame.get_column(self._key)
        if stamps.str.contains(_UTC_STAMP).all():
            # Stamps of one form and zone sort as instants do.
            latest = stamps.max()
            seen = [parse_instant(latest)] if isinstance(latest, str) else []
        else:
            seen = self._parse(stamps.drop_nulls().unique())
        self.maximum = max([*seen, *([self.maximum] if self.maximum else [])], default=None)

    def _parse(self, stamps: pl.Series) -> list[datetime]:
        try:
            return [parse_instant(text) for text in stamps]
        except ValueError:
            raise DataError(
                f"{self._sobject}.{self._key} holds a value that is no instant, so it cannot be "
                "the replication key. Choose another one, or the replication method FULL_TABLE."
            ) from None


def whole_number(text: str) -> str | None:
    """The digits of a whole number however it is written; None if it is none."""
    if not re.fullmatch(_NUMBER.strip("^$"), text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    # An exponent of a million digits is no count of anything, but it would fill the memory.
    if number.adjusted() > _MAX_INTEGER_DIGITS or number != number.to_integral_value():
        return None
    return str(int(number))


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """The rows of a page whose header is read, in pieces of about `BLOCK_BYTES` of whole rows."""
    rest = b""
    while chunk := file.read(BLOCK_BYTES):
        rest += chunk
        end = last_row_end(rest)
        if end:
            yield rest[:end]
        rest = rest[end:]
    if rest:
        yield rest


def last_row_end(text: bytes) -> int:
    """Where the last whole row ends; 0 when none does.

    A line feed ends a row when the quotes before it are even, an escaped quote being two.
    """
    inside = text.count(b'"') % 2
    end = len(text)
    while (newline := text.rfind(b"\n", 0, end)) >= 0:
        inside ^= text.count(b'"', newline, end) % 2
        if not inside:
            return newline + 1
        end = newline
    return 0


def _json_members(run: list[Column]) -> list[pl.Expr]:
    names = [column.name for column in run]
    if run[0].kind in _GRAMMAR:
        return [pl.lit(json.dumps(names[0]) + ":"), pl.col(names[0]).fill_null("null")]
    # Polars escapes strings as members of an object; its braces are not wanted here.
    text = pl.struct(names).struct.json_encode()
    return [text.str.strip_prefix("{").str.strip_suffix("}")]


_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.TEXT: str,
    Kind.INSTANT: str,
    Kind.NUMBER: JsonNumber,
    Kind.INTEGER: int,
    Kind.BOOLEAN: "true".__eq__,
}
