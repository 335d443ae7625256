"""The way out for the rows of a stream: RECORD lines or BATCH files, and the version after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from singer_sdk.singerlib import ActivateVersionMessage, RecordMessage

from tap_sfbulk.emit.batch_files import BatchFiles
from tap_sfbulk.emit.flatten import flat_columns, flat_names
from tap_sfbulk.emit.lines import line_bytes
from tap_sfbulk.emit.records import records
from tap_sfbulk.emit.routes import routes_of
from tap_sfbulk.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl
    from singer_sdk import Stream
    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter

    from sfbulk.clock import Clock
    from tap_sfbulk.columns import PageColumn
    from tap_sfbulk.emit.routes import Route


class Output:
    """The way out for the rows of one stream, whatever its stream maps make of them.

    Args:
        stream: The stream as the SDK sees it.
        writer: Writes the messages.
        clock: Tells when rows were read.
        batches: The setting `batch_config`; None writes RECORD lines.
        version: What the rows of a whole table carry, so that a loader can tell them from the
            rows of earlier runs; None for no version.
    """

    def __init__(
        self,
        stream: Stream,
        writer: GenericSingerWriter[Any, Any],
        clock: Clock,
        *,
        batches: BatchConfig | None = None,
        version: int | None = None,
    ) -> None:
        self._stream = stream
        self._writer = writer
        self.version = version
        """What the rows of a whole table carry; None for no version."""
        self._ways: dict[str, _Way] = {}
        maps = stream.stream_maps
        self._flat_names = flat_names(maps[0]) if len(maps) == 1 else None
        for route in routes_of(maps):
            if batches:
                way: _Way = BatchFiles(route, batches, stream.tap_name, self._write_batch, version)
            else:
                way = _RecordMessages(route, writer, clock, version)
            self._ways[route.alias] = way

    @property
    def is_dry_run(self) -> bool:
        """Whether the SDK tests the connection with a few records."""
        return self._stream.ABORT_AT_RECORD_COUNT is not None

    def columns(self, columns: Sequence[PageColumn]) -> Sequence[PageColumn]:
        """What to read for rows of these columns: where rows are only flattened, flat ones."""
        flat = None if self.is_dry_run else self._flat_names
        return flat_columns(columns, flat) if flat else columns

    def emit(self, block: pl.DataFrame, columns: Sequence[PageColumn]) -> Iterable[Record]:
        """Write the rows of a block; those of a connection test are returned for the SDK to count.

        Raises:
            DataError: If a stream map fails on a row.
            OSError: If a BATCH file cannot be written.
        """
        if self.is_dry_run:
            return records(block, columns)
        for way in self._ways.values():
            way.take(block, columns)
        self._stream.get_record_counter().increment(block.height)
        return ()

    def flush(self) -> None:
        """Write what is still held back; a STATE that counts on these rows may follow.

        Raises:
            OSError: If a BATCH file cannot be written.
        """
        for way in self._ways.values():
            way.flush()

    def finish(self) -> None:
        """After the last row: write what is held back, and then the version, if there is one.

        A loader removes the rows of earlier versions when it reads the version. So the message
        comes last, and not at all where a row may be missing. The SDK would write it before the
        first row, and a run that breaks off would leave the table empty.

        Raises:
            OSError: If a BATCH file cannot be written.
        """
        self.flush()
        if self.version is not None:
            for alias in self._ways:
                self._writer.write_message(ActivateVersionMessage(alias, self.version))

    def _write_batch(self, message: Any) -> None:
        self._writer.write_message(message)
        with self._stream.get_batch_counter() as files:
            files.increment()


class _Way(Protocol):
    """What takes the rows of one route."""

    def take(self, block: pl.DataFrame, columns: Sequence[PageColumn]) -> None: ...

    def flush(self) -> None: ...


class _RecordMessages:
    """Writes RECORD messages: whole blocks of lines where the writer takes them."""

    def __init__(
        self,
        route: Route,
        writer: GenericSingerWriter[Any, Any],
        clock: Clock,
        version: int | None,
    ) -> None:
        self._route = route
        self._writer = writer
        self._clock = clock
        self._version = version

    def take(self, block: pl.DataFrame, columns: Sequence[PageColumn]) -> None:
        route, writer, now = self._route, self._writer, self._clock.now()
        if isinstance(writer, PageWriter):
            before, after = writer.around_record(route.alias, now, self._version)
            writer.write_lines(line_bytes(route.lines(block, columns, before, after)))
            return
        # A program that embeds the tap may bring a writer of its own.
        for record in route.records(block, columns):
            writer.write_message(RecordMessage(route.alias, record, self._version, now))

    def flush(self) -> None:
        """Nothing is held back."""
