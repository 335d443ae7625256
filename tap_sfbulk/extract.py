"""Asks the org for what one stream needs: how far its changes are visible, and its result pages."""

from __future__ import annotations

import logging
import tempfile
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sfbulk.bulk2.job import disposing
from sfbulk.errors import ApiError, TransportError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from sfbulk import ResultPage, Salesforce


log = logging.getLogger(__name__)

_SPAN = timedelta(minutes=5)
"""Short, as the ids of the answer are not wanted; Salesforce takes no span below a minute."""


def covered_until(salesforce: Salesforce, sobject: str, now: datetime) -> datetime | None:
    """API call: up to when all changes of an object are visible; None if Salesforce does not say.

    Nobody bounds how late a row becomes visible after it got its stamp, but `latestDateCovered`
    goes back to the start of a transaction that still runs (SOAP API guide: GetUpdatedResult).

    Args:
        salesforce: The org.
        sobject: An object that is `replicateable`.
        now: The server's time.
    """
    try:
        return salesforce.updated(sobject, now - _SPAN, now).latest_date_covered
    except (ApiError, TransportError) as error:
        # The lookback is there all the same.
        reason = error.code or (f"HTTP {error.status}" if error.status else "no usable answer")
        log.info(
            "%s: Salesforce does not say up to when all changes are visible (%s). The next run "
            "goes back by the lookback alone.",
            sobject,
            reason,
        )
        return None


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
