"""What may be given to a load: mappings, rows with their columns, CSV bytes or a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfbulk.csvio import decode_rows
from sfbulk.errors import DataError
from sfbulk.jobs.files import read_chunks
from sfbulk.jobs.records import RowMaker, naming_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk.jobs.records import Row
    from sfbulk.jobs.states import Operation

Records = Iterable[Mapping[str, Any]] | Iterable[Sequence[Any]] | bytes | Path
"""Mappings of column to value; sequences of values, whose columns are given beside them; or
CSV with a header row, UTF-8, as bytes or in a file."""


class _CsvRowMaker(RowMaker):
    """Takes the cells of CSV as they are: it says by itself what is cleared and what left alone."""

    def _cell(self, record: Mapping[str, Any], column: str) -> str:
        cell: str = record[column]
        return cell


def numbered_rows(
    records: Records,
    columns: Sequence[str] | None,
    operation: Operation,
    external_id: str | None,
) -> Iterator[tuple[int, Row, Mapping[str, Any]]]:
    """Each record's number from 1, its cells, and what they were made of.

    Raises:
        DataError: a record that cannot be sent; names its number.
        CsvError: bytes that are no CSV.
    """
    if isinstance(records, (bytes, Path)):
        maker: RowMaker = _CsvRowMaker(operation, external_id)
        source = _from_csv(records)
    else:
        maker = RowMaker(operation, external_id)
        source = _mappings(records, columns)
    for number, record in enumerate(source, start=1):
        with naming_record(number):
            row = maker.row(record)
        yield number, row, record


def _from_csv(records: bytes | Path) -> Iterator[Mapping[str, Any]]:
    return decode_rows(read_chunks(records) if isinstance(records, Path) else (records,))


def _mappings(
    records: Iterable[Mapping[str, Any]] | Iterable[Sequence[Any]],
    columns: Sequence[str] | None,
) -> Iterator[Mapping[str, Any]]:
    for number, record in enumerate(records, start=1):
        if isinstance(record, Mapping):
            yield record
        elif columns is None:
            raise DataError(
                f"Record {number} is a sequence: give the names of its values as columns.",
                row=number,
            )
        elif len(record) != len(columns):
            raise DataError(
                f"Record {number} has {len(record)} values for {len(columns)} columns.", row=number
            )
        else:
            yield dict(zip(columns, record, strict=True))
