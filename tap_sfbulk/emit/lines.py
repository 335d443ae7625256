"""Joins columns of JSON tokens into RECORD lines, without a Python loop over rows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl

from tap_sfbulk.emit.objects import Member, object_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_sfbulk.columns import PageColumn


def record_lines(
    block: pl.DataFrame, columns: Sequence[PageColumn], before: str, after: str
) -> bytes:
    """One line for each row of a block: `before`, the record as JSON, `after`, a line feed."""
    members = [Member(column.name, column.name, column.kind) for column in columns]
    parts = [pl.lit(before), *object_parts(members), pl.lit(after)]
    buffer = io.BytesIO()
    lines = block.select(pl.concat_str(parts))
    lines.write_csv(buffer, include_header=False, quote_style="never")
    return buffer.getvalue()
