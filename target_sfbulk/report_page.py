"""Keeps what the page of a run shows, `report.html`, and writes it while the run lasts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sfbulk.report_page import (
    Ending,
    Jobs,
    PageStream,
    PageWriter,
    Refusal,
    Refusals,
    RunPage,
    document,
)
from sfbulk_singer.progress import Pace
from target_sfbulk.json_lines import JsonLineError, escaped_json_line, json_text, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from sfbulk.clock import Clock
    from sfbulk.load import FileOutcome
    from target_sfbulk.rejects import Reject
    from target_sfbulk.report import StreamReport

LOGGER = logging.getLogger("target-sfbulk")

_MOST_PATHS = 50


class ReportPage:
    """The page of one run. Whatever fails here is one WARNING; the run goes on.

    Args:
        folder: The output folder.
        run_id: The run.
        clock: The time.
        is_dry: Whether nothing is sent.
    """

    def __init__(self, folder: Path, run_id: str, clock: Clock, *, is_dry: bool) -> None:
        self._folder = folder
        self._run_id = run_id
        self._clock = clock
        self._is_dry = is_dry
        self._begun = clock.now()
        self._pace = Pace(clock)
        self._is_begun = False
        paths = (folder / "report.html", folder / f"report.{run_id}.html")
        self._writer = PageWriter(paths, LOGGER)
        self._refusals = Refusals()
        self._jobs = Jobs()

    def refused(self, stream: str, record: bytes, reject: Reject) -> None:
        """Add a record (as JSON) of the rejects file."""
        with self._writer.guarded():
            refusal = Refusal(
                stream,
                reject.kind.value,
                reject.code,
                reject.message,
                tuple(reject.fields),
                reject.job_id,
            )
            self._refusals.add(refusal, lambda: _cells(record))

    def sent(self, stream: str, outcome: FileOutcome) -> None:
        """Add the job of a file."""
        with self._writer.guarded():
            self._jobs.add(stream, outcome)

    def is_due(self) -> bool:
        """Whether the page is old, or of another run: this one may be killed."""
        is_first, self._is_begun = not self._is_begun, True
        # What has failed would fail again.
        return (is_first or self._pace.is_due()) and not self._writer.has_failed

    def write(
        self, ending: Ending, streams: Sequence[StreamReport], position: Callable[[], str]
    ) -> None:
        """Replace the page.

        Args:
            ending: How the run ended.
            streams: Its counts.
            position: Returns which STATE was written last.
        """
        self._writer.write(lambda: document(self._page(ending, streams, position())))

    def _page(self, ending: Ending, streams: Sequence[StreamReport], position: str) -> RunPage:
        with_rejects = [one for one in streams if one.rejected or one.recovered]
        paths = [(f"Rejects of {one.stream}", one.rejects_file) for one in with_rejects]
        return RunPage(
            "target-sfbulk",
            self._run_id,
            self._begun,
            self._clock.now(),
            ending,
            position,
            [_page_stream(one) for one in streams],
            self._refusals,
            self._jobs,
            dry_run=self._is_dry,
            paths=[("Folder", str(self._folder)), *paths[:_MOST_PATHS]],
        )


def _page_stream(report: StreamReport) -> PageStream:
    files = [(file["path"], file["rows"], file["bytes"]) for file in report.files]
    return PageStream(
        report.stream,
        report.sobject,
        report.operation,
        report.read,
        sum(rows for _, rows, _ in files) if report.dry_run else report.loaded,
        report.created,
        report.skipped,
        report.rejected,
        report.deleted_marked + report.deleted_missing,
        report.already_gone,
        0 if report.dry_run else max(report.unaccounted, 0),
        report.recovered,
        report.required_not_filled,
        report.fitted,
        report.nulls_kept,
        len(report.job_ids),
        report.seconds,
        files,
    )


def _cells(record: bytes) -> Iterator[tuple[str, str | None]]:
    """Names and values of the fields of a record; whatever it is, there is something to show."""
    try:
        value = read_json(record)
    except JsonLineError:
        value = None
    if not isinstance(value, dict):
        yield "", record.decode(errors="replace")
        return
    for name, item in value.items():
        yield name, None if item is None else _text(item)


def _text(value: Any) -> str:
    try:
        return json_text(value)
    except UnicodeEncodeError:
        return escaped_json_line(value).decode()
