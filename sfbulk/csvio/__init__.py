"""The CSV of Bulk API, and that of spreadsheets, reading and writing; no I/O."""

from __future__ import annotations

from sfbulk.csvio.decode import ColumnDelimiter, CsvDecoder, decode_rows, header_names
from sfbulk.csvio.encode import CsvEncoder, LineEnding, quote_row
from sfbulk.csvio.limits import (
    MAX_FIELD_CHARACTERS,
    MAX_FIELDS,
    MAX_HEADER_BYTES,
    MAX_HEADER_CHARACTERS,
    MAX_JOB_BYTES,
    MAX_RECORD_CHARACTERS,
    MAX_ROW_BYTES,
)
from sfbulk.csvio.row_ends import LongRowError, RowCutter
from sfbulk.csvio.rows import CsvRows
from sfbulk.csvio.sheets import SheetError, sheet_delimiter, sheet_row, sheet_rows

__all__ = [
    "MAX_FIELDS",
    "MAX_FIELD_CHARACTERS",
    "MAX_HEADER_BYTES",
    "MAX_HEADER_CHARACTERS",
    "MAX_JOB_BYTES",
    "MAX_RECORD_CHARACTERS",
    "MAX_ROW_BYTES",
    "ColumnDelimiter",
    "CsvDecoder",
    "CsvEncoder",
    "CsvRows",
    "LineEnding",
    "LongRowError",
    "RowCutter",
    "SheetError",
    "decode_rows",
    "header_names",
    "quote_row",
    "sheet_delimiter",
    "sheet_row",
    "sheet_rows",
]
