"""The streams of a run: opened when their SCHEMA arrives, loaded in order, reported at the end."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfbulk.error_text import unexpected
from sfbulk.errors import SalesforceError
from target_sfbulk.mirror import MirrorLoad
from target_sfbulk.output import RunOutput
from target_sfbulk.preflight import PreflightError
from target_sfbulk.progress import RunProgress
from target_sfbulk.report import RejectBudget
from target_sfbulk.run_org import RunOrg
from target_sfbulk.run_reports import RejectBudgetError, RunReports
from target_sfbulk.settings import with_defaults
from target_sfbulk.state_writer import StateWriter
from target_sfbulk.stream import StreamLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sfbulk.clock import Clock
    from sfbulk.settings import Settings
    from target_sfbulk.feed import Feed
    from target_sfbulk.interrupts import Interrupts
    from target_sfbulk.preflight import StreamPlan
    from target_sfbulk.reader import ExactReader
    from target_sfbulk.reject_schema import SourceSchema
    from target_sfbulk.rejects import Reject

LOGGER = logging.getLogger("target-sfbulk")

# That of a line that is nested too deeply is the reader's.
_EXPECTED = (SalesforceError, OSError, PreflightError, RecursionError)

# With each of them, the log of a run could be as long as its input.
_MOST_NAMED = 10


class Run:
    """The streams of a run, in the order in which they first appeared.

    The first stream that is opened makes the first request.

    Args:
        config: The target's settings, checked.
        client_settings: The client's part of them.
        interrupts: Delays signals while records are loaded.
        reader: Knows the line of the input.
        clock: The time.
        feed: The rejects that are loaded again; None for a tap's messages.
    """

    def __init__(  # noqa: PLR0913 - all that a run is made of
        self,
        config: Mapping[str, Any],
        client_settings: Settings,
        interrupts: Interrupts,
        reader: ExactReader,
        clock: Clock,
        *,
        feed: Feed | None = None,
    ) -> None:
        self._feed = feed
        self.interrupts = interrupts
        self.reader = reader
        self._clock = clock
        settings = with_defaults(config)
        dry_run: bool = settings["dry_run"]
        output = RunOutput(
            Path(settings["output_dir"]),
            clock,
            dry_run=dry_run,
            write_results=settings["write_results"],
            is_feed=feed is not None,
        )
        self.progress = RunProgress(clock)
        budget = RejectBudget.parse(settings["max_rejects"])
        self.reports = RunReports(output, budget, self.progress)
        fed_run = feed.run_of if feed else None
        self._org = RunOrg(
            settings, client_settings, output, clock, on_step=self._on_step, fed_run=fed_run
        )
        self._taken = 0
        self.version: int | None = None
        """The version of the record that is read, if the source numbers them."""
        self._named = 0
        self._dropped = 0
        self._collected = 0
        self._checked = 0
        self._streams: dict[str, StreamLoad] = {}
        self._states = StateWriter(self._streams, self.progress, dry_run=dry_run)

    def open(self, stream: str, schema: SourceSchema) -> StreamLoad:
        """API call: the load of a stream whose records have these fields.

        Args:
            stream: Its name.
            schema: Its SCHEMA.

        Raises:
            ConfigError: The settings name objects that the org does not have.
            PreflightError: The stream cannot be loaded; with every problem.
        """
        with _of_stream(stream):
            plan = self._org.preflight.plan(stream, schema.properties)
        left_out = [name for name, column in plan.columns.items() if column is None]
        if left_out:
            LOGGER.info("%s: record fields left out: %s", stream, ", ".join(left_out))
        # A SCHEMA may come again with other fields; rows that are buffered keep their encoding.
        load = self._streams.get(stream)
        if load is None:
            load = self._streams[stream] = self._new_stream(stream, plan, schema.keys)
        else:
            load.use(plan)
        load.describe(schema)
        return load

    def warn_of_unused_settings(self) -> None:
        """Report what the settings name and the input did not have; called at its end.

        A warning, as one file of settings serves runs with other streams too.
        """
        # The rejects of a run are of few of its streams.
        if not self._streams or self._feed:
            return
        for warning in self._org.preflight.unused(self._streams):
            LOGGER.warning("%s", warning)

    def take(self, load: StreamLoad, record: Mapping[str, Any], required: Sequence[str]) -> None:
        """API calls, if they are due: take the next record of the input.

        Args:
            load: The load of its stream.
            record: The record.
            required: The properties that it must have.

        Raises:
            PreflightError: The record has a field that the stream cannot load.
            RejectBudgetError: More rows were rejected than `max_rejects` allows.
            SalesforceError: Some rows are neither confirmed nor in a rejects file.
        """
        self._taken += 1
        try:
            with _of_stream(load.stream):
                reject = load.add(record, required)
        except PreflightError:
            self._dropped += 1
            raise
        if reject:
            self._name_reject(load, reject)
        self._advance(self._org.group.advance)

    def state(self, value: bytes) -> None:
        """Take the value of a STATE; it leaves when every record before it is settled."""
        with self.interrupts:
            self._states.add(value, line=self.reader.line, after=self._taken)

    def while_waiting(self) -> float | None:
        """API calls, if they are due, while there is no input.

        Returns:
            After how many seconds the next ones are due; None if none are.

        Raises:
            SalesforceError: as `take`.
        """
        if not self._streams:
            return None
        with self.interrupts:
            self._advance(self._org.group.advance)
        due = self._org.group.due
        return None if due is None else max(0.0, due - self._clock.monotonic())

    def activate_version(self, load: StreamLoad, version: int, *, is_incremental: bool) -> None:
        """Take an ACTIVATE_VERSION message."""
        load.activate_version(version, number=self._taken, is_incremental=is_incremental)

    def finish(self, *, at_the_end: bool = False) -> None:
        """API call: load all rows; then each record is confirmed or in a rejects file.

        Args:
            at_the_end: Whether all input was read, so that mirrors delete what it does not have.

        Raises:
            MirrorError: Too much would be deleted.
            RejectBudgetError: More rows were rejected than `max_rejects` allows.
            SalesforceError: Some records are neither.
        """
        if not self._streams:
            self._states.write()
            return
        with self.interrupts:
            try:
                self._drain()
                # A signal stops the run, and then nothing more is deleted.
                if at_the_end and not self.interrupts.is_waiting:
                    self._mirror()
                self._org.group.finish()
            finally:
                self._collect()

    def _mirror(self) -> None:
        """Delete what the versions that the input has activated do not have.

        Raises:
            MirrorError: Too much would be deleted.
            RejectBudgetError: More rows were rejected than `max_rejects` allows.
        """
        self._collect()
        # A run that fails deletes nothing more; a share of rejects is known only now.
        self.reports.check_budget(at_the_end=True)
        for load in self._streams.values():
            with _of_stream(load.stream):
                load.find_missing()
        # Children first: most parents take their children along, and some cannot go before.
        for load in reversed(self._streams.values()):
            with _of_stream(load.stream):
                is_begun = load.delete_missing()
            if is_begun:
                self._drain()
        for load in self._streams.values():
            load.mirrored()

    def _drain(self) -> None:
        """Load all rows; unlike `LoadGroup.drain`, STATE leaves meanwhile."""
        self._heed_signal()
        self._org.group.cut()
        for load in self._streams.values():
            load.write_rejects()
        while self._org.group.due is not None and any(
            load.pending_rows for load in self._streams.values()
        ):
            self._advance(self._org.group.wait)
        self._org.group.drain()

    def _on_step(self) -> None:
        self.progress.tick()
        self._heed_signal()

    def _heed_signal(self) -> None:
        """Drop what `stop` would drop, if a signal waits: once it is sent, that is too late."""
        if self.interrupts.is_waiting:
            self._drop_uncovered(at_once=False)

    def stop(self, *, at_once: bool) -> None:
        """API call: end the run before the end of the input.

        Rows of an insert that no STATE covers and that are not sent are dropped: they come again
        with the next run, and would be in Salesforce twice.

        Args:
            at_once: Drop such rows of every operation; else what was read is loaded.

        Raises:
            RejectBudgetError: More rows were rejected than `max_rejects` allows.
            SalesforceError: Some records are neither confirmed nor in a rejects file.
        """
        self._drop_uncovered(at_once=at_once)
        try:
            self.finish()
        except RejectBudgetError:
            self.halt()
            raise

    def _drop_uncovered(self, *, at_once: bool) -> None:
        for load in self._streams.values():
            if at_once or not load.is_repeatable:
                self._dropped += load.drop_uncovered()

    def halt(self) -> None:
        """API call: send nothing more; wait for the jobs that run, and write what they say.

        Raises:
            SalesforceError: The first error of the loads.
        """
        if self._streams:
            with self.interrupts:
                try:
                    self._org.group.wind_down()
                finally:
                    self._collect()
                    # An open job of Bulk API 1.0 would stay in the org for a day.
                    self._org.group.finish()

    def position(self) -> str:
        """A text for the log: which STATE was written last, and what became of later records."""
        return self._states.position(self._taken, dropped=self._dropped)

    def _advance(self, step: Callable[[], None]) -> None:
        try:
            step()
        finally:
            if self._org.group.settled_files != self._collected:
                self._collect()
        self.progress.tick()
        self.reports.keep_page_current(self.position)
        if self._collected != self._checked:
            self._checked = self._collected
            self.reports.check_budget(at_the_end=False)

    def _collect(self) -> None:
        self._collected = self._org.group.settled_files if self._streams else 0
        self._states.collect()

    def _name_reject(self, load: StreamLoad, reject: Reject) -> None:
        """Log where a record stands that cannot be sent; of the first ones only."""
        self._named += 1
        if self._named <= _MOST_NAMED:
            place = self._feed.place if self._feed else f"line {self.reader.line} of the input"
            LOGGER.warning("%s: %s: %s", load.stream, place, reject.reason)

    def end(self) -> None:
        """The run has ended well: forget what only a run after a failure would need."""
        for load in self._streams.values():
            load.end()
        if self._streams:
            self._org.journal.end()

    def close(self) -> None:
        """Let other runs use the journal."""
        for load in self._streams.values():
            load.close()
        if self._streams:
            self._org.journal.close()

    def _new_stream(self, stream: str, plan: StreamPlan, keys: Sequence[str]) -> StreamLoad:
        # Before any row is sent: rejects that cannot be written would be lost.
        output = self.reports.new_stream(stream, plan, keys)
        org, journal = self._org, self._org.journal
        output.report.recovered = journal.rejects[stream].total()
        self.reports.recovered = lambda: journal.recovered
        replan = partial(org.preflight.plan, stream)
        load = (
            MirrorLoad(plan, output, org.context, replan=replan, version=lambda: self.version)
            if plan.mirror
            else StreamLoad(plan, output, org.context, replan=replan)
        )
        # No STATE so far waits for it.
        load.mark(self._taken)
        self.progress.begin(load, output.report)
        return load


class _of_stream:  # noqa: N801 - it is called like a function
    """A block of the work on one stream; an exception that nobody expected then names it.

    A class, since it is entered for each record.
    """

    def __init__(self, stream: str) -> None:
        self._stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, _EXPECTED):
            raise unexpected(error, self._stream) from error
