"""The fault script: the faults that a test wants, in order, until they are used up."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.faults.kinds import JobFault, RequestFault, RowFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sfbulk_sandbox.faults.kinds import ScriptedFault
    from sfbulk_sandbox.faults.saved_rows import SavedRows


class Script:
    """The faults that are not used up, in order. Safe to use from several threads.

    If several faults match a request, a job or a row, the first one applies.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[ScriptedFault] = []
        # How often each row fault matched each record, by id(fault): faults have no hash.
        self._attempts: dict[int, Counter[str]] = {}

    def add(self, fault: ScriptedFault) -> None:
        """Put a fault at the end."""
        with self._lock:
            self._faults.append(fault)

    def pending(self) -> list[ScriptedFault]:
        """Return the faults that can still apply."""
        with self._lock:
            return list(self._faults)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()
            self._attempts.clear()

    def tests_body(self, method: str, path: str) -> bool:
        """Return whether a fault for such a request tests the request's body."""
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
        """Return the fault that applies to a request, and count one use of it.

        Args:
            method: The request's method.
            path: The request's path.
            query: The query parameters.
            headers: The headers; names are in lower case.
            body: The decompressed body. It is needed only if `tests_body` is true.
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

    def for_job(self, sobject: str, operation: str, count: Callable[[], int]) -> JobFault | None:
        """Return the fault that applies to a starting job or batch, and count one use of it.

        Args:
            sobject: The job's object.
            operation: The job's operation.
            count: Counts the rows of the job; called if a fault needs it.
        """
        with self._lock:
            for fault in self._faults:
                if (
                    isinstance(fault, JobFault)
                    and fault.is_for(sobject, operation)
                    and (fault.over_rows is None or count() > fault.over_rows)
                    and fault.applies()
                ):
                    self._drop_spent()
                    return fault
        return None

    def refused_rows(self, saved: SavedRows) -> dict[int, RowError]:
        """Return the errors of the rows that a fault applies to, by index in `saved.rows`."""
        with self._lock:
            faults = [
                fault
                for fault in self._faults
                if isinstance(fault, RowFault) and fault.is_for(saved.object, saved.operation)
            ]
            # Without a fault for the object, the cells of the rows need not be collected.
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
                # Every match is an attempt, also one that `skip` passes over.
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
    """Return the text by which a later attempt at the same record is recognized."""
    names = [fault.key] if fault.key else [saved.key or "Id"]
    given = [cells[name.lower()] for name in names if cells.get(name.lower())]
    return "\n".join((saved.object, *(given or cells.values())))
