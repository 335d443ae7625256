"""Makes the columns that no query selects from those of the same row, for all rows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tap_sfbulk.columns import CompoundColumn, DeletedAtColumn
from tap_sfbulk.emit.objects import Member, object_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk.columns import CellKind, PageColumn


def output_column(column: PageColumn, kinds: Mapping[str, CellKind]) -> pl.Expr:
    """A column of the stream, from a block of the columns that the query selects.

    Args:
        column: Of the stream.
        kinds: How the columns of the block were read, by their paths.
    """
    if isinstance(column, CompoundColumn):
        return _compound(column, kinds).alias(column.name)
    if isinstance(column, DeletedAtColumn):
        is_deleted = pl.col(column.flag) == "true"
        return pl.when(is_deleted).then(pl.col(column.stamp)).alias(column.name)
    return pl.col(column.source).alias(column.name)


def _compound(column: CompoundColumn, kinds: Mapping[str, CellKind]) -> pl.Expr:
    """The object as REST gives it: null if all its components are."""
    members = [Member(key, part.source, kinds[part.source]) for key, part in column.parts]
    is_empty = pl.all_horizontal(pl.col(member.column).is_null() for member in members)
    return pl.when(~is_empty).then(pl.concat_str(object_parts(members)))
