"""Result pages on disk as blocks of columns. Needs Polars, so `import sfbulk` leaves it out."""

from __future__ import annotations

from sfbulk.frames.exact import MAX_DIGITS, TIMESTAMP, decimals, exactly
from sfbulk.frames.parquet import parquet_rows, write_parquet
from sfbulk.frames.text import text_blocks

__all__ = [
    "MAX_DIGITS",
    "TIMESTAMP",
    "decimals",
    "exactly",
    "parquet_rows",
    "text_blocks",
    "write_parquet",
]
