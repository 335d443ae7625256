"""Joins columns of JSON tokens into lines of JSON, without a Python loop over rows."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Literal

import polars as pl

from tap_sfbulk.emit.tokens import GRAMMAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_sfbulk.schema import PageColumn

LINE = "line"
"""The only column of a frame of lines."""

Compression = Literal["uncompressed", "gzip"]

# The level that takes no longer than the lines themselves; the next ones save little more.
_GZIP_LEVEL = 1


def record_lines(
    block: pl.DataFrame, columns: Sequence[PageColumn], before: str = "", after: str = ""
) -> pl.DataFrame:
    """One line for each row of a block: `before`, the record as a JSON object, `after`."""
    parts: list[pl.Expr] = [pl.lit(before + "{")]
    for number, run in enumerate(_runs(columns)):
        parts += [pl.lit(",")] if number else []
        parts += _members(run)
    parts.append(pl.lit("}" + after))
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


def _runs(columns: Sequence[PageColumn]) -> Iterator[list[PageColumn]]:
    """Adjacent text columns together, since they are escaped in one step; others alone."""
    run: list[PageColumn] = []
    for column in columns:
        if column.kind in GRAMMAR:
            if run:
                yield run
                run = []
            yield [column]
        else:
            run.append(column)
    if run:
        yield run


def _members(run: Sequence[PageColumn]) -> list[pl.Expr]:
    """The members of the record's JSON object that a run of columns makes."""
    names = [column.name for column in run]
    if run[0].kind in GRAMMAR:
        return [pl.lit(json.dumps(names[0]) + ":"), pl.col(names[0]).fill_null("null")]
    # Polars escapes text only as members of a whole object, so its braces are cut off.
    text = pl.struct(names).struct.json_encode()
    return [text.str.strip_prefix("{").str.strip_suffix("}")]
