"""Processes a query job: writes a snapshot of its rows to a file, and reads pages of it."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from sfbulk_sandbox.bulk2.jobs import JobFailure, JobState, end_early
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.schema.rowfile import RowFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk_sandbox.bulk2.jobs import Job
    from sfbulk_sandbox.faults.fault_script import Script
    from sfbulk_sandbox.org.org import Org, Query

# The first row (8 bytes) and the page size (4 bytes).
_POSITION = struct.Struct(">QI")
_SEAL_BYTES = 4


@dataclass(frozen=True)
class Page:
    """A page of rows: it begins at row `start` (from 0) and has at most `size` rows."""

    start: int
    size: int


class QueryWork:
    """The processing of one query job, and its rows.

    Attributes:
        header: The column names; empty before the job has run.
        rows: The encoded rows.
    """

    def __init__(
        self, org: Org, soql: str, *, all_rows: bool, script: Script, folder: Path
    ) -> None:
        self._org = org
        self._script = script
        self.soql = soql
        self._all_rows = all_rows
        self.header: list[str] = []
        self.rows = RowFile(folder / "rows.csv")

    def query(self, version: str) -> Query:
        """Check and return the query.

        Raises:
            Fault: Bulk API 2.0 does not support the SOQL.
        """
        return self._org.query(
            self.soql, all_rows=self._all_rows, surface="bulk", version=float(version)
        )

    def run(self, job: Job) -> None:
        """Write the rows to the file."""
        try:
            query = self.query(job.version)
            self.header = [column.path for column in query.columns]
            fault = self._script.for_job(
                job.object, job.operation, lambda: sum(1 for _ in query.rows())
            )
            lines = _lines(job, query)
            self.rows.write(islice(lines, fault.after_rows) if fault else lines)
        except Fault as refusal:
            raise JobFailure(f"{refusal.code} : {refusal.message}") from None
        job.processed = self.rows.count
        if fault:
            end_early(job, fault, self._org.clock)

    def page(self, job: Job, page: Page) -> Iterator[bytes]:
        """Yield a page as CSV. Every page has the header first."""
        yield job.dialect.encode(self.header)
        yield from self.rows.read(page.start, page.start + page.size)

    def discard(self) -> None:
        """Remove the file."""
        self.rows.delete()


def locator(job: Job, page: Page) -> str:
    """Return the locator of a page. It can be used any number of times."""
    position = _POSITION.pack(page.start, page.size)
    return base64.urlsafe_b64encode(position + _seal(job, position)).decode().rstrip("=")


def located_page(job: Job, text: str) -> Page:
    """Return the page of a locator.

    Raises:
        Fault: The locator is not one of this job.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    position, seal = data[:-_SEAL_BYTES], data[-_SEAL_BYTES:]
    # The seal makes a client fail that computes locators instead of using those of answers.
    if len(position) != _POSITION.size or seal != _seal(job, position):
        raise Fault(code="INVALID_QUERY_LOCATOR", message="invalid query locator")
    return Page(*_POSITION.unpack(position))


def _seal(job: Job, position: bytes) -> bytes:
    return hashlib.sha256(job.id.encode() + position).digest()[:_SEAL_BYTES]


def _lines(job: Job, query: Query) -> Iterator[bytes]:
    # Rows are written as stored: stored values have the Bulk CSV form, and csv writes None as "".
    for line in job.dialect.encode_all(query.rows()):
        # Aborted: no more rows are needed.
        if job.state is not JobState.IN_PROGRESS:
            return
        yield line
