"""Jobs and batches of Bulk API 1.0 and their states, in Salesforce's words; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sfbulk.errors import UnknownState
from sfbulk.http.dates import document_date
from sfbulk.http.shapes import Count, SalesforceId  # noqa: TC001 - msgspec reads the types
from sfbulk.safe import quoted

if TYPE_CHECKING:
    from datetime import datetime

E = TypeVar("E", bound=Enum)


class Bulk1JobState(str, Enum):
    """The states of a job (Bulk API guide: Job States). Its batches have their own states."""

    OPEN = "Open"
    """Created: batches can be added, and are already processed."""
    CLOSED = "Closed"
    """No more batches can be added; those that it has are processed."""
    ABORTED = "Aborted"
    """Ended by a user or a program; rows saved before stay saved."""
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
    """Processed; single rows of a load may have failed."""
    FAILED = "Failed"
    """Failed as a whole; rows saved before stay saved."""
    NOT_PROCESSED = "NotProcessed"
    """Not processed: the job was aborted, or PK chunking has replaced it by other batches."""

    @property
    def is_terminal(self) -> bool:
        """Whether the batch stays in this state."""
        return self not in (BatchState.QUEUED, BatchState.IN_PROGRESS)


class QueryOperation(str, Enum):
    """The operations of query jobs, in Salesforce's words."""

    QUERY = "query"
    QUERY_ALL = "queryAll"
    """Reads deleted and archived rows too."""


class ContentType(str, Enum):
    """The form of a job's data."""

    CSV = "CSV"
    JSON = "JSON"
    XML = "XML"

    @property
    def media_type(self) -> str:
        """The value of the header `Content-Type`."""
        kind = {"CSV": "text/csv", "JSON": "application/json", "XML": "application/xml"}
        return f"{kind[self.value]}; charset=UTF-8"


class Concurrency(str, Enum):
    """Whether Salesforce processes the batches of a job in parallel or one after the other."""

    PARALLEL = "Parallel"
    SERIAL = "Serial"


@dataclass(frozen=True)
class Bulk1JobInfo:
    """A job as last read; None for what the answer does not have."""

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
    """Processed rows, with failed ones."""
    number_records_failed: int | None
    number_retries: int | None
    total_processing_time: int | None
    """Milliseconds, as the next two."""
    api_active_processing_time: int | None
    apex_processing_time: int | None


@dataclass(frozen=True)
class BatchInfo:
    """A batch as last read; None for what the answer does not have."""

    id: str
    job_id: str
    state: BatchState
    state_message: str | None
    """Why the batch failed; it may quote the query, or names of fields."""
    created_date: datetime | None
    system_modstamp: datetime | None
    number_records_processed: int | None
    """Processed rows, with failed ones; for a query, the rows found."""
    number_records_failed: int | None
    total_processing_time: int | None
    """Milliseconds, as the next two."""
    api_active_processing_time: int | None
    apex_processing_time: int | None


class _Times(msgspec.Struct, rename="camel"):
    """What jobs and batches have in common; numbers are texts in XML."""

    id: SalesforceId
    state: str | None = None
    created_date: str | None = None
    system_modstamp: str | None = None
    number_records_processed: Count | None = None
    number_records_failed: Count | None = None
    total_processing_time: Count | None = None
    api_active_processing_time: Count | None = None
    apex_processing_time: Count | None = None


class JobDocument(_Times, rename="camel"):
    """A jobInfo as answers have it."""

    operation: str | None = None
    object: str | None = None
    content_type: str | None = None
    concurrency_mode: str | None = None
    external_id_field_name: str | None = None
    assignment_rule_id: str | None = None
    api_version: str | float | None = None
    created_by_id: str | None = None
    number_batches_queued: Count | None = None
    number_batches_in_progress: Count | None = None
    number_batches_completed: Count | None = None
    number_batches_failed: Count | None = None
    number_batches_total: Count | None = None
    number_retries: Count | None = None


class BatchDocument(_Times, rename="camel"):
    """A batchInfo as answers have it."""

    job_id: SalesforceId | None = None
    state_message: str | None = None


def job_info(job: JobDocument) -> Bulk1JobInfo:
    """The job that a document describes.

    Raises:
        UnknownState: a state that this version does not know.
    """
    return Bulk1JobInfo(
        id=job.id,
        operation=job.operation or "",
        object=job.object or "",
        state=_state(Bulk1JobState, job.state, f"Job {job.id}", job.id),
        content_type=job.content_type or "",
        concurrency_mode=job.concurrency_mode or "",
        external_id_field_name=job.external_id_field_name,
        assignment_rule_id=job.assignment_rule_id,
        api_version=str(job.api_version or ""),
        created_by_id=job.created_by_id,
        created_date=_instant(job.created_date),
        system_modstamp=_instant(job.system_modstamp),
        number_batches_queued=job.number_batches_queued,
        number_batches_in_progress=job.number_batches_in_progress,
        number_batches_completed=job.number_batches_completed,
        number_batches_failed=job.number_batches_failed,
        number_batches_total=job.number_batches_total,
        number_records_processed=job.number_records_processed,
        number_records_failed=job.number_records_failed,
        number_retries=job.number_retries,
        total_processing_time=job.total_processing_time,
        api_active_processing_time=job.api_active_processing_time,
        apex_processing_time=job.apex_processing_time,
    )


def batch_info(batch: BatchDocument) -> BatchInfo:
    """The batch that a document describes.

    Raises:
        UnknownState: a state that this version does not know.
    """
    job_id = batch.job_id or ""
    return BatchInfo(
        id=batch.id,
        job_id=job_id,
        state=_state(BatchState, batch.state, f"Batch {batch.id} of job {job_id}", job_id),
        state_message=batch.state_message,
        created_date=_instant(batch.created_date),
        system_modstamp=_instant(batch.system_modstamp),
        number_records_processed=batch.number_records_processed,
        number_records_failed=batch.number_records_failed,
        total_processing_time=batch.total_processing_time,
        api_active_processing_time=batch.api_active_processing_time,
        apex_processing_time=batch.apex_processing_time,
    )


_MOST_OF_A_WORD = 100


def _state(words: type[E], word: str | None, what: str, job_id: str) -> E:
    try:
        # Other clients expect it with a space too: "Not Processed" (CumulusCI).
        return words((word or "").replace(" ", ""))
    except ValueError:
        raise UnknownState(
            f"{what} is in the state '{quoted(word or '', _MOST_OF_A_WORD)}', which this version "
            "of sfbulk does not know. Look at the job in Setup, Bulk Data Load Jobs.",
            job_id=job_id,
        ) from None


def _instant(text: str | None) -> datetime | None:
    # "Z" in XML, "+0000" in JSON (recordings). Times are only shown, so without them an answer is
    # still one.
    try:
        return document_date(text)
    except ValueError:
        return None
