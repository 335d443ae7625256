"""The streams of a run: opened when their SCHEMA arrives, loaded in order, reported at the end."""

from __future__ import annotations

import logging
import weakref
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfbulk import Salesforce
from sfbulk_singer.names import did_you_mean
from sfbulk_singer.stream_settings import unused_keys
from target_sfbulk.all_streams import Preflight
from target_sfbulk.journal import TargetJournal
from target_sfbulk.org_schema import OrgSchema
from target_sfbulk.output import RunOutput, StreamOutput
from target_sfbulk.report import RejectBudget
from target_sfbulk.settings import bulk1_concurrency, job_limits, with_defaults
from target_sfbulk.stream import LoadContext, StreamLoad

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk.clock import Clock
    from sfbulk.settings import Settings
    from target_sfbulk.interrupts import Interrupts
    from target_sfbulk.preflight import Schema, StreamPlan

LOGGER = logging.getLogger("target-sfbulk")


class RejectBudgetError(Exception):
    """More rows were rejected than `max_rejects` allows."""


class Run:
    """The streams of a run, in the order in which they first appeared.

    The first stream that is opened makes the first request.

    Args:
        config: The target's settings, checked.
        client_settings: The client's part of them.
        interrupts: Delays signals while records are loaded.
        clock: The time.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        client_settings: Settings,
        interrupts: Interrupts,
        clock: Clock,
    ) -> None:
        self.interrupts = interrupts
        self._client_settings = client_settings
        self._config = with_defaults(config)
        self._clock = clock
        self._budget = RejectBudget.parse(self._config["max_rejects"])
        self.dry_run: bool = self._config["dry_run"]
        self._output = RunOutput(Path(self._config["output_dir"]), clock, dry_run=self.dry_run)
        self._streams: dict[str, StreamLoad] = {}
        self._outputs: dict[str, StreamOutput] = {}

    def open(self, stream: str, schema: Schema) -> StreamLoad:
        """API call: the load of a stream whose records have these fields.

        Raises:
            ConfigError: The settings name objects that the org does not have.
            PreflightError: The stream cannot be loaded; with every problem.
        """
        plan = self._preflight.plan(stream, schema)
        left_out = [name for name, column in plan.columns.items() if column is None]
        if left_out:
            LOGGER.info("%s: record fields left out: %s", stream, ", ".join(left_out))
        # A SCHEMA may come again with other fields; rows that are buffered keep their encoding.
        load = self._streams.get(stream)
        if load is None:
            load = self._streams[stream] = self._new_stream(stream, plan)
        else:
            load.use(plan)
        return load

    def warn_of_unused_settings(self) -> None:
        """Report what the settings name and the input did not have; called at its end.

        A warning, as one file of settings serves runs with other streams too.
        """
        if not self._streams:
            return
        if unused := unused_keys(self._config["streams"], self._streams):
            hints = (f"`{key}`{did_you_mean(key, self._streams)}" for key in unused)
            LOGGER.warning("streams: no stream of this run has the key %s", ", ".join(hints))
        for unseen in self._preflight.never_seen():
            LOGGER.warning("%s", unseen)

    def flush(self) -> None:
        """API call: load all buffered rows; then each record is confirmed or in a rejects file.

        Raises:
            SalesforceError: Some records are neither.
        """
        pending = [load for load in self._streams.values() if load.pending]
        if not pending:
            return
        begun = self._clock.monotonic()
        for load in pending:
            load.write_rejects()
        try:
            self._context.group.drain()
            self._context.group.finish()
        finally:
            # Rejects of other jobs are written also if one job has no outcome.
            seconds = self._clock.monotonic() - begun
            for load in pending:
                load.collect(seconds)

    def mark(self) -> None:
        """A STATE was read."""
        for load in self._streams.values():
            load.mark()

    def covered(self) -> None:
        """The STATE that was read last has been written."""
        for load in self._streams.values():
            load.covered()

    def end(self) -> None:
        """The run has ended well: the journal forgets its rows."""
        if self._streams:
            self._journal.end()

    def close(self) -> None:
        """Let other runs use the journal."""
        if self._streams:
            self._journal.close()

    def write_reports(self) -> None:
        """Write each stream's report, and one line of it to the log."""
        for output in self._outputs.values():
            output.write_report()
            LOGGER.info("%s", output.report.summary())
            if changes := output.report.change_summary():
                LOGGER.info("%s", changes)
        if self.dry_run:
            LOGGER.info("Dry run: nothing was sent, and no STATE was written")

    def check_budget(self, *, at_the_end: bool) -> None:
        """Compare the rejects so far with `max_rejects`.

        Args:
            at_the_end: Whether all input was read; a share cannot be checked before.

        Raises:
            RejectBudgetError: There are more; each row read is loaded or in a rejects file.
        """
        reports = [output.report for output in self._outputs.values()]
        rejected = sum(report.rejected for report in reports)
        # A run that was killed could not end with an error because of its rejects.
        recovered = self._journal.rejects if reports else {}
        rejected += sum(counts.total() for counts in recovered.values())
        read = sum(report.read for report in reports)
        # The share of the first rows says nothing about the share of all rows.
        if self._budget.percent is not None and not at_the_end:
            return
        if not self._budget.is_exceeded(rejected=rejected, read=read):
            return
        reasons = "; ".join(f"{r.stream}: {r.reject_summary()}" for r in reports if r.rejected)
        raise RejectBudgetError(
            f"{rejected} of {read} rows were rejected, and max_rejects allows {self._budget}."
            f" {reasons}. The other rows read {'could be sent' if self.dry_run else 'are loaded'}."
        )

    def _new_stream(self, stream: str, plan: StreamPlan) -> StreamLoad:
        # Before any row is sent: rejects that cannot be written would be lost.
        output = self._outputs[stream] = self._output.new_stream(plan)
        output.report.recovered = self._journal.rejects[stream].total()
        return StreamLoad(
            plan,
            output,
            self._context,
            replan=partial(self._preflight.plan, stream),
        )

    @cached_property
    def _salesforce(self) -> Salesforce:
        salesforce = Salesforce.from_settings(self._client_settings)
        # The SDK has no hook that is called however a target's run ends.
        weakref.finalize(self, salesforce.close)
        return salesforce

    @cached_property
    def _preflight(self) -> Preflight:
        return Preflight(self._config, OrgSchema(self._salesforce))

    @cached_property
    def _journal(self) -> TargetJournal:
        return TargetJournal(self._config, self._salesforce, self._output)

    @cached_property
    def _context(self) -> LoadContext:
        group = self._salesforce.load_group(
            jobs_in_flight=self._config["max_jobs_in_flight"], more_objects=True
        )
        limits, mode = job_limits(self._config), bulk1_concurrency(self._config)
        journal = self._journal
        return LoadContext(self._salesforce, journal.folder, limits, group, mode, journal)
