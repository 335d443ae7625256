"""Jobs and batches of Bulk API 1.0 in Salesforce's words; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from sfbulk.errors import TransportError, UnknownState

if TYPE_CHECKING:
    from collections.abc import Mapping

E = TypeVar("E", bound=Enum)


class Bulk1JobState(str, Enum):
    """The states of a job (Bulk API guide: Job States). Its batches have states of their own."""

    OPEN = "Open"
    """Created; batches may be added, and are worked on already."""
    CLOSED = "Closed"
    """No more batches may be added; those it has are worked on."""
    ABORTED = "Aborted"
    """Ended by somebody; rows saved before stay saved."""
    FAILED = "Failed"
    """Ended by Salesforce; rows saved before stay saved."""

    @property
    def is_terminal(self) -> bool:
        """Whether the job stays in this state; a Closed one can still be aborted."""
        return self in (Bulk1JobState.ABORTED, Bulk1JobState.FAILED)


class BatchState(str, Enum):
    """The states of a batch (Bulk API guide: Batch States)."""

    QUEUED = "Queued"
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    """Worked on to its end; single rows of a load may have failed all the same."""
    FAILED = "Failed"
    """Given up as a whole; rows saved before stay saved."""
    NOT_PROCESSED = "NotProcessed"
    """Not worked on: the job was aborted, or PK chunking put other batches in its place."""

    @property
    def is_terminal(self) -> bool:
        """Whether the batch stays in this state."""
        return self not in (BatchState.QUEUED, BatchState.IN_PROGRESS)


class QueryOperation(str, Enum):
    """What a query job reads, in Salesforce's words."""

    QUERY = "query"
    QUERY_ALL = "queryAll"
    """Rows of the recycle bin and archived ones too."""


class ContentType(str, Enum):
    """The form of a job's data."""

    CSV = "CSV"
    JSON = "JSON"
    XML = "XML"

    @property
    def media_type(self) -> str:
        """The value of the header of that name."""
        kind = {"CSV": "text/csv", "JSON": "application/json", "XML": "application/xml"}
        return f"{kind[self.value]}; charset=UTF-8"


class Concurrency(str, Enum):
    """Whether the batches of a job are worked on side by side or one after the other."""

    PARALLEL = "Parallel"
    SERIAL = "Serial"


@dataclass(frozen=True)
class Bulk1JobInfo:
    """A job as Salesforce last described it; None for what it did not say."""

    id: str
    operation: str
    object: str
    state: Bulk1JobState
    content_type: str
    concurrency_mode: str
    external_id_field_name: str | None
    assignment_rule_id: str | None
    api_version: str
    created_by_id: str | None
    created_date: datetime | None
    system_modstamp: datetime | None
    number_batches_queued: int | None
    number_batches_in_progress: int | None
    number_batches_completed: int | None
    number_batches_failed: int | None
    number_batches_total: int | None
    number_records_processed: int | None
    """Rows dealt with, failed ones included."""
    number_records_failed: int | None
    number_retries: int | None
    total_processing_time: int | None
    """Milliseconds, as the two below."""
    api_active_processing_time: int | None
    apex_processing_time: int | None


@dataclass(frozen=True)
class BatchInfo:
    """A batch as Salesforce last described it; None for what it did not say."""

    id: str
    job_id: str
    state: BatchState
    state_message: str | None
    """Why a batch is Failed; it may quote the query, or names of fields."""
    created_date: datetime | None
    system_modstamp: datetime | None
    number_records_processed: int | None
    """Rows dealt with, failed ones included; of a query the rows found."""
    number_records_failed: int | None
    total_processing_time: int | None
    """Milliseconds, as the two below."""
    api_active_processing_time: int | None
    apex_processing_time: int | None


def job_info(said: Mapping[str, Any]) -> Bulk1JobInfo:
    """The job that a document describes.

    Raises:
        UnknownState: a state word this version does not know.
        TransportError: the document describes no job.
    """
    job_id = _id(said, "job")
    return Bulk1JobInfo(
        id=job_id,
        operation=_text(said, "operation") or "",
        object=_text(said, "object") or "",
        state=_state(Bulk1JobState, said, f"Job {job_id}", job_id),
        content_type=_text(said, "contentType") or "",
        concurrency_mode=_text(said, "concurrencyMode") or "",
        external_id_field_name=_text(said, "externalIdFieldName"),
        assignment_rule_id=_text(said, "assignmentRuleId"),
        api_version=_text(said, "apiVersion") or "",
        created_by_id=_text(said, "createdById"),
        created_date=_instant(said, "createdDate"),
        system_modstamp=_instant(said, "systemModstamp"),
        number_batches_queued=_number(said, "numberBatchesQueued"),
        number_batches_in_progress=_number(said, "numberBatchesInProgress"),
        number_batches_completed=_number(said, "numberBatchesCompleted"),
        number_batches_failed=_number(said, "numberBatchesFailed"),
        number_batches_total=_number(said, "numberBatchesTotal"),
        number_records_processed=_number(said, "numberRecordsProcessed"),
        number_records_failed=_number(said, "numberRecordsFailed"),
        number_retries=_number(said, "numberRetries"),
        total_processing_time=_number(said, "totalProcessingTime"),
        api_active_processing_time=_number(said, "apiActiveProcessingTime"),
        apex_processing_time=_number(said, "apexProcessingTime"),
    )


def batch_info(said: Mapping[str, Any]) -> BatchInfo:
    """The batch that a document describes.

    Raises:
        UnknownState: a state word this version does not know.
        TransportError: the document describes no batch.
    """
    batch_id = _id(said, "batch")
    job_id = _text(said, "jobId") or ""
    return BatchInfo(
        id=batch_id,
        job_id=job_id,
        state=_state(BatchState, said, f"Batch {batch_id} of job {job_id}", job_id),
        state_message=_text(said, "stateMessage"),
        created_date=_instant(said, "createdDate"),
        system_modstamp=_instant(said, "systemModstamp"),
        number_records_processed=_number(said, "numberRecordsProcessed"),
        number_records_failed=_number(said, "numberRecordsFailed"),
        total_processing_time=_number(said, "totalProcessingTime"),
        api_active_processing_time=_number(said, "apiActiveProcessingTime"),
        apex_processing_time=_number(said, "apexProcessingTime"),
    )


def _id(said: Mapping[str, Any], what: str) -> str:
    found = _text(said, "id")
    if found is None:
        raise TransportError(
            f"Salesforce answered with a document that describes no {what}.", ambiguous=True
        )
    return found


def _state(words: type[E], said: Mapping[str, Any], what: str, job_id: str) -> E:
    word = _text(said, "state") or ""
    try:
        # Seen with a space as well: "Not Processed".
        return words(word.replace(" ", ""))
    except ValueError:
        raise UnknownState(
            f"{what} is in the state '{word}', which this version of sfbulk does not know. Look "
            "at the job in Setup, Bulk Data Load Jobs.",
            job_id=job_id,
        ) from None


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    return None if value in (None, "") else str(value)


def _number(said: Mapping[str, Any], name: str) -> int | None:
    text = _text(said, name)
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _instant(said: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(said, name)
    try:
        # "Z" in XML, "+0000" in JSON (recordings).
        return None if text is None else datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        return None
