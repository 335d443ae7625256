"""A carrier that finds the records of a file by their keys before another carrier sends it.

Salesforce updates and deletes by Id only, and an upsert by external id always does both: it
updates what exists and creates the rest. What a load needs beyond that is decided here, when a
file is sent. The files that it waits for are settled then, so the records that they created are
found.

- An update or delete by external id: the column of the keys becomes a column of ids. A key
  without a record, or with several, is a failed row.
- An upsert of new records only: rows whose record exists are skipped.
- An upsert with fields that only a new record gets: their cells are emptied where the record
  exists, since Salesforce refuses the row otherwise. An empty cell leaves a field as it is.

The rows that are left are written to a new file beside the original one.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic

from sfbulk.load.file_part import FilePart
from sfbulk.load.find_ids import IdFinder, key_field
from sfbulk.load.loader import F, Flight
from sfbulk.load.outcomes import Counts, FileOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sfbulk.load.columns import Describe
    from sfbulk.load.dry_run import WrittenFiles
    from sfbulk.load.loader import Carrier
    from sfbulk.load.outcomes import Detail
    from sfbulk.load.resolution import Resolution
    from sfbulk.load.row_file import RowFile
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class ResolvedFlight(Flight, Generic[F]):
    """A file of which a part may have been sent."""

    inner: F | None
    """What was sent; None if no row was left."""
    part: FilePart | None
    """The part that was sent; None if it is the whole file."""

    def named(self) -> str:
        """What was sent: its id and its state as last read."""
        return self.inner.named() if self.inner else ""

    def known(self) -> FileOutcome | None:
        """The outcomes of the rows that were left out."""
        if self.part is None:
            return None
        return FileOutcome(self.file, None, self.part.counts, self.part.outcomes)

    def settled(self) -> None:
        """Remove the file that was sent."""
        if self.part:
            self.part.remove()


class ResolvingCarrier(Generic[F]):
    """Looks up the records of each file, and has another carrier send the rows that are left.

    Args:
        carrier: sends files, as CSV.
        resolution: what is looked up.
        transport: the org.
        describe: describes an object.
        detail: which rows have an outcome of their own.
        written: in a dry run, the files so far, whose records would exist by now.
    """

    def __init__(  # noqa: PLR0913 - what the lookup works with
        self,
        carrier: Carrier[F],
        resolution: Resolution,
        transport: Transport,
        describe: Describe,
        detail: Detail,
        *,
        written: WrittenFiles | None = None,
    ) -> None:
        self._carrier = carrier
        self._resolution = resolution
        self._transport = transport
        self._describe = describe
        self._detail = detail
        self._written = written

    @cached_property
    def _finder(self) -> IdFinder:
        key = key_field(self._resolution.sobject, self._resolution.key, self._describe)
        plan = self._resolution
        # A dry run creates no job, not even one that only reads.
        use_jobs = self._written is None
        return IdFinder(self._transport, plan.sobject, key, plan.where, use_jobs=use_jobs)

    def send(self, file: RowFile) -> ResolvedFlight[F]:
        """API calls: find the records of a file, and send the rows that are left.

        Raises:
            SalesforceError: the records cannot be read, or as the other carrier, or as
                `before_sending`.
        """
        part = FilePart(file, self._resolution, self._finder.key, self._detail)
        if part.is_whole:
            return ResolvedFlight(file, inner=self._carrier.send(file), part=None)
        part.take(self._ids(part))
        # Rows that are sent again were counted when they were sent first.
        if self._resolution.before_sending and not file.attempt:
            self._resolution.before_sending(part.sent.rows)
        with _job_known(file, part.sent):
            inner = self._carrier.send(part.sent) if part.sent.rows else None
        return ResolvedFlight(file, inner=inner, part=part)

    def _ids(self, part: FilePart) -> dict[str, str]:
        ids = self._finder.ids(part.keys())
        if self._written is None:
            return ids
        key = self._finder.key
        keys = part.keys()
        missing = (text for text in keys if key.normalize(text) not in ids)
        return ids | self._written.new_ids(self._resolution.sobject, key, missing)

    def next_look(self, flights: Sequence[ResolvedFlight[F]]) -> float:
        """The monotonic time at which to poll; now if a file was not sent at all."""
        inner = [flight.inner for flight in flights if flight.inner]
        return self._carrier.next_look(inner) if len(inner) == len(flights) else 0.0

    def look(self, flights: Sequence[ResolvedFlight[F]]) -> list[ResolvedFlight[F]]:
        """API call: poll what was sent; the files that have ended."""
        ended = [flight for flight in flights if flight.inner is None]
        by_inner = {flight.inner: flight for flight in flights if flight.inner}
        for inner in self._carrier.look(list(by_inner)) if by_inner else ():
            by_inner[inner].error = inner.error
            ended.append(by_inner[inner])
        return ended

    def read(self, flight: ResolvedFlight[F]) -> FileOutcome:
        """API call: the outcomes of all rows of a file, sent or not.

        Raises:
            SalesforceError: the results cannot be read.
        """
        outcome = FileOutcome(flight.file, None, Counts(), [])
        if flight.inner:
            outcome = replace(self._carrier.read(flight.inner), file=flight.file)
        if known := flight.known():
            if known.counts.total:
                plan = self._resolution
                name, verb = plan.sobject, plan.operation.value
                log.info("Not sent to %s (%s): %s", name, verb, known.counts)
            outcome.counts.add(known.counts)
            outcome.rows.extend(known.rows)
        return outcome

    def finish(self) -> None:
        """API call: as the other carrier."""
        self._carrier.finish()

    def abandon(self, flights: Sequence[ResolvedFlight[F]]) -> None:
        """API call: as the other carrier."""
        self._carrier.abandon([flight.inner for flight in flights if flight.inner])


@contextmanager
def _job_known(file: RowFile, sent: RowFile) -> Iterator[None]:
    """Give the file the job of what was sent, also if that fails."""
    try:
        yield
    finally:
        file.job_id = sent.job_id


def resolving(  # noqa: PLR0913 - as `ResolvingCarrier`
    carrier: Carrier[Any],
    plan: Resolution | None,
    transport: Transport,
    describe: Describe,
    detail: Detail,
    *,
    written: WrittenFiles | None = None,
) -> Carrier[Any]:
    """The carrier of a load that looks up what `plan` says; `carrier` itself without a plan."""
    if plan is None:
        return carrier
    return ResolvingCarrier(carrier, plan, transport, describe, detail, written=written)
