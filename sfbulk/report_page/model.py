"""What a page shows of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sfbulk.report_page.ending import Ending
    from sfbulk.report_page.jobs import Jobs
    from sfbulk.report_page.refusals import Refusals


@dataclass(frozen=True)
class PageStream:
    """The records of one stream, or of one input file, in numbers.

    Attributes:
        loaded: Confirmed rows; in a dry run, those that could be sent.
        created: How many of them are new records.
        deleted: Records of the org that a mirror has deleted.
        gone: Records that it would have deleted, and that the org did not have.
        left: Records that have no outcome, or that were not sent.
        recovered: Rejects of an earlier run that this one has written.
        unfilled: Required fields that no record fills.
        fitted: Values that were sent as Salesforce stores them, by field.
        nulls_kept: Nulls that were not sent, by field.
        seconds: Time spent loading; None if it is not known.
        files: In a dry run, the path, rows and bytes of each file.
    """

    name: str
    sobject: str
    operation: str
    read: int = 0
    loaded: int = 0
    created: int = 0
    skipped: int = 0
    refused: int = 0
    deleted: int = 0
    gone: int = 0
    left: int = 0
    recovered: int = 0
    unfilled: Sequence[str] = ()
    fitted: Mapping[str, int] = field(default_factory=dict)
    nulls_kept: Mapping[str, int] = field(default_factory=dict)
    jobs: int = 0
    seconds: float | None = None
    files: Sequence[tuple[str, int, int]] = ()


@dataclass(frozen=True)
class RunPage:
    """One run.

    Attributes:
        command: The name of the command.
        run_id: The run, as other files have it; empty if they have none.
        begun: When it began.
        written: When the page is written.
        position: Where the next run goes on.
        paths: Files of the run: what each is, and where.
        noun: What `streams` are.
    """

    command: str
    run_id: str
    begun: datetime
    written: datetime
    ending: Ending
    position: str
    streams: Sequence[PageStream]
    refusals: Refusals
    jobs: Jobs
    dry_run: bool = False
    paths: Sequence[tuple[str, str]] = ()
    noun: str = "Stream"
