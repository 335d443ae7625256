"""One page of a query's results on disk; the pages of every API have this form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.errors import RowCountMismatch

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class ResultPage:
    """One page of results: a CSV file with a header row, in the form of Bulk API 2.0.

    The file is removed when the reader asks for the next page.
    """

    source: str
    """What the page belongs to, such as `job 750…`, for error texts."""
    path: Path
    expected_rows: int | None
    """Data rows by the server's count; None if the server does not say."""
    locator: str | None
    """Where this page begins; None for the first."""
    next_locator: str | None
    """Where to resume after this page; None after the last one, and where that is not possible."""
    job_id: str | None = None
    """The job it belongs to; None for a REST query, which has no job."""
    rows: int | None = field(init=False)
    """Data rows as counted by `check_rows`, until then as expected."""

    def __post_init__(self) -> None:
        self.rows = self.expected_rows

    @property
    def name(self) -> str:
        """What the page is, for errors."""
        place = "The first result page" if self.locator is None else f"Result page {self.locator}"
        return f"{place} of {self.source}"

    def check_rows(self, counted: int) -> None:
        """Take the number of data rows read from the file.

        Raises:
            RowCountMismatch: Salesforce announced another number.
        """
        self.rows = counted
        if self.expected_rows not in (None, counted):
            raise RowCountMismatch(
                f"A result page of {self.source} holds {counted:,} rows where Salesforce "
                f"announced {self.expected_rows:,}. Run the query again.",
                job_id=self.job_id,
            )
