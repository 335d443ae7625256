"""Decides how the rows of a stream leave the tap: as RECORD lines, or as single records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.mapper import SameRecordTransform

from tap_sfbulk.emit.lines import record_lines
from tap_sfbulk.emit.records import records
from tap_sfbulk.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl
    from singer_sdk import Stream
    from singer_sdk.helpers.types import Record

    from sfbulk.clock import Clock
    from tap_sfbulk.columns import PageColumn


class Output:
    """The way out for the rows of one stream.

    Args:
        stream: The stream as the SDK sees it.
        writer: Writes the messages; only a `PageWriter` takes whole blocks.
        clock: Tells when rows were read.
    """

    def __init__(self, stream: Stream, writer: object, clock: Clock) -> None:
        self._stream = stream
        self._writer = writer
        self._clock = clock

    def emit(self, block: pl.DataFrame, columns: Sequence[PageColumn]) -> Iterable[Record]:
        """Write the rows of a block, or return them as records where the SDK needs those."""
        stream, writer = self._stream, self._writer
        if not isinstance(writer, PageWriter) or _needs_records(stream):
            return records(block, columns)
        before, after = writer.around_record(stream.name, self._clock.now())
        writer.write_lines(record_lines(block, columns, before, after))
        stream.get_record_counter().increment(block.height)
        return ()


def _needs_records(stream: Stream) -> bool:
    """Whether the SDK has to see each record: to change, count or store it."""
    return bool(
        stream.ABORT_AT_RECORD_COUNT is not None
        or stream.get_batch_config(stream.config)
        # The SDK puts the version into each record itself.
        or stream.emit_activate_version_messages
        or len(stream.stream_maps) != 1
        or type(stream.stream_maps[0]) is not SameRecordTransform
        or stream.stream_maps[0].flattening_enabled
    )
