"""The stream of one Salesforce object: what is selected, what is read, what is bookmarked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import Metadata, RecordMessage
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

# The SDK offers the class of its state manager nowhere else, though the property that
# returns one is public and meant to be overridden.
from singer_sdk.streams._state import StreamStateManager

from sfbulk.errors import (
    ConfigError,
    LimitExceeded,
    QuotaReached,
    SalesforceError,
    SessionExpired,
    SignInError,
)
from sfbulk_singer.names import did_you_mean
from tap_sfbulk import plan
from tap_sfbulk.emit.lines import record_lines
from tap_sfbulk.emit.maximum import KeyMaximum
from tap_sfbulk.emit.records import records
from tap_sfbulk.emit.tokens import TokenReader
from tap_sfbulk.extract import covered_until, extract
from tap_sfbulk.schema import (
    PageColumn,
    fields_of,
    is_replication_key,
    is_selectable,
    key_properties_of,
    kind_of,
    replication_key_of,
    schema_of,
)
from tap_sfbulk.settings import DEFAULT_LOOKBACK
from tap_sfbulk.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import polars as pl
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter
    from singer_sdk.singerlib import MetadataMapping

    from sfbulk import SObjectDescribe
    from tap_sfbulk.tap import TapSfbulk


class WindowState(StreamStateManager):
    """A stream's state that moves by whole windows, never by single records."""

    def increment_state(self, *args: Any, **kwargs: Any) -> None:
        """Leave the bookmark alone: the rows of a job come in no order."""

    def write_starting_replication_value(self, *args: Any, **kwargs: Any) -> None:
        """Leave no mark: `plan` decides where a window starts."""


@dataclass(frozen=True)
class Reading:
    """What one run reads of one object."""

    columns: list[PageColumn]
    key: str | None
    bookmark: plan.Bookmark | None
    window: plan.Window | None
    covered: datetime | None
    """Up to when all changes are visible; None where Salesforce does not say."""
    soql: str


