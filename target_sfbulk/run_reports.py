"""The reports of a run: written while it lasts, and compared with its records and `max_rejects`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sfbulk.report_page import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_sfbulk.output import RunOutput, StreamOutput
    from target_sfbulk.preflight import StreamPlan
    from target_sfbulk.progress import RunProgress
    from target_sfbulk.report import RejectBudget, StreamReport

LOGGER = logging.getLogger("target-sfbulk")


class RejectBudgetError(Exception):
    """More rows were rejected than `max_rejects` allows."""


class AccountsError(Exception):
    """The outcomes of a run are not as many as its records."""


class RunReports:
    """The reports of the streams of a run.

    Args:
        output: The files of the run.
        budget: How many rejects it may have.
        progress: The table on a terminal.
    """

    def __init__(self, output: RunOutput, budget: RejectBudget, progress: RunProgress) -> None:
        self._output = output
        self._budget = budget
        self._progress = progress
        self._streams: dict[str, StreamOutput] = {}
        self._is_dry = output.dry_run is not None
        self.recovered: Callable[[], int] = int
        """Returns how many rejects of a run that was killed this one has written."""

    def new_stream(self, stream: str, plan: StreamPlan, keys: Sequence[str]) -> StreamOutput:
        """The files of a stream; see `RunOutput.new_stream`.

        Raises:
            ConfigError: They cannot be written.
        """
        output = self._streams[stream] = self._output.new_stream(plan, keys)
        return output

    def write(self) -> None:
        """Write each stream's report; one line of each to the log, or a table on a terminal.

        And the rejects of the run as CSV files.
        """
        self._output.rejects.write_tables()
        for output in self._streams.values():
            output.write_report()
        # A dry run has other counts.
        is_printed = bool(self._streams) and not self._is_dry and self._progress.print_results()
        for report in self._reports:
            if not is_printed:
                LOGGER.info("%s", report.summary())
            if changes := report.change_summary():
                LOGGER.info("%s", changes)
        if self._is_dry:
            LOGGER.info("Dry run: nothing was sent, and no STATE was written")

    def write_page(self, ending: Ending, position: Callable[[], str]) -> None:
        """Write the page of the run; what fails there is a WARNING.

        Args:
            ending: How the run ended.
            position: Returns which STATE was written last.
        """
        self._output.page.write(ending, self._reports, position)

    def keep_page_current(self, position: Callable[[], str]) -> None:
        """Write the page of a run that goes on, if the last one is old.

        Args:
            position: Returns which STATE was written last.
        """
        if self._output.page.is_due():
            self.write_page(Ending.open(), position)

    @property
    def refused(self) -> int:
        """How many records were rejected."""
        return sum(report.rejected for report in self._reports)

    def check_accounts(self) -> None:
        """Compare the records of the input with their outcomes, after the last one.

        Raises:
            AccountsError: Some have no outcome, or several; it names the numbers.
        """
        wrong = [report for report in self._reports if report.unaccounted and not self._is_dry]
        if wrong:
            raise AccountsError("; ".join(map(_accounts, wrong)))

    def check_budget(self, *, at_the_end: bool) -> None:
        """Compare the rejects so far with `max_rejects`.

        Args:
            at_the_end: Whether all input was read; a share cannot be checked before.

        Raises:
            RejectBudgetError: There are more; each row read is loaded or in a rejects file.
        """
        # The share of the first rows says nothing about the share of all rows.
        if self._budget.percent is not None and not at_the_end:
            return
        reports = self._reports
        # A run that was killed could not end with an error because of its rejects.
        rejected = self.refused
        rejected += self.recovered() if reports else 0
        read = sum(report.read for report in reports)
        if not self._budget.is_exceeded(rejected=rejected, read=read):
            return
        rejecting = (report for report in reports if report.rejected or report.recovered)
        reasons = "; ".join(f"{report.stream}: {report.reject_summary()}" for report in rejecting)
        raise RejectBudgetError(
            f"{rejected} of {read} rows were rejected, and max_rejects allows {self._budget}."
            f" {reasons}." + " The other rows read could be sent." * self._is_dry
        )

    @property
    def _reports(self) -> list[StreamReport]:
        return [output.report for output in self._streams.values()]


def _accounts(report: StreamReport) -> str:
    return (
        f"{report.stream}: {report.read} records were read, but {report.loaded} are loaded,"
        f" {report.skipped} skipped, {report.replaced} replaced and {report.rejected} rejected."
        f" Compare the jobs"
        f" {', '.join(report.job_ids)} in Setup, Bulk Data Load Jobs, with the input"
    )
