"""Writes the queries of a stream: which rows and columns each of its passes reads. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING

from sfbulk import soql
from tap_sfbulk.columns import CellKind, PageColumn, to_select
from tap_sfbulk.state import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_sfbulk.sources import StreamSource


class PassKind(Enum):
    """What a pass reads."""

    ROWS = "rows"
    """The stream's rows, with all selected columns and the replication key."""
    FORMULAS = "formulas"
    """The rows before the window, with what changes without a change of the row."""
    IDS = "ids"
    """The ids of all rows."""


@dataclass(frozen=True)
class Pass:
    """One query of a stream."""

    soql: str
    columns: tuple[PageColumn, ...]
    include_deleted: bool = True
    kind: PassKind = PassKind.ROWS

    @property
    def fingerprint(self) -> str:
        """What tells it apart from other queries; short, because each STATE may have it."""
        return sha256(f"{self.include_deleted} {self.soql}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Queries:
    """Writes the queries of one stream."""

    source: StreamSource
    key: str | None = None
    """The field that limits windows."""
    where: str | None = None
    include_deleted: bool = True

    def rows(
        self,
        columns: tuple[PageColumn, ...],
        window: Window | None,
        row_limit: int | None = None,
    ) -> Pass:
        """The rows of a window, or of the whole table."""
        statement = self._select(columns, self._conditions(window), row_limit)
        return self._pass(statement, columns, PassKind.ROWS)

    def formulas(self, columns: tuple[PageColumn, ...], window: Window | None) -> tuple[Pass, ...]:
        """The rows that were changed last before a window, if there are columns and such rows."""
        if window is None or window.lower is None or not columns:
            return ()
        statement = self._select(columns, self._conditions(Window(None, window.lower)))
        return (self._pass(statement, columns, PassKind.FORMULAS),)

    def ids(self) -> Pass:
        """The ids of all rows, and whether they are marked as deleted."""
        marks = [PageColumn("IsDeleted", CellKind.BOOLEAN)] if self.include_deleted else []
        columns = (PageColumn("Id", CellKind.TEXT), *marks)
        return self._pass(self._select(columns, self._conditions(None)), columns, PassKind.IDS)

    def _pass(self, statement: str, columns: tuple[PageColumn, ...], kind: PassKind) -> Pass:
        return Pass(statement, columns, self.include_deleted or self._keeps_archived, kind)

    def _conditions(self, window: Window | None) -> list[str]:
        conditions = [self.where] if self.where else []
        if not self.include_deleted and self._keeps_archived:
            conditions.append("IsDeleted = false")
        if self.key and window:
            if window.lower:
                conditions.append(f"{self.key} >= {soql.datetime_literal(window.lower)}")
            conditions.append(f"{self.key} < {soql.datetime_literal(window.upper)}")
        return conditions

    def _select(
        self,
        columns: tuple[PageColumn, ...],
        conditions: Sequence[str],
        row_limit: int | None = None,
    ) -> str:
        """A query without ORDER BY, and without LIMIT but for a dry run.

        Either switches off Salesforce's own splitting of the job by primary key (Bulk API
        guide: Query Jobs) and invites timeouts.
        """
        paths = [column.name for column in to_select(columns)]
        if own := self.source.statement:
            return own.written(paths, conditions, row_limit)
        statement = soql.select(paths, self.source.sobject.name, where=conditions)
        return statement if row_limit is None else f"{statement} LIMIT {row_limit}"

    @property
    def _keeps_archived(self) -> bool:
        """Whether deleted rows must be left out by a condition.

        The operation `query` leaves out archived rows too, such as activities that are older than
        a year, and these are not deleted (SOAP API guide: Archived Activities).
        """
        deleted = self.source.sobject.field("IsDeleted")
        return bool(deleted and deleted.filterable and self.source.sobject.field("IsArchived"))
