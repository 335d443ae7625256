"""The records of a load: mappings, sequences with columns, or CSV; turned into rows."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from sfbulk.csvio import ColumnDelimiter, CsvDecoder
from sfbulk.errors import CsvError, DataError
from sfbulk.jobs.files import CHUNK_BYTES, read_chunks
from sfbulk.load.alignment import aligned
from sfbulk.load.records import RowMaker, naming_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import TypeIs

    from sfbulk.load.columns import Column
    from sfbulk.load.records import ColumnSet, RowRules
    from sfbulk.load.row import Row

Records: TypeAlias = Iterable[Mapping[str, Any]] | Iterable[Sequence[Any]] | bytes | Path | BinaryIO
"""Mappings of column to value; sequences of values, with the option `columns`; or CSV in UTF-8
with a header row: bytes, a path, or a file open for reading bytes."""

# `Name`, `Parent__r.Ext_Id__c`, `Lead:Who.Email` (Bulk API guide: Relationship Fields).
_FIELD_NAME = re.compile(r"[A-Za-z]\w*(?::\w+)?(?:\.\w+)*", re.ASCII)


class CsvRowMaker(RowMaker):
    """Takes the cells of CSV as they are: `#N/A` clears a field, an empty cell changes nothing."""

    def _is_unclear(self, column: Column) -> bool:  # noqa: ARG002 - as the method that it replaces
        return False

    def _cells(self, columns: ColumnSet, values: Sequence[Any]) -> list[str]:  # noqa: ARG002 - the signature of a RowMaker
        return list(values)


def numbered_rows(
    records: Records,
    columns: Sequence[str] | None,
    rules: RowRules,
    column_delimiter: ColumnDelimiter = ColumnDelimiter.COMMA,
) -> Iterator[tuple[int, Row]]:
    """API call, with the first record: each record's number from 1, and its row.

    Args:
        records: the records; read once, and not kept.
        columns: the columns of records that are sequences.
        rules: how they become rows.
        column_delimiter: the column delimiter of CSV.

    Raises:
        DataError: a record that cannot be sent; names its number.
        CsvError: the bytes are not CSV, or the header row is not valid.
    """
    if _is_csv(records):
        data = csv_records(_chunks(records), column_delimiter)
        yield from _numbered(CsvRowMaker(rules), data)
    else:
        yield from aligned(_numbered(RowMaker(rules), _mappings(records, columns)), rules)


def _numbered(maker: RowMaker, source: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, Row]]:
    for number, record in enumerate(source, start=1):
        with naming_record(number):
            row = maker.row(record)
        yield number, row


def _is_csv(records: Records) -> TypeIs[bytes | Path | BinaryIO]:
    return isinstance(records, (bytes, Path)) or hasattr(records, "read")


def _chunks(records: bytes | Path | BinaryIO) -> Iterator[bytes]:
    if isinstance(records, bytes):
        yield records
    elif isinstance(records, Path):
        yield from read_chunks(records)
    else:
        while chunk := records.read(CHUNK_BYTES):
            yield chunk


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes without a byte order mark, which would become part of the first column's name."""
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= len(codecs.BOM_UTF8):
            break
    yield start.removeprefix(codecs.BOM_UTF8)
    yield from chunks


def csv_records(
    chunks: Iterator[bytes], delimiter: ColumnDelimiter = ColumnDelimiter.COMMA
) -> Iterator[Mapping[str, str]]:
    """The records of CSV with a header row.

    Raises:
        CsvError: the bytes are not CSV, or the header row is not valid.
    """
    return _from_csv(_without_mark(chunks), delimiter)


def _from_csv(chunks: Iterable[bytes], delimiter: ColumnDelimiter) -> Iterator[Mapping[str, str]]:
    decoder = CsvDecoder(delimiter)
    header: tuple[str, ...] | None = None
    for rows in _decoded(decoder, chunks):
        if header is None and decoder.header is not None:
            header = _checked(decoder.header)
        for row in rows:
            yield dict(zip(header or (), row, strict=True))
    if header is None:
        raise CsvError("The CSV is empty: it must start with a header row of field names.")


def _decoded(decoder: CsvDecoder, chunks: Iterable[bytes]) -> Iterator[list[list[str]]]:
    for chunk in chunks:
        yield decoder.feed(chunk)
    yield decoder.flush()


def _checked(header: tuple[str, ...]) -> tuple[str, ...]:
    # The name is not quoted: if the header row is missing, it is a value of a record.
    for position, name in enumerate(header, start=1):
        if not _FIELD_NAME.fullmatch(name):
            raise CsvError(
                f"Column {position} of the CSV's first row is not a field name. Check that the "
                "first row is the header row, and that column_delimiter is right."
            )
    names = [name.lower() for name in header]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise CsvError(f"The CSV's header row repeats columns: {', '.join(repeated)}.")
    return header


def _mappings(
    records: Iterable[Mapping[str, Any]] | Iterable[Sequence[Any]],
    columns: Sequence[str] | None,
) -> Iterator[Mapping[str, Any]]:
    for number, record in enumerate(records, start=1):
        if isinstance(record, Mapping):
            yield record
        elif columns is None:
            raise DataError(
                f"Record {number} is a sequence, so the load needs the option columns.",
                row=number,
            )
        elif len(record) != len(columns):
            raise DataError(
                f"Record {number} has {len(record)} values, but there are {len(columns)} columns.",
                row=number,
            )
        else:
            yield dict(zip(columns, record, strict=True))
