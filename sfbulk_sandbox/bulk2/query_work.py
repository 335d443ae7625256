"""What a bulk query job does: a snapshot of its rows, encoded into a file, then pages of it."""

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

_POSITION = struct.Struct(">QI")
_SEAL_BYTES = 4


@dataclass(frozen=True)
class Page:
    """A run of rows: it begins at row `start` (0 is the first) and has at most `size` rows."""

    start: int
    size: int


class QueryWork:
    """The rows of one query job.

    Attributes:
        header: The column names, known once the job has run.
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
        """Return the query, checked; its rows are those of the moment they are read.

        Raises:
            Fault: The SOQL is not one that Bulk 2.0 answers.
        """
        return self._org.query(
            self.soql, all_rows=self._all_rows, surface="bulk", version=float(version)
        )

    def run(self, job: Job) -> None:
        """Write the rows to the file."""
        try:
            query = self.query(job.version)
            self.header = [column.path for column in query.columns]
            fault = self._script.for_job(job.object, job.operation)
            lines = _lines(job, query)
            self.rows.write(islice(lines, fault.after_rows) if fault else lines)
        except Fault as refusal:
            raise JobFailure(f"{refusal.code} : {refusal.message}") from None
        job.processed = self.rows.count
        if fault:
            end_early(job, fault, self._org.clock)

    def page(self, job: Job, page: Page) -> Iterator[bytes]:
        """Yield a page as CSV, header first, as every page has one."""
        yield job.dialect.encode(self.header)
        yield from self.rows.read(page.start, page.start + page.size)

    def discard(self) -> None:
        """Remove the file."""
        self.rows.delete()


def locator(job: Job, page: Page) -> str:
    """Return the text by which a page can be asked for, as often as wanted."""
    position = _POSITION.pack(page.start, page.size)
    return base64.urlsafe_b64encode(position + _seal(job, position)).decode().rstrip("=")


def located_page(job: Job, text: str) -> Page:
    """Return the page of a locator.

    Raises:
        Fault: The locator was not made for this job.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    position, seal = data[:-_SEAL_BYTES], data[-_SEAL_BYTES:]
    # Sealed, so that a client which counts locators up by itself is found out.
    if len(position) != _POSITION.size or seal != _seal(job, position):
        raise Fault(code="INVALID_QUERY_LOCATOR", message="invalid query locator")
    return Page(*_POSITION.unpack(position))


def _seal(job: Job, position: bytes) -> bytes:
    return hashlib.sha256(job.id.encode() + position).digest()[:_SEAL_BYTES]


def _lines(job: Job, query: Query) -> Iterator[bytes]:
    # As they are stored: that is bulk's form, and csv writes null as the empty text.
    for line in job.dialect.encode_all(query.rows()):
        if job.state is not JobState.IN_PROGRESS:
            return
        yield line
