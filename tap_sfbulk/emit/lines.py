"""Joins columns of JSON tokens into RECORD lines, without a Python loop over rows."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import polars as pl

from tap_sfbulk.emit.tokens import GRAMMAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_sfbulk.schema import PageColumn


def record_lines(
    block: pl.DataFrame, columns: Sequence[PageColumn], before: str, after: str
) -> bytes:
    """One line for each row of a block: `before`, the record as JSON, `after`, a line feed."""
    parts: list[pl.Expr] = [pl.lit(before + "{")]
    for number, run in enumerate(_runs(columns)):
        parts += [pl.lit(",")] if number else []
        parts += _members(run)
    parts.append(pl.lit("}" + after))
    buffer = io.BytesIO()
    lines = block.select(pl.concat_str(parts))
    lines.write_csv(buffer, include_header=False, quote_style="never")
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
