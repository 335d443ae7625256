"""Loads records from any iterator of dicts: encodes, splits into jobs, runs them, counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfbulk.jobs.results import FailedRow
    from sfbulk.jobs.states import Operation
    from sfbulk.transport import Transport


@dataclass
class IngestSummary:
    """What became of the records of one call; the three counts add up to its records."""

    job_ids: list[str] = field(default_factory=list)
    succeeded: int = 0
    failed: int = 0
    unprocessed: int = 0
    failures: list[FailedRow] = field(default_factory=list, repr=False)
    """The refused rows with Salesforce's reason."""


class RecordLoader:
    """One load of one object."""

    def __init__(
        self, transport: Transport, sobject: str, operation: Operation, external_id: str | None
    ) -> None:
        self._transport = transport
        self._sobject = sobject
        self._operation = operation
        self._external_id = external_id

    def load(self, records: Iterable[Mapping[str, Any]]) -> IngestSummary:
        """API call: load all records."""
        raise NotImplementedError
