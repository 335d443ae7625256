"""PK chunking: the header that asks for it, and the ranges of ids it divides a query into; no I/O.

Source: Bulk API guide, PK Chunking Header.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sfbulk.errors import DataError
from sfbulk.soql import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_CHUNK = 250_000
"""Rows (Bulk API guide: PK Chunking Header)."""

_ID = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")
_BOUNDS = {">=": "low", "<": "high"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class PkChunking:
    """How to divide a query of many rows into ranges of ids.

    Attributes:
        chunk_size: Rows of the object in a chunk, at most 250,000, whatever of them the query's
            filter keeps; None lets Salesforce choose (100,000).
        parent: The object whose sharing or history rows are queried.
        start_row: The id the first chunk begins with; None for the first there is.
    """

    chunk_size: int | None = None
    parent: str | None = None
    start_row: str | None = None

    def __post_init__(self) -> None:
        if self.chunk_size is not None and not 1 <= self.chunk_size <= LARGEST_CHUNK:
            raise DataError(f"chunk_size must be from 1 to {LARGEST_CHUNK:,}.")
        if self.parent is not None and not _NAME.fullmatch(self.parent):
            raise DataError("parent must be the name of an object.")
        if self.start_row is not None and not _ID.fullmatch(self.start_row):
            raise DataError("start_row must be an id of 15 or 18 characters.")

    @property
    def header(self) -> str:
        """The value of `Sforce-Enable-PKChunking`."""
        parts = {
            "chunkSize": self.chunk_size,
            "parent": self.parent,
            "startRow": self.start_row,
        }
        said = [f"{name}={value}" for name, value in parts.items() if value is not None]
        return "; ".join(said) or "TRUE"


class IdRange(NamedTuple):
    """The ids a chunk begins with, and before which it ends; None where it is open."""

    low: str | None
    high: str | None


def id_range(soql: str) -> IdRange:
    """The range of ids of a chunk's query, as Salesforce has written it there."""
    found = {name: _id(token) for name, token in _bound_tokens(soql).items()}
    return IdRange(found.get("low"), found.get("high"))


def gaps(chunks: Sequence[IdRange]) -> list[IdRange]:
    """The ranges between chunks that no chunk covers; none when the ranges are not known."""
    if IdRange(None, None) in chunks:
        return []
    # 15 characters are the id, 3 more its checksum. An end where another chunk begins is no
    # gap, so ids need an order only where something is missing.
    begins = {chunk.low[:15]: chunk.low for chunk in chunks if chunk.low}
    ends = {chunk.high[:15]: chunk.high for chunk in chunks if chunk.high}
    found = []
    for end in sorted(set(ends) - set(begins)):
        following = [begin for begin in sorted(set(begins) - set(ends)) if begin > end]
        if following:
            found.append(IdRange(ends[end], begins[following[0]]))
    return found


def gap_query(queries: Sequence[str], gap: IdRange) -> str | None:
    """The query for a gap: that of a chunk with the gap's ids in place of its own.

    None when no chunk's query has both bounds, so that none can be the model.
    """
    for soql in queries:
        found = _bound_tokens(soql)
        if len(found) == len(gap):
            return _swapped(soql, [(found["low"], gap.low), (found["high"], gap.high)])
    return None


def _bound_tokens(soql: str) -> dict[str, Token]:
    """The ids of `Id >= …` and `Id < …`; the last of each, which Salesforce has added."""
    found: dict[str, Token] = {}
    listed = list(tokens(soql))
    for name, operator, value in zip(listed, listed[1:], listed[2:], strict=False):
        if name.text.lower() == "id" and operator.text in _BOUNDS:
            found[_BOUNDS[operator.text]] = value
    return found


def _id(token: Token) -> str:
    return token.text.strip("'")


def _swapped(soql: str, ids: list[tuple[Token, str | None]]) -> str:
    # From the end, so that places before it stay what they are.
    for token, wanted in sorted(ids, key=lambda pair: -pair[0].start):
        text = token.text.replace(_id(token), wanted or "")
        soql = soql[: token.start] + text + soql[token.start + len(token.text) :]
    return soql
