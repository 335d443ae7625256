"""The script of faults: an ordered list of what shall go wrong, used up as it strikes."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.faults.kinds import JobFault, RequestFault, RowFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfbulk_sandbox.faults.kinds import ScriptedFault
    from sfbulk_sandbox.faults.saved_rows import SavedRows


class Script:
    """The faults still to come, in order. Safe to use from several threads.

    Of several faults that a call, a job or a row could be struck by, the first strikes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[ScriptedFault] = []
        # How often each fault of rows met a record, by the fault's place in memory.
        self._attempts: dict[int, Counter[str]] = {}

    def add(self, fault: ScriptedFault) -> None:
        """Put a fault at the end."""
        with self._lock:
            self._faults.append(fault)

    def pending(self) -> list[ScriptedFault]:
        """Return the faults that can still strike."""
        with self._lock:
            return list(self._faults)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()
            self._attempts.clear()

    def asks_for_body(self, method: str, path: str) -> bool:
        """Tell whether a fault of such a call looks into the request's body."""
        with self._lock:
            return any(
                isinstance(fault, RequestFault)
                and fault.request_body
                and fault.is_for(method, path)
                for fault in self._faults
            )

    def for_request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> RequestFault | None:
        """Return the fault of a call, used up by one.

        Names of headers are in lower case; the body is decompressed, and needed when
        `asks_for_body` only.
        """
        with self._lock:
            for fault in self._faults:
                if (
                    isinstance(fault, RequestFault)
                    and fault.is_for(method, path)
                    and fault.matches(query, headers, body)
                    and fault.applies()
                ):
                    self._drop_spent()
                    return fault
        return None

    def for_job(self, sobject: str, operation: str) -> JobFault | None:
        """Return the fault of a job, or a batch, that is begun now, used up by one."""
        with self._lock:
            for fault in self._faults:
                if (
                    isinstance(fault, JobFault)
                    and fault.is_for(sobject, operation)
                    and fault.applies()
                ):
                    self._drop_spent()
                    return fault
        return None

    def refused_rows(self, saved: SavedRows) -> dict[int, RowError]:
        """Return the errors of the rows that are struck, by place in `saved.rows`."""
        with self._lock:
            faults = [
                fault
                for fault in self._faults
                if isinstance(fault, RowFault) and fault.is_for(saved.object, saved.operation)
            ]
            if not faults:
                return {}
            names = [name.lower() for name in saved.names]
            refused: dict[int, RowError] = {}
            for place, row in enumerate(saved.rows):
                texts = (cell if isinstance(cell, str) else "" for cell in row)
                cells = dict(zip(names, texts, strict=True))
                fault = self._applying(faults, saved, saved.first + place, cells)
                if fault is not None:
                    refused[place] = RowError(fault.code, fault.message, tuple(fault.fields))
            self._drop_spent()
            return refused

    def _applying(
        self,
        faults: Iterable[RowFault],
        saved: SavedRows,
        number: int,
        cells: Mapping[str, str],
    ) -> RowFault | None:
        for fault in faults:
            if not fault.is_spent and fault.matches(number, cells):
                tried = self._count_attempt(fault, _identity(fault, saved, cells))
                if (fault.attempts is None or tried <= fault.attempts) and fault.applies():
                    return fault
        return None

    def _count_attempt(self, fault: RowFault, record: str) -> int:
        if fault.attempts is None:
            return 1
        attempts = self._attempts.setdefault(id(fault), Counter())
        attempts[record] += 1
        return attempts[record]

    def _drop_spent(self) -> None:
        for fault in self._faults:
            if fault.is_spent:
                self._attempts.pop(id(fault), None)
        self._faults = [fault for fault in self._faults if not fault.is_spent]


def _identity(fault: RowFault, saved: SavedRows, cells: Mapping[str, str]) -> str:
    """Return what makes a row the same record at another attempt."""
    names = [fault.key] if fault.key else [saved.key or "Id"]
    given = [cells[name.lower()] for name in names if cells.get(name.lower())]
    return "\n".join((saved.object, *(given or cells.values())))
