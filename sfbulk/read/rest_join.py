"""Joins the parts of a REST query whose select list is too long for one URL, by Id, on disk.

The parts are queried one after another, so a row may change, appear or go between them. Each part
selects the row's stamp too. A row with different stamps, or in only some of the parts, is read
again by its Id; if no part has it then, it is gone. So no row is lost, and none is half a row, but
for one that was changed twice within the second of its stamp, before and after a part was read.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sfbulk import soql
from sfbulk.errors import DataError, JobError
from sfbulk.private_database import open_database
from sfbulk.read.json_cells import text_of
from sfbulk.read.select_list import uri_bytes, with_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sfbulk.read.json_cells import RecordCells
    from sfbulk.read.rest_answers import RestAnswers
    from sfbulk.read.select_list import Query

log = logging.getLogger(__name__)

# How often rows are read again by their ids.
_ATTEMPTS = 3
_ROWS_AT_ONCE = 2_000
_TABLE = """CREATE TABLE cells (
    id TEXT, part INTEGER, stamp TEXT, cells BLOB, PRIMARY KEY (id, part)
) WITHOUT ROWID"""
_ONLY_FIRST = "DELETE FROM cells WHERE id NOT IN (SELECT id FROM cells WHERE part = 0)"
_TORN = """SELECT id FROM cells GROUP BY id
HAVING count(*) < ? OR count(DISTINCT stamp) > 1"""
# Of an id in a URL: 18 characters, encoded quotes, comma and blank.
_ID_BYTES = 28


class Joined:
    """The rows of all parts, in an SQLite file.

    Args:
        folder: where the file is.
        answers: runs the queries.
        query: the whole query.
        parts: the fields of each part.
        cells: the cells of each part.
        stamp: the field that tells whether a row has changed; None if the object has none.
        longest: most bytes of a URI.
    """

    def __init__(  # noqa: PLR0913 - what is read, by keyword
        self,
        folder: Path,
        answers: RestAnswers,
        query: Query,
        *,
        parts: Sequence[Sequence[str]],
        cells: Sequence[RecordCells],
        stamp: str | None,
        longest: int,
    ) -> None:
        self._answers = answers
        self._query = query
        self._parts = parts
        self._cells = cells
        self._keys = keys_of(stamp)
        self._longest = longest
        self._sqlite = open_database(folder / "joined.sqlite")
        # The file is only for this query, so nothing of it must survive a crash.
        self._sqlite.execute("PRAGMA synchronous = OFF")
        self._sqlite.execute("PRAGMA journal_mode = OFF")
        self._sqlite.execute(_TABLE)

    def close(self) -> None:
        """Close the file."""
        self._sqlite.close()

    def read(self) -> None:
        """API call: read all parts, and the rows again that are not the same in each.

        Raises:
            DataError: the rows have no ids of their own.
            JobError: some rows keep changing.
            RowCountMismatch, ApiError, TransportError: as `RestAnswers.rows`.
        """
        for part, paths in enumerate(self._parts):
            statement = self._query.soql(with_keys(paths, self._keys))
            self._add(part, self._answers.rows(statement))
        if self._query.is_limited:
            # Each part has the limit for itself, so the first one decides which rows are read.
            self._sqlite.execute(_ONLY_FIRST)
        self._repair()

    @property
    def count(self) -> int:
        """The number of rows."""
        (count,) = self._sqlite.execute("SELECT count(DISTINCT id) FROM cells").fetchone()
        return int(count)

    def rows(self) -> Iterator[list[bytes]]:
        """The rows as CSV without line ends, some at a time."""
        size = len(self._parts)
        with closing(self._sqlite.execute("SELECT cells FROM cells ORDER BY id, part")) as found:
            while cells := [row for (row,) in found.fetchmany(_ROWS_AT_ONCE * size)]:
                yield [b",".join(cells[at : at + size]) for at in range(0, len(cells), size)]

    def _add(self, part: int, records: Iterator[Mapping[str, Any]]) -> None:
        rows = (self._row(part, record) for record in records)
        try:
            self._sqlite.executemany("INSERT INTO cells VALUES (?, ?, ?, ?)", rows)
        except sqlite3.IntegrityError:
            raise DataError(
                f"The rows of {self._query.sobject} have no ids of their own, so a select list "
                "that is too long for one URL cannot be divided. Select fewer fields."
            ) from None

    def _row(self, part: int, record: Mapping[str, Any]) -> tuple[Any, ...]:
        key, *stamp = (text_of(record, name) for name in self._keys)
        return key, part, (stamp or [None])[0] or "", self._cells[part].row(record)

    def _repair(self) -> None:
        for _ in range(_ATTEMPTS):
            ids = self._torn()
            if not ids:
                return
            log.info(
                "%s: %d rows were changed between the parts of the query and are read again",
                self._query.sobject,
                len(ids),
            )
            self._read_again(ids)
        if left := len(self._torn()):
            raise self._restless(left)

    def _restless(self, rows: int) -> JobError:
        return JobError(
            f"{self._query.sobject}: {rows:,} rows keep changing while the parts of "
            "the query are read. Run the query again when fewer changes are made."
        )

    def _torn(self) -> list[str]:
        """The ids of the rows that are not the same in each part."""
        return [key for (key,) in self._sqlite.execute(_TORN, [len(self._parts)])]

    def _read_again(self, ids: Sequence[str]) -> None:
        before = self.count
        self._sqlite.executemany("DELETE FROM cells WHERE id = ?", [(key,) for key in ids])
        for part, paths in enumerate(self._parts):
            for statement in self._by_id(with_keys(paths, self._keys), ids):
                self._add(part, self._answers.rows(statement))
        if gone := before - self.count:
            log.info(
                "%s: %d rows were deleted while the query was read, and are left out",
                self._query.sobject,
                gone,
            )

    def _by_id(self, paths: Sequence[str], ids: Sequence[str]) -> Iterator[str]:
        def statement(listed: Sequence[str]) -> str:
            literals = ", ".join(soql.text_literal(key) for key in listed)
            return soql.select(paths, self._query.sobject, [f"Id IN ({literals})"])

        size = max((self._longest - uri_bytes(statement([]))) // _ID_BYTES, 1)
        for at in range(0, len(ids), size):
            yield statement(ids[at : at + size])


def keys_of(stamp: str | None) -> list[str]:
    """The fields that each part selects beside its own."""
    return ["Id", stamp] if stamp else ["Id"]
