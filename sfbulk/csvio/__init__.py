"""The CSV of Bulk API, reading and writing; no I/O."""

from __future__ import annotations

from sfbulk.csvio.decode import ColumnDelimiter, CsvDecoder, decode_rows, header_names
from sfbulk.csvio.encode import CsvEncoder, LineEnding, quote_row
from sfbulk.csvio.limits import (
    MAX_FIELD_CHARACTERS,
    MAX_FIELDS,
    MAX_HEADER_CHARACTERS,
    MAX_JOB_BYTES,
    MAX_RECORD_CHARACTERS,
)
from sfbulk.csvio.rows import CsvRows

__all__ = [
    "MAX_FIELDS",
    "MAX_FIELD_CHARACTERS",
    "MAX_HEADER_CHARACTERS",
    "MAX_JOB_BYTES",
    "MAX_RECORD_CHARACTERS",
    "ColumnDelimiter",
    "CsvDecoder",
    "CsvEncoder",
    "CsvRows",
    "LineEnding",
    "decode_rows",
    "header_names",
    "quote_row",
]
