"""Joins columns of JSON tokens into lines of JSON, without a Python loop over rows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

import polars as pl

from tap_sfbulk.emit.objects import Member, object_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_sfbulk.columns import PageColumn

LINE = "line"
"""The only column of a frame of lines."""

Compression = Literal["uncompressed", "gzip"]

# The level that takes no longer than the lines themselves; the next ones save little more.
_GZIP_LEVEL = 1


def record_lines(
    block: pl.DataFrame, columns: Sequence[PageColumn], before: str = "", after: str = ""
) -> pl.DataFrame:
    """One line for each row of a block: `before`, the record as a JSON object, `after`."""
    members = [Member(column.name, column.name, column.kind) for column in columns]
    parts = [pl.lit(before), *object_parts(members), pl.lit(after)]
    return block.select(pl.concat_str(parts).alias(LINE))


def line_bytes(lines: pl.DataFrame, compression: Compression = "uncompressed") -> bytes:
    """The lines in UTF-8, each with a line feed at its end; as a gzip file if asked."""
    buffer = io.BytesIO()
    lines.write_csv(
        buffer,
        include_header=False,
        quote_style="never",
        compression=compression,
        compression_level=_GZIP_LEVEL if compression == "gzip" else None,
    )
    return buffer.getvalue()
