"""The stream of one object or custom query, as the SDK sees it: records and state."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import metrics
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

from sfbulk import soql
from sfbulk.error_text import as_sentence, one_line
from sfbulk.errors import DataError, JobError, SalesforceError
from sfbulk_singer.file_names import file_name
from tap_sfbulk.api_choice import ApiType
from tap_sfbulk.catalog_stream import CatalogStream
from tap_sfbulk.deletions import Deletions, Ways
from tap_sfbulk.emit.bad_values import BadValues
from tap_sfbulk.emit.deleted_rows import write_deletions
from tap_sfbulk.emit.keys import KeyCheck
from tap_sfbulk.emit.maximum import KeyMaximum
from tap_sfbulk.emit.output import Output
from tap_sfbulk.emit.partial_schema import is_mapped, partial_schema, takes_parts, whole_schema
from tap_sfbulk.emit.tokens import TokenReader
from tap_sfbulk.failures import add_rest_advice, add_window_advice, ends_the_run, is_unexpected
from tap_sfbulk.formulas import REFRESHED, FormulaRefresh
from tap_sfbulk.passes import PassKind
from tap_sfbulk.plan import StreamRequest
from tap_sfbulk.resume import CannotResume, ResumePoint
from tap_sfbulk.run import log_not_resumed
from tap_sfbulk.state import WindowState
from tap_sfbulk.windows import STEP, may_grow

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from singer_sdk import Tap
    from singer_sdk.helpers._batch import BatchConfig
    from singer_sdk.helpers.types import Context, Record
    from singer_sdk.metrics import Counter
    from singer_sdk.streams._state import StreamStateManager

    from sfbulk import ResultPage
    from tap_sfbulk.passes import Pass
    from tap_sfbulk.plan import StreamPlan
    from tap_sfbulk.reading import Reading
    from tap_sfbulk.run import Run
    from tap_sfbulk.settings import StreamOptions
    from tap_sfbulk.sources import StreamSource
    from tap_sfbulk.state import Bookmark

log = logging.getLogger(__name__)


class SalesforceStream(CatalogStream):
    """The rows of one Salesforce object, or of a custom query.

    Args:
        tap: The tap; the SDK keeps the settings, the state and the writer there.
        run: Plans what is read, and reads it.
        source: The object or query.
        options: What the settings say about it.
    """

    # Cells become JSON by the schema already; a second conversion would lose digits.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: Tap, run: Run, source: StreamSource, options: StreamOptions) -> None:
        super().__init__(tap, source, options)
        self._run = run
        self._bad_values = BadValues(source.name) if options.nulls_bad_values else None
        self._writer = tap.message_writer
        self._state_writer = tap.state_writer
        self._deletions: Deletions | None = None
        self._schema_error: Exception | None = None

    @property
    def request(self) -> StreamRequest:
        """What is asked for, from catalog, settings and state as they are now."""
        # The SDK's `stream_state` would put an empty entry into the state of a stream not yet read.
        state = self.tap_state.get("bookmarks", {}).get(self.name, {})
        return StreamRequest(
            source=self._source,
            properties=self.selected_schema["properties"],
            replication_method=self.replication_method,
            replication_key=self.replication_key,
            key_properties=tuple(self.primary_keys),
            lookback=self._options.lookback,
            where=self._options.where,
            include_deleted=self._options.include_deleted,
            refresh=self._refresh,
            api=self._options.api,
            hard_deletes=self._options.hard_deletes,
            is_mapped=is_mapped(self),
            state=dict(state),
            row_limit=self.ABORT_AT_RECORD_COUNT,
        )

    @property
    def _refresh(self) -> FormulaRefresh | None:
        every, batches = self._options.refresh_formulas, super().get_batch_config(self.config)
        return FormulaRefresh(every, takes_parts(self) and not batches) if every else None

    @cached_property
    def state_manager(self) -> StreamStateManager:
        """The stream's state, moved by windows."""
        return WindowState(tap_name=self.tap_name, stream_name=self.name, tap_state=self.tap_state)

    def get_replication_key_signpost(self, context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        """None: the upper bound of the window does what a signpost would do."""
        return

    @cached_property
    def _row_counter(self) -> Counter:
        return metrics.record_counter(self.name)

    def get_record_counter(self, **_options: Any) -> Counter:
        """One counter: the SDK counts the records of a connection test, `Output` whole blocks."""
        return self._row_counter

    def get_batch_config(self, config: Mapping[str, Any]) -> BatchConfig | None:  # noqa: ARG002 - the SDK's signature
        """None: `Output` writes the BATCH files, so that the SDK does not go record by record."""
        return None

    @property
    def emit_activate_version_messages(self) -> bool:
        """No: `Output` writes the version after the last row, the SDK before the first."""
        return False

    @property
    def _batches(self) -> BatchConfig | None:
        return super().get_batch_config(self.config)

    def log_sync_costs(self) -> None:
        """After all streams: raise if one of them failed, or all were left out.

        A program that embeds the tap calls `Tap.sync_all`, which is final, and must not take half
        a run for a whole one. The SDK makes no other public call after the last stream.

        Raises:
            StreamsFailed: With the name of each failed stream and the reason.
        """
        super().log_sync_costs()
        self._run.end()
        self._run.failures.raise_at_end()

    def get_records(self, context: Context | None) -> Iterator[Record]:  # noqa: ARG002 - the SDK's signature
        """Read the object: whole blocks go to the writer, single records are yielded.

        An error of this object is kept for the end of the run, so that the other streams
        are read. A connection test ends with its first error.
        """
        if self._is_dry_run:
            # Objects that cannot be described have no stream that could report it.
            self._run.failures.raise_for_failed()
        if self._schema_error:
            self._take_failure(self._schema_error)
            return
        try:
            if (yield from self._reading()):
                yield from self._reading(goes_on=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is of this stream
            self._take_failure(error)

    # The SDK's only place around the SCHEMA of a stream; a test fails when it stops calling it.
    def _write_schema_message(self) -> None:
        try:
            super()._write_schema_message()
        except Exception as error:  # noqa: BLE001 - it is raised where the stream is read
            self._schema_error = error

    def _take_failure(self, error: Exception) -> None:
        """Keep an error of this stream for the end of the run, or raise it if that ends here."""
        if isinstance(error, (JobError, DataError)) or is_unexpected(error):
            # The next run would find the same in the rest of the job, or not see it there.
            ResumePoint.remove(self.stream_state)
        if ends_the_run(error):
            raise error
        self._add_advice(error)
        is_left_out = self._run.failures.not_read(self.name, error)
        if self._is_dry_run and not is_left_out:
            raise error

    def _add_advice(self, error: Exception) -> None:
        if not isinstance(error, SalesforceError):
            return
        api = self._options.api.api_type
        if api in {ApiType.BULK, ApiType.BULK2} and add_rest_advice(error, api.value):
            return
        if self.replication_key and self.replication_method == REPLICATION_INCREMENTAL:
            add_window_advice(error, self.replication_key)

    def _reading(self, *, goes_on: bool = False) -> Generator[Record, None, bool]:
        """Read the stream; whether it must be read again, after what an earlier run had left."""
        try:
            with self._run.read(self.request, goes_on=goes_on) as reading:
                with self._finding_deletions():
                    yield from self._rows(reading)
                return bool(reading.plan.resume and reading.plan.window)
        except CannotResume as reason:
            log_not_resumed(self.name, str(reason))
            ResumePoint.remove(self.stream_state)
            return True

    @contextmanager
    def _finding_deletions(self) -> Iterator[None]:
        """While the stream is read: what finds its deletions, if that is wanted."""
        wanted, folder = self._options.hard_deletes, self._options.ids_dir
        if wanted is None or self._is_dry_run:
            yield
            return
        file = folder / self._run.org / f"{file_name(self.name)}.sqlite" if folder else None
        ways = Ways(self._run.deleted, self._write_deletions, self._run.clock.now)
        state = self.stream_state
        self._deletions = Deletions(self.name, file, state, ways, sweeps=wanted == "sweep")
        try:
            yield
        finally:
            self._deletions.close()
            self._deletions = None

    def _write_deletions(self, rows: Iterable[tuple[str, datetime]]) -> None:
        write_deletions(self, self._writer, self._run.clock.now(), rows)

    def _rows(self, reading: Reading) -> Iterator[Record]:
        """The rows window by window; there are several if one job could not read all of them."""
        output = self._output(reading.plan.resume)
        plan: StreamPlan | None = reading.plan
        while plan:
            try:
                bookmark = yield from self._window_rows(plan, reading, output)
            except SalesforceError as error:
                plan = self._smaller(plan, error)
                continue
            if bookmark:
                bookmark.write(self.stream_state)
            plan = self._following(plan, bookmark, reading.rows)
            if plan or reading.plan.later_passes or reading.plan.finds_deletions:
                self._write_state()
        yield from self._later_rows(reading, output)
        output.finish()
        if self._bad_values:
            self._bad_values.warn()
        # Before the jobs are deleted: a run that ends in between need not read them again.
        self._write_state()

    def _following(
        self, plan: StreamPlan, bookmark: Bookmark | None, rows: int
    ) -> StreamPlan | None:
        """The next window, longer after one of few rows; None after the last one."""
        state = self.stream_state
        if STEP not in state or not may_grow(state, rows):
            return plan.following(bookmark)
        if longer := plan.following(bookmark, 2):
            state[STEP] = 2 * (plan.seconds or 1)
        return longer

    def _window_rows(
        self, plan: StreamPlan, reading: Reading, output: Output
    ) -> Generator[Record, None, Bookmark | None]:
        maximum = KeyMaximum(self.name, plan.key)
        maximum.value = plan.resume.maximum if plan.resume else None
        for part in plan.row_passes:
            with self._key_check(part) as keys, reading.open(plan, part) as pages:
                for page in pages:
                    yield from self._page_rows(part, page, keys, maximum, output)
                    self._keep(reading.place_after(page, maximum.value, output.version))
        return plan.bookmark_after(maximum.value, reading.covered)

    def _keep(self, place: ResumePoint | None) -> None:
        if place:
            place.write(self.stream_state)
            self._state_writer.write_state(self.tap_state)

    def _write_state(self) -> None:
        """Write the state of a stream that has left no job unread."""
        if not self._is_dry_run:
            ResumePoint.remove(self.stream_state)
            self._state_writer.write_state(self.tap_state)

    def _later_rows(self, reading: Reading, output: Output) -> Iterator[Record]:
        """The rows of the passes after the windows, and what the state keeps of these passes."""
        for part in reading.plan.later_passes:
            maximum = KeyMaximum(self.name, None)
            with (
                self._schema_of(part),
                self._key_check(part) as keys,
                reading.open(reading.plan, part) as pages,
            ):
                for page in pages:
                    yield from self._page_rows(part, page, keys, maximum, output)
        if read_to := reading.plan.formulas_read_to:
            self.stream_state[REFRESHED] = soql.utc_text(read_to)
        if self._deletions and reading.plan.finds_deletions:
            self._deletions.read(reading)

    def _schema_of(self, part: Pass) -> AbstractContextManager[None]:
        """The SCHEMA around rows that have only some of the properties."""
        names = {column.name for column in part.columns}
        if names.issuperset(self.selected_schema["properties"]):
            return nullcontext()
        return partial_schema(self._writer, whole_schema(self), names)

    def _smaller(self, plan: StreamPlan, error: SalesforceError) -> StreamPlan:
        """The first half of a window that could not be read; raises the error for other reasons."""
        smaller = plan.smaller(error)
        reason = as_sentence(one_line(error))
        log.warning("%s: %s It is read in two or more parts.", self.name, reason)
        self.stream_state[STEP] = smaller.seconds
        return smaller

    def _output(self, resume: ResumePoint | None) -> Output:
        version = self._version(resume)
        return Output(self, self._writer, self._run.clock, batches=self._batches, version=version)

    def _version(self, resume: ResumePoint | None) -> int | None:
        """What the rows of a whole table carry; those of an interrupted run carry it already."""
        whole_table = self.replication_method == REPLICATION_FULL_TABLE
        wanted = self.config.get("emit_activate_version_messages")
        if self._is_dry_run or not (whole_table and wanted):
            return None
        if resume and resume.version is None:
            raise CannotResume("its rows had no version")
        now = int(self._run.clock.now().timestamp())
        return resume.version if resume else now

    def _key_check(self, part: Pass) -> KeyCheck:
        """A check of the rows of one pass; a window that overlaps another one has its own."""
        columns = {each.name for each in part.columns} if part.kind is PassKind.ROWS else ()
        folder = self.config.get("spool_dir")
        keys = [name for name in self.primary_keys if name in columns]
        return KeyCheck(self.name, keys, Path(folder) if folder else None)

    def _page_rows(
        self, part: Pass, page: ResultPage, keys: KeyCheck, maximum: KeyMaximum, output: Output
    ) -> Iterator[Record]:
        count, columns = 0, output.columns(part.columns)
        for block in TokenReader(self.name, columns, self._bad_values).blocks(page.path, page.name):
            count += block.height
            if part.kind is PassKind.ROWS:
                maximum.track(block)
                if self._deletions:
                    self._deletions.track(block)
            keys.track(block)
            yield from output.emit(block, columns)
        keys.end_page()
        page.check_rows(count)
        output.flush()
        if self._deletions:
            self._deletions.keep()

    @property
    def _is_dry_run(self) -> bool:
        return self.ABORT_AT_RECORD_COUNT is not None
