"""Finds rows that are gone, also from the recycle bin, for records with a key and a time.

`recent` asks Salesforce's log of deletions (REST API guide: sObject Get Deleted), which reaches
back 15 days at most. `sweep` reads the ids of all rows, and compares them with those of the last
sweep. Where the log does not reach back to the last run, `recent` sweeps too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sfbulk import soql
from sfbulk.errors import ApiError, DataError, NotFound
from tap_sfbulk.clocks import covered_behind
from tap_sfbulk.emit.tokens import TokenReader
from tap_sfbulk.known_ids import KnownIds
from tap_sfbulk.state import DELETES_COVERED, SHORTEST_SEARCH, deletes_covered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping
    from datetime import datetime
    from pathlib import Path

    import polars as pl

    from sfbulk import Deleted
    from tap_sfbulk.plan import StreamPlan
    from tap_sfbulk.reading import Reading

log = logging.getLogger(__name__)

SWEPT = "ids_swept"
"""The key in a stream's state: which sweep the ids on disk must be of."""

_REACH = timedelta(days=15)
_NOT_IN_THE_LOG = ("INVALID_REPLICATION_DATE", "EXCEEDED_ID_LIMIT")

_FEW = 100
"""Of so few rows, more than half may well be deleted between two runs."""


@dataclass(frozen=True)
class Ways:
    """How deletions are asked for and written."""

    ask: Callable[[str, datetime, datetime], Deleted]
    """API call: as `Salesforce.deleted`."""
    write: Callable[[Iterable[tuple[str, datetime]]], None]
    """Writes records of ids and times."""
    now: Callable[[], datetime]
    """The clock of this machine, for whole tables, which no other clock limits."""


class Deletions:
    """The deletions of one stream in one run.

    Args:
        name: The stream's name.
        ids_file: Where the ids of its rows are kept; None if nowhere.
        sweeps: Whether all ids are compared, instead of asking the log.
        state: Of the stream.
        ways: How deletions are asked for and written.
    """

    def __init__(
        self,
        name: str,
        ids_file: Path | None,
        state: MutableMapping[str, Any],
        ways: Ways,
        *,
        sweeps: bool,
    ) -> None:
        self._name = name
        self._ids_file = ids_file
        self._state = state
        self._ways = ways
        self._sweeps = sweeps
        self._ids: KnownIds | None = None

    def track(self, block: pl.DataFrame) -> None:
        """Take rows into account that go out: one that is deleted before the sweep is gone too."""
        if self._sweeps:
            self._known_ids().add_written(block["Id"])

    def keep(self) -> None:
        """After the rows of a page, before a state that counts on them."""
        if self._ids:
            self._ids.keep()

    def close(self) -> None:
        """Close the file of ids."""
        if self._ids:
            self._ids.close()

    def read(self, reading: Reading) -> None:
        """API call: find what is gone, and write it.

        Raises:
            DataError: If so many rows are gone that the user probably lost the right to see them.
            SalesforceError: If Salesforce does not say which rows there are.
        """
        now = reading.plan.end or self._ways.now()
        if not self._sweeps and self._read_log(reading.plan, now):
            return
        if self._ids_file is None:
            log.warning(
                "%s: deletions before %s may be missing. Set ids_dir, so that the ids of all rows "
                "can be compared.",
                self._name,
                soql.utc_text(now),
            )
            self._state[DELETES_COVERED] = soql.utc_text(now)
            return
        self._sweep(reading, now)

    def _read_log(self, plan: StreamPlan, now: datetime) -> bool:
        """Whether the log of deletions says all that happened since the last time."""
        start = self._start(plan)
        if start is None:
            # Nothing was read before this run.
            self._state[DELETES_COVERED] = soql.utc_text(now)
            return True
        if now - start < SHORTEST_SEARCH:
            return True
        answer = self._ask(plan, start, now) if now - start < _REACH else None
        if answer is None or answer.earliest_date_available > start:
            log.warning(
                "%s: Salesforce no longer says which rows were deleted since %s.",
                self._name,
                soql.utc_text(start),
            )
            return False
        self._ways.write((each.id, each.deleted_date) for each in answer.records)
        covered = min(answer.latest_date_covered, now)
        what = f"{self._name}: deletions"
        if warning := covered_behind(what, covered, now, plan.lookback):
            log.warning(warning)
        self._state[DELETES_COVERED] = soql.utc_text(covered)
        return True

    def _start(self, plan: StreamPlan) -> datetime | None:
        covered = deletes_covered(self._state)
        return plan.bookmark.read_to if covered is None and plan.bookmark else covered

    def _ask(self, plan: StreamPlan, start: datetime, end: datetime) -> Deleted | None:
        try:
            return self._ways.ask(plan.sobject, start, end)
        except NotFound:
            if plan.queries.source.sobject.replicateable:
                # Salesforce has a log of this object, so another run finds it.
                raise
            return None
        except ApiError as error:
            if error.code in _NOT_IN_THE_LOG:
                return None
            raise

    def _sweep(self, reading: Reading, now: datetime) -> None:
        ids, part = self._known_ids(), reading.plan.queries.ids()
        tokens = TokenReader(self._name, part.columns)
        with reading.open(reading.plan, part) as pages:
            for page in pages:
                count = 0
                for block in tokens.blocks(page.path, page.name):
                    count += block.height
                    ids.add_found(block["Id"])
                    if "IsDeleted" in block.columns:
                        ids.add_marked(block.filter(block["IsDeleted"] == "true")["Id"])
                page.check_rows(count)
        self._refuse_too_many(*ids.counts)
        if not ids.has_base:
            log.info("%s: its ids are noted; the next sweep finds what is gone.", self._name)
        self._ways.write((each, now) for each in ids.gone())
        ids.finish(stamp := soql.utc_text(now))
        self._state[SWEPT] = self._state[DELETES_COVERED] = stamp

    def _known_ids(self) -> KnownIds:
        if self._ids is None:
            if self._ids_file is None:
                raise DataError(f"{self._name}: a sweep needs the setting ids_dir.")
            swept = self._state.get(SWEPT)
            self._ids = KnownIds(self._ids_file, swept if isinstance(swept, str) else None)
        return self._ids

    def _refuse_too_many(self, known: int, missing: int) -> None:
        if known < _FEW or missing * 2 <= known:
            return
        raise DataError(
            f"{self._name}: {missing:,} of {known:,} known rows are gone, more than half, so none "
            "is written as deleted. Check whether the user may still see all rows. If they are "
            f"deleted, remove {self._ids_file} and run again."
        )
