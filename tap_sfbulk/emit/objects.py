"""Writes JSON objects from columns of JSON tokens, without a Python loop over rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tap_sfbulk.columns import CellKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TOKENS = frozenset({CellKind.NUMBER, CellKind.INTEGER, CellKind.BOOLEAN, CellKind.OBJECT})
"""The kinds whose cells are JSON as they are. All others are the text of a string."""


@dataclass(frozen=True)
class Member:
    """A member of the object: its key, and the column of its value."""

    key: str
    column: str
    kind: CellKind


def object_parts(members: Sequence[Member]) -> list[pl.Expr]:
    """Expressions that together, one after the other, are the text of an object for each row."""
    parts: list[pl.Expr] = [pl.lit("{")]
    for number, run in enumerate(_runs(members)):
        parts += [pl.lit(",")] if number else []
        parts += _members(run)
    return [*parts, pl.lit("}")]


def _runs(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Adjacent text members together, since they are escaped in one step; others alone."""
    run: list[Member] = []
    for member in members:
        if member.kind in _TOKENS:
            if run:
                yield run
                run = []
            yield [member]
        else:
            run.append(member)
    if run:
        yield run


def _members(run: Sequence[Member]) -> list[pl.Expr]:
    first = run[0]
    if first.kind in _TOKENS:
        return [pl.lit(json.dumps(first.key) + ":"), pl.col(first.column).fill_null("null")]
    # Polars escapes text only as members of a whole object, so its braces are cut off.
    text = pl.struct(pl.col(m.column).alias(m.key) for m in run).struct.json_encode()
    return [text.str.strip_prefix("{").str.strip_suffix("}")]
