"""PK chunking: its header, and the ranges of ids into which it divides a query; no I/O.

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
# Not LoginHistory, which has rows of its own.
_OF_PARENT = re.compile(r"(?!Login)(\w+?)(__)?(?:Share|FieldHistory|History|Feed|CleanInfo)")
_BOUNDS = {">=": "low", "<": "high"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class PkChunking:
    """How to divide a query of many rows into ranges of ids.

    Attributes:
        chunk_size: rows of the object in a chunk before the query's filter, at most 250,000; None
            lets Salesforce choose (100,000).
        parent: the object whose sharing or history rows are queried.
        start_row: the id with which the first chunk starts; None for the first id.
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
        given = [f"{name}={value}" for name, value in parts.items() if value is not None]
        return "; ".join(given) or "TRUE"


def chunk_parent(sobject: str) -> str | None:
    """The object whose sharing, history or feed rows an object has; None for any other object.

    Salesforce divides such rows by the ids of the parent (Bulk API guide: PK Chunking Header).
    """
    match = _OF_PARENT.fullmatch(sobject)
    if match is None:
        return None
    # `Bill__Share` is of `Bill__c`, `CaseHistory` of `Case`.
    return f"{match[1]}__c" if match[2] else match[1]


class IdRange(NamedTuple):
    """The ids of a chunk: from `low` up to, but without, `high`; None if there is no limit."""

    low: str | None
    high: str | None


def id_range(soql: str) -> IdRange:
    """The range of ids in the query of a chunk, to which Salesforce has added it."""
    found = {name: _id(token) for name, token in _bound_tokens(soql).items()}
    return IdRange(found.get("low"), found.get("high"))


def gaps(chunks: Sequence[IdRange]) -> list[IdRange]:
    """The ranges between chunks that no chunk has; empty if the ranges are not known."""
    if IdRange(None, None) in chunks:
        return []
    # An id has 15 characters and 3 check characters. Where one chunk ends and another begins there
    # is no gap, so ids are only ordered where a chunk is missing.
    begins = {chunk.low[:15]: chunk.low for chunk in chunks if chunk.low}
    ends = {chunk.high[:15]: chunk.high for chunk in chunks if chunk.high}
    found = []
    for end in sorted(set(ends) - set(begins)):
        following = [begin for begin in sorted(set(begins) - set(ends)) if begin > end]
        if following:
            found.append(IdRange(ends[end], begins[following[0]]))
    return found


def gap_query(queries: Sequence[str], gap: IdRange) -> str | None:
    """The query for a gap: the query of a chunk, with the ids of the gap.

    None if no chunk's query has both ids.
    """
    for soql in queries:
        found = _bound_tokens(soql)
        if len(found) == len(gap):
            return _swapped(soql, [(found["low"], gap.low), (found["high"], gap.high)])
    return None


def _bound_tokens(soql: str) -> dict[str, Token]:
    """The ids in `Id >= …` and `Id < …`; the last of each, which Salesforce has added."""
    found: dict[str, Token] = {}
    listed = list(tokens(soql))
    for name, operator, value in zip(listed, listed[1:], listed[2:], strict=False):
        if name.text.lower() == "id" and operator.text in _BOUNDS:
            found[_BOUNDS[operator.text]] = value
    return found


def _id(token: Token) -> str:
    return token.text.strip("'")


def _swapped(soql: str, ids: list[tuple[Token, str | None]]) -> str:
    # From the end, so that the positions of earlier ids stay right.
    for token, wanted in sorted(ids, key=lambda pair: -pair[0].start):
        text = token.text.replace(_id(token), wanted or "")
        soql = soql[: token.start] + text + soql[token.start + len(token.text) :]
    return soql
