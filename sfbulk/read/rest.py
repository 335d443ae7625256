"""A query by REST, read like a bulk query: its answers become result pages on disk."""

from __future__ import annotations

import logging
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sfbulk.describe.reader import described_once
from sfbulk.errors import ApiError, DataError
from sfbulk.jobs.page_folder import PageFolder
from sfbulk.jobs.read_api import ReadApi
from sfbulk.jobs.result_page import ResultPage
from sfbulk.jobs.spool_budget import SpoolBudget
from sfbulk.read.json_cells import RecordCells, csv_row, datetime_fields
from sfbulk.read.rest_answers import PagesRead, RestAnswers, RestPage
from sfbulk.read.rest_join import Joined, keys_of
from sfbulk.read.select_list import LONGEST_URI, divided, parse_query
from sfbulk.usage import CountingPool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from sfbulk.describe.model import SObjectDescribe
    from sfbulk.transport import Transport

    Describe = Callable[[str], SObjectDescribe]

log = logging.getLogger(__name__)

# A proxy may accept less than Salesforce does, so after a refusal the URLs get shorter.
_URI_LENGTHS = (LONGEST_URI, LONGEST_URI // 2, LONGEST_URI // 4)
# The URLs by which rows are read again are longer than those of the parts.
_SHARE_OF_PARTS = 0.8
_TOO_LONG = (HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

# The fields by which Salesforce stamps each change, the surest first.
_STAMPS = ("SystemModstamp", "LastModifiedDate")


@dataclass(frozen=True)
class _Begin:
    """Where the reading begins."""

    locator: str | None
    rows_before: int | None


class RestQuery:
    """A query that is run by REST when its pages are read.

    There is no job: nothing is to be waited for, aborted or deleted. Salesforce keeps the result
    of a query for some time, so the reading of a query that fits one URL can be resumed.

    Args:
        transport: the org.
        describe: describes an object.
        soql: the query; it selects fields of one object and of its parents.
        include_deleted: read deleted and archived rows too.

    Raises:
        DataError: the query selects something else.
    """

    def __init__(
        self, transport: Transport, describe: Describe, soql: str, *, include_deleted: bool = False
    ) -> None:
        self._query = parse_query(soql)
        self._describe = described_once(describe)
        self._answers = RestAnswers(transport, self._query.sobject, include_deleted=include_deleted)
        self._total: int | None = None

    @property
    def api(self) -> ReadApi:
        """The API that runs it."""
        return ReadApi.REST

    @property
    def id(self) -> str:
        """Empty: a REST query has no job."""
        return ""

    @property
    def object_name(self) -> str:
        """The object it reads."""
        return self._query.sobject

    @property
    def has_ended(self) -> bool:
        """True: nothing runs on the server between two requests."""
        return True

    @property
    def state_name(self) -> str:
        """Empty: a REST query has no job."""
        return ""

    @property
    def records_processed(self) -> int | None:
        """The number of its rows; None before its first page was read."""
        return self._total

    @property
    def created(self) -> None:
        """None: nothing is created."""

    def wait(self, *, timeout: float | None = None) -> None:
        """Nothing is to be waited for."""

    def abort(self) -> None:
        """Nothing is to be aborted."""

    def delete(self) -> None:
        """Nothing is to be deleted."""

    def pages(
        self,
        spool: Path,
        *,
        start: str | None = None,
        rows_before: int | None = None,
        budget: SpoolBudget | None = None,
    ) -> Generator[ResultPage, None, None]:
        """API call: the result pages as files, while the next one is requested.

        A select list that is too long for one URL is divided into several queries, whose rows are
        joined by Id; those pages have no `next_locator`.

        Args:
            spool: an existing directory for them.
            start: the `next_locator` of the last page that was read before.
            rows_before: how many rows the pages before `start` had, if that is known.
            budget: in which the bytes of the page on disk are counted.

        Raises:
            RowCountMismatch: the pages have another number of rows than Salesforce reports.
            NotFound: the server does not have the rest of the result any more.
            DataError: the query is too long for URLs, or has values that no cell can hold.
            JobError: rows keep changing while they are read in parts.
            ApiError: Salesforce refuses the query.
            TransportError: no answer to any attempt.
        """
        begin = _Begin(start, rows_before)
        for longest in _URI_LENGTHS:
            with (
                TemporaryDirectory(prefix="rest-", dir=spool) as name,
                _released(PageFolder(Path(name), budget or SpoolBudget())) as files,
                closing(self._pages(Path(name), files, begin, longest)) as pages,
            ):
                try:
                    first = next(pages, None)
                except ApiError as error:
                    if error.status not in _TOO_LONG or longest == _URI_LENGTHS[-1]:
                        raise
                    continue
                if first is not None:
                    yield first
                    yield from pages
                return

    def _pages(
        self, folder: Path, files: PageFolder, begin: _Begin, longest: int
    ) -> Generator[ResultPage, None, None]:
        sobject = self._describe(self._query.sobject)
        stamp = next((name for name in _STAMPS if sobject.field(name)), None)
        parts = divided(self._query, keys_of(stamp), longest)
        if len(parts) > 1:
            parts = divided(self._query, keys_of(stamp), int(longest * _SHARE_OF_PARTS))
        is_datetime = datetime_fields(sobject, self._described)
        cells = [RecordCells(part, is_datetime) for part in parts]
        if len(parts) == 1:
            yield from self._read_one(files, cells[0], begin)
            return
        if begin.locator is not None:
            raise DataError(
                f"{self.object_name}: a REST query whose fields do not fit one URL cannot be "
                "resumed. Run it again from its beginning."
            )
        with closing(
            Joined(
                folder,
                self._answers,
                self._query,
                parts=parts,
                cells=cells,
                stamp=stamp,
                longest=longest,
            )
        ) as joined:
            yield from self._read_joined(files, joined)

    def _described(self, name: str) -> SObjectDescribe | None:
        try:
            return self._describe(name)
        except ApiError:
            # The user may not see a parent's object, but its fields.
            return None

    def _read_one(
        self, files: PageFolder, cells: RecordCells, begin: _Begin
    ) -> Generator[ResultPage, None, None]:
        answers = self._answers
        locator, page = begin.locator, self._first(begin.locator)
        self._total = page.total
        read = PagesRead(self.object_name, page.total, begin.locator, begin.rows_before)
        with CountingPool(1, thread_name_prefix="sfbulk-rest") as pool:
            while True:
                following = read.following(page)
                coming = pool.submit(answers.following, following) if following else None
                yield from self._written(
                    files, cells.header, map(cells.row, page.records), locator, following
                )
                if coming is None:
                    break
                locator, page = following, coming.result()
        read.check_total()

    def _first(self, start: str | None) -> RestPage:
        if start is None:
            return self._answers.first(self._query.soql(self._query.paths))
        return self._answers.following(start)

    def _read_joined(self, files: PageFolder, joined: Joined) -> Generator[ResultPage, None, None]:
        joined.read()
        self._total = joined.count
        log.info(
            "%s: the select list is too long for one URL, so it was read in several queries",
            self.object_name,
        )
        header = csv_row(self._query.paths)
        for rows in joined.rows():
            yield from self._written(files, header, iter(rows), None, None)

    def _written(
        self,
        files: PageFolder,
        header: bytes,
        rows: Iterator[bytes],
        locator: str | None,
        following: str | None,
    ) -> Iterator[ResultPage]:
        """A page on disk, until the reader takes the next one."""
        lines = [header, *rows]
        path = files.new_path()
        files.save((line + b"\n" for line in lines), path)
        yield ResultPage(
            source=f"a REST query of {self.object_name}",
            path=path,
            expected_rows=len(lines) - 1,
            locator=locator,
            next_locator=following,
        )
        files.remove(path, path.stat().st_size if path.exists() else 0)


@contextmanager
def _released(files: PageFolder) -> Iterator[PageFolder]:
    try:
        yield files
    finally:
        files.release()
