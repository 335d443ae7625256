"""Writes the records that are not in Salesforce, with the reasons, in the order of the input."""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk.errors import DataError, OversizeRow
from sfbulk.load.outcomes import UNKNOWN_CODE, RowStatus
from sfbulk.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sfbulk.load.outcomes import RowOutcome

_MOST_REASONS = 5
_KINDS = {
    RowStatus.FAILED: "rejected",
    RowStatus.UNPROCESSED: "unprocessed",
    RowStatus.UNKNOWN: "unknown",
}


class Rejects:
    """The rejects of one load.

    Outcomes come in any order, and a record is written when all before it have one. So the input
    is read a second time, behind the first, and no record is kept in memory.

    Args:
        path: the file.
        originals: reads the records of the input.
        written: called with each record and its line.
    """

    def __init__(
        self,
        path: Path,
        originals: Callable[[], Iterator[Any]],
        written: Callable[[Any, Mapping[str, Any]], None],
    ) -> None:
        self.path = path
        self.count = 0
        self._reasons: Counter[str] = Counter()
        self._originals = originals
        self._written = written
        self._records: Iterator[tuple[int, Any]] | None = None
        self._waiting: dict[int, dict[str, Any]] = {}
        self._numbers: list[int] = []
        self._encode = msgspec.json.Encoder(decimal_format="number").encode

    def begin(self) -> None:
        """Remove the rejects of an earlier load."""
        self.path.unlink(missing_ok=True)

    def add(self, outcome: RowOutcome) -> None:
        """A row that Salesforce did not load."""
        error = outcome.error
        line: dict[str, Any] = {
            "code": error.code if error else outcome.status.name,
            "message": error.message if error else "",
            "fields": list(error.fields) if error else [],
            "job_id": outcome.job_id,
            "kind": _KINDS[outcome.status],
        }
        if outcome.returned is not None:
            line["returned"] = outcome.returned
        self._keep(outcome.number, line)

    def add_known(self, number: int, reason: str) -> None:
        """A record that an earlier run has sent, without an outcome."""
        self._keep(number, _line(UNKNOWN_CODE, reason, "unknown"))

    def add_unsent(self, number: int, error: DataError) -> None:
        """A record that cannot be sent."""
        kind = "oversize" if isinstance(error, OversizeRow) else "unconvertible"
        self._keep(number, _line(kind.upper(), error.message, kind))

    def write(self, settled_to: int) -> None:
        """Write the rejects among the records up to this number, which all have an outcome.

        Raises:
            DataError: the input has fewer records than before.
            OSError: the file cannot be written.
        """
        if not self._numbers or self._numbers[0] > settled_to:
            return
        if self._records is None:
            self._records = enumerate(self._originals(), start=1)
        with open_private(self.path, "ab") as file:
            while self._numbers and self._numbers[0] <= settled_to:
                number = heappop(self._numbers)
                # Both readings of the input are in order, and so is the heap.
                record = self._record(self._records, number)
                line = {"record": record, **self._waiting.pop(number), "row": number}
                file.write(self._encode(line) + b"\n")
                self._written(record, line)

    def reasons(self) -> str:
        """Why records were refused, the most frequent reasons first; no value of a record."""
        found = self._reasons.most_common()
        shown = ", ".join(f"{count:,} x {reason}" for reason, count in found[:_MOST_REASONS])
        left = len(found) - _MOST_REASONS
        return shown + (f" and {left} other reasons" if left > 0 else "")

    def _record(self, records: Iterator[tuple[int, Any]], number: int) -> Any:
        for at, record in records:
            if at == number:
                return record
        raise DataError(
            f"{self.path}: the refused record {number:,} cannot be written, since the input has "
            f"changed during the load and has fewer records now"
        )

    def _keep(self, number: int, line: dict[str, Any]) -> None:
        self.count += 1
        self._waiting[number] = line
        heappush(self._numbers, number)
        fields = ", ".join(line["fields"])
        reason = f"{line['code']} on {fields}" if fields else line["code"]
        # Messages of Salesforce may quote the record; ours never do.
        own = f": {line['message'].rstrip('.')}" if line["kind"] == "unconvertible" else ""
        self._reasons[reason + own] += 1


def _line(code: str, message: str, kind: str) -> dict[str, Any]:
    """The line of a record that no job of this run has."""
    return {"code": code, "message": message, "fields": [], "job_id": None, "kind": kind}
