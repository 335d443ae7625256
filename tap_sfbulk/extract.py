"""Runs one query job and hands over its result pages, spooled to disk."""

from __future__ import annotations

import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sfbulk.jobs.job import disposing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from sfbulk import ResultPage, Salesforce


@contextmanager
def extract(
    salesforce: Salesforce, soql: str, *, include_deleted: bool, spool_dir: str | None
) -> Iterator[Iterator[ResultPage]]:
    """The pages of a query's job, each to be checked with `check_rows` once it is read.

    When the block ends well the job is deleted; when it ends early it is aborted. The
    spooled pages are gone in any case.

    Raises:
        SalesforceError: If the query is refused, its job fails, or a page cannot be had.
        RowCountMismatch: If the pages together do not hold the rows of the job.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tap-sfbulk-", dir=spool_dir or None) as spool,
        disposing(salesforce.query_job(soql, include_deleted=include_deleted)) as job,
        # A download ahead of the reader must end before its folder goes.
        closing(cast("Generator[ResultPage]", job.pages(Path(spool)))) as pages,
    ):
        yield pages