class SObjectStream(Stream):
    """The rows of one Salesforce object, read by one bulk query job per run."""

    # Cells become JSON by the schema already; a second conversion would lose digits.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(
        self, tap: TapSfbulk, sobject: SObjectDescribe, options: Mapping[str, Any]
    ) -> None:
        super().__init__(tap, schema=schema_of(sobject), name=sobject.name)
        self._sfbulk = tap
        self._sobject = sobject
        self._options = options
        self._counter: Counter | None = None
        self.primary_keys = key_properties_of(sobject)
        chosen = sobject.field(options.get("replication_key") or "")
        self.replication_key = chosen.name if chosen else replication_key_of(sobject)

    @cached_property
    def state_manager(self) -> StreamStateManager:
        """The stream's state, moved by windows."""
        return WindowState(tap_name=self.tap_name, stream_name=self.name, tap_state=self.tap_state)

    @property
    def metadata(self) -> MetadataMapping:
        """Catalog metadata: keys are always read, what bulk cannot select never is."""
        metadata = super().metadata
        if not metadata:
            # A catalog written by hand may have none, and then selects everything.
            metadata.root.selected = True
        for field in fields_of(self._sobject):
            if not is_selectable(field):
                metadata["properties", field.name].inclusion = Metadata.InclusionType.UNSUPPORTED
        for key in filter(None, [*self.primary_keys, self.replication_key]):
            metadata["properties", key].inclusion = Metadata.InclusionType.AUTOMATIC
        return metadata

    def get_replication_key_signpost(self, context: Context | None = None) -> None:  # noqa: ARG002
        """None: the window's upper bound is what a signpost would be."""
        return

    def get_record_counter(self, **options: Any) -> Counter:
        """The SDK's counter of records, kept to count the rows of whole pages too."""
        self._counter = super().get_record_counter(**options)
        return self._counter

    def log_sync_costs(self) -> None:
        """After all streams: raise if one of them broke.

        Raises:
            StreamsBroken: Here, because this is the SDK's only public call after the last
                stream, and an embedding program must not take half a run for a whole one.
        """
        super().log_sync_costs()
        self._sfbulk.raise_for_broken_streams()

    def get_records(self, context: Context | None) -> Iterator[Record]:  # noqa: ARG002
        """Read the object's window; whole pages go to the writer, else records are yielded.

        An error of this object is kept for the end of the run, so that the other streams
        are read. Without a session, or at a limit, none can be read, so such an error is raised.
        """
        try:
            yield from self._read()
        except (SignInError, SessionExpired, LimitExceeded, QuotaReached):
            raise
        except SalesforceError as error:
            if self.ABORT_AT_RECORD_COUNT is not None:
                raise
            self._sfbulk.break_stream(self.name, error)

    def _read(self) -> Iterator[Record]:
        reading = self._plan()
        if reading.window and reading.window.is_empty:
            self.logger.info("Nothing to read: the window ends before what was read already.")
            return
        tokens = TokenReader(self.name, reading.columns)
        maximum = KeyMaximum(self.name, reading.key)
        with extract(
            self._sfbulk.salesforce,
            reading.soql,
            include_deleted=self.config.get("include_deleted") is not False,
            spool_dir=self.config.get("spool_dir"),
        ) as pages:
            for page in pages:
                rows = 0
                for block in tokens.blocks(page.path):
                    rows += block.height
                    maximum.track(block)
                    yield from self._emit(block, reading.columns)
                page.check_rows(rows)
            self._complete(reading, maximum.value)

    def _emit(self, block: pl.DataFrame, columns: Sequence[PageColumn]) -> Iterator[Record]:
        writer = self._page_writer
        if writer is None:
            yield from records(block, columns)
            return
        empty = RecordMessage(self.name, record={}, time_extracted=self._sfbulk.clock.now())
        line = writer.format_message(empty).decode().rstrip("\n")
        before, _, after = line.partition('"record":{}')
        writer.write_lines(record_lines(block, columns, before + '"record":', after))
        if self._counter:
            self._counter.increment(block.height)

    @property
    def _page_writer(self) -> PageWriter | None:
        """The writer of whole pages; None when each record has to pass through the SDK."""
        writer = self._sfbulk.message_writer
        by_record = (
            self.ABORT_AT_RECORD_COUNT is not None
            or self.get_batch_config(self.config)
            # The SDK puts the version into each record itself.
            or self.emit_activate_version_messages
            or len(self.stream_maps) != 1
            or type(self.stream_maps[0]) is not SameRecordTransform
            or self.stream_maps[0].flattening_enabled
        )
        return None if by_record or not isinstance(writer, PageWriter) else writer

    def _complete(self, reading: Reading, maximum: datetime | None) -> None:
        # A dry run reads a few rows of the window only.
        if self.ABORT_AT_RECORD_COUNT is None and reading.bookmark and reading.window:
            after = reading.bookmark.after(reading.window, maximum, reading.covered)
            after.write(self.stream_state)

    def _plan(self) -> Reading:
        columns, key = self._columns(), self._window_key()
        bookmark = self._bookmark(key) if key else None
        bounds = self._sfbulk.bounds(self._lookback()) if bookmark else None
        window = bounds.window(bookmark) if bounds and bookmark else None
        soql = plan.query(
            self.name,
            [column.name for column in columns],
            key=key,
            window=window,
            where=self._options.get("where"),
        )
        if self.ABORT_AT_RECORD_COUNT is not None:
            soql += f" LIMIT {self.ABORT_AT_RECORD_COUNT}"
        covered = self._covered(bounds.now) if bounds and window and not window.is_empty else None
        return Reading(columns, key, bookmark, window, covered, soql)

    def _covered(self, now: datetime) -> datetime | None:
        """API call: up to when all changes are visible; asked before the job is created.

        A dry run keeps no bookmark, so it does not ask.
        """
        if self.ABORT_AT_RECORD_COUNT is not None or not self._sobject.replicateable:
            return None
        return covered_until(self._sfbulk.salesforce, self.name, now)

    def _lookback(self) -> timedelta:
        # A setting may be null, which means as little as one that is not given.
        given = (self._options.get("lookback"), self.config.get("lookback"), DEFAULT_LOOKBACK)
        return timedelta(seconds=next(seconds for seconds in given if seconds is not None))

    def _columns(self) -> list[PageColumn]:
        """What to select: fields of the catalog that are selected and that bulk can read.

        Raises:
            ConfigError: If a selected field is none of the object.
        """
        properties: dict[str, Any] = self.effective_schema["properties"]
        selected = [name for name in properties if self.mask["properties", name]]
        fields = {name: self._sobject.field(name) for name in selected}
        known = [field.name for field in fields_of(self._sobject)]
        lost = [
            f"{self.name}.{name} is selected in the catalog, but the org shows this user no such "
            f"field{did_you_mean(name, known)}. Deselect it, or discover again."
            for name, field in fields.items()
            if field is None
        ]
        if lost or not selected:
            raise ConfigError(lost or [f"{self.name} is selected without any field of it."])
        return [
            PageColumn(name, kind_of(properties[name]))
            for name, field in fields.items()
            if field and is_selectable(field)
        ]

    def _window_key(self) -> str | None:
        """The field that cuts windows; None to read the whole table.

        Raises:
            ConfigError: If the catalog asks for what cannot be done.
        """
        if self.replication_method == REPLICATION_FULL_TABLE:
            return None
        stamps = [f.name for f in self._sobject.fields if is_replication_key(f)]
        if self.replication_method == REPLICATION_INCREMENTAL and self.replication_key in stamps:
            return self.replication_key
        problem = (
            f"{self.name}: the replication method {self.replication_method} with the "
            f"replication key {self.replication_key} is not possible. Choose FULL_TABLE, or "
            f"INCREMENTAL with one of: {', '.join(stamps) or 'no field of this object'}."
        )
        raise ConfigError([problem])

    def _bookmark(self, key: str) -> plan.Bookmark:
        try:
            return plan.Bookmark.read(self.stream_state, key)
        except ValueError:
            raise ConfigError(
                [f"The state of {self.name} holds a replication key value that is no instant."]
            ) from None
