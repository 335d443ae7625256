"""Shapes the rows of a stream as its stream maps say: one route for each stream that comes out.

Rows that no map changes stay columns all the way. What a map has to see comes as single records.
The SDK's own loop over records does the same, with a message object and a state update for each
of them, so it takes several times as long.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import polars as pl
from singer_sdk.mapper import RemoveRecordTransform

from sfbulk.errors import DataError
from sfbulk_singer.stream_maps import FailedExpression
from tap_sfbulk.columns import CompoundColumn
from tap_sfbulk.emit.flatten import flat_names
from tap_sfbulk.emit.lines import LINE, record_lines
from tap_sfbulk.emit.records import records
from tap_sfbulk.writer import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk.mapper import StreamMap

    from tap_sfbulk.columns import PageColumn

# Many dicts at a time keep the garbage collector busy.
_ROWS_AT_ONCE = 500


class Route(ABC):
    """What happens to the rows on their way to one of the streams that come out."""

    def __init__(self, stream_map: StreamMap) -> None:
        self.alias = stream_map.stream_alias
        self.properties: dict[str, Any] = stream_map.transformed_schema.get("properties", {})
        """JSON Schema of what comes out, by name."""

    @abstractmethod
    def records(
        self, block: pl.DataFrame, columns: Sequence[PageColumn]
    ) -> Iterator[dict[str, Any]]:
        """The rows of a block as they come out; numbers keep their digits."""

    @abstractmethod
    def lines(
        self, block: pl.DataFrame, columns: Sequence[PageColumn], before: str = "", after: str = ""
    ) -> pl.DataFrame:
        """One line for each row that comes out: `before`, the row as a JSON object, `after`."""

    @abstractmethod
    def tokens(self, block: pl.DataFrame, columns: Sequence[PageColumn]) -> pl.DataFrame:
        """The rows that come out as columns of JSON tokens, a string's text, or null."""


class SameRows(Route):
    """The rows as they are."""

    def records(
        self, block: pl.DataFrame, columns: Sequence[PageColumn]
    ) -> Iterator[dict[str, Any]]:
        """The rows of the block."""
        return records(block, columns)

    def lines(
        self, block: pl.DataFrame, columns: Sequence[PageColumn], before: str = "", after: str = ""
    ) -> pl.DataFrame:
        """A line for each row of the block."""
        return record_lines(block, columns, before, after)

    def tokens(self, block: pl.DataFrame, columns: Sequence[PageColumn]) -> pl.DataFrame:
        """The block."""
        return block.select(column.name for column in columns)


class MappedRows(Route):
    """The rows that a stream map leaves, as it changes them."""

    def __init__(self, stream_map: StreamMap) -> None:
        super().__init__(stream_map)
        self._map = stream_map

    def records(
        self, block: pl.DataFrame, columns: Sequence[PageColumn]
    ) -> Iterator[dict[str, Any]]:
        """The rows that the map leaves.

        Raises:
            DataError: If an expression of the map fails on a row; it names the row.
        """
        compounds = [each for each in columns if isinstance(each, CompoundColumn)]
        empty = {each.name: dict.fromkeys(key for key, _ in each.parts) for each in compounds}
        for part in block.iter_slices(_ROWS_AT_ONCE):
            for record in records(part, columns):
                if self._map.flattening_enabled:
                    # Else the SDK leaves null under the name of the object, which is no property.
                    record.update({n: e.copy() for n, e in empty.items() if record[n] is None})
                mapped = self._mapped(record)
                if mapped is not None:
                    yield mapped

    def lines(
        self, block: pl.DataFrame, columns: Sequence[PageColumn], before: str = "", after: str = ""
    ) -> pl.DataFrame:
        """A line for each row that the map leaves."""
        mapped = self.records(block, columns)
        return pl.DataFrame({LINE: [before + json_text(each) + after for each in mapped]})

    def tokens(self, block: pl.DataFrame, columns: Sequence[PageColumn]) -> pl.DataFrame:
        """The rows that the map leaves, by the properties of the map's schema."""
        mapped = list(self.records(block, columns))
        return pl.DataFrame(
            {name: [_token(each.get(name)) for each in mapped] for name in self.properties},
            dict.fromkeys(self.properties, pl.String),
        )

    def _mapped(self, record: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return self._map.transform(record)
        except Exception as error:
            row = f" It is record {record['Id']}." if "Id" in record else ""
            told = FailedExpression.of(error) or f"The stream map of `{self.alias}` fails."
            raise DataError(f"{told}{row}") from error


def routes_of(stream_maps: Sequence[StreamMap]) -> list[Route]:
    """One for each stream map that lets rows out.

    The rows of a single map that only flattens have its columns already: see `flat_columns`.
    """
    maps = [each for each in stream_maps if not isinstance(each, RemoveRecordTransform)]
    flat = len(maps) == 1 and flat_names(maps[0]) is not None
    return [SameRows(each) if flat or flat_names(each) == {} else MappedRows(each) for each in maps]


def _token(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json_text(value).strip('"')
