"""Turns columns of JSON tokens into the types of a Parquet file, exactly or not at all.

A type that does not hold a value of a column exactly gives way to the next wider one, and the last
one is text. It stays so for the rest of the stream, so that files differ as little as possible.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from sfbulk.frames import MAX_DIGITS, TIMESTAMP, decimals, exactly
from tap_sfbulk.annotations import KEY as ANNOTATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

Codec = Literal["uncompressed", "snappy", "gzip"]


class ParquetTypes:
    """The types of the columns of one stream.

    Args:
        stream: Named in the log.
        properties: JSON Schema of the columns by name.
    """

    def __init__(self, stream: str, properties: Mapping[str, Mapping[str, Any]]) -> None:
        self._stream = stream
        self._types = {name: _types_for(each) for name, each in properties.items()}

    def file(self, tokens: pl.DataFrame, codec: Codec) -> bytes:
        """A Parquet file of columns of JSON tokens, a string's text, or null."""
        typed = tokens.select(self._typed(column) for column in tokens)
        buffer = io.BytesIO()
        typed.write_parquet(buffer, compression=codec)
        return buffer.getvalue()

    def _typed(self, column: pl.Series) -> pl.Series:
        types = self._types.get(column.name, [])
        for number, each in enumerate(types):
            typed = exactly(column, each)
            if typed is not None:
                self._widen(column.name, number)
                return typed
        self._widen(column.name, len(types))
        return column

    def _widen(self, name: str, number: int) -> None:
        """From now on leave out the first types of a column."""
        if not number:
            return
        types = self._types[name]
        self._types[name] = types[number:]
        log.warning(
            "%s.%s has a value that Parquet's %s does not hold exactly. From this file on the "
            "column is %s.",
            self._stream,
            name,
            types[0],
            next(iter(types[number:]), pl.String()),
        )


def _types_for(schema: Mapping[str, Any]) -> list[pl.DataType]:
    """Types for a property, the narrowest first; what none of them holds is text."""
    given = schema.get("type", "string")
    named = {given} if isinstance(given, str) else set(given)
    named.discard("null")
    if named == {"integer"}:
        return [pl.Int64(), pl.Decimal(MAX_DIGITS, 0)]
    if named == {"number"}:
        sizes = schema.get(ANNOTATIONS, {})
        return decimals(sizes.get("precision", 0), sizes.get("scale", 0))
    if named == {"boolean"}:
        return [pl.Boolean()]
    formats: dict[Any, pl.DataType] = {"date": pl.Date(), "date-time": TIMESTAMP}
    form = schema.get("format")
    return [formats[form]] if named == {"string"} and form in formats else []
