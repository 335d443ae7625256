"""Job states in Salesforce's words, and the job in a reply; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk.errors import (
    JobAborted,
    JobFailed,
    NotSupportedByBulk,
    UnknownState,
)
from sfbulk.http.bulk_refusals import is_bulk_refusal
from sfbulk.http.dates import document_date
from sfbulk.http.shapes import Count, SalesforceId, Shape, is_same_id
from sfbulk.http.unusable import unusable
from sfbulk.jobs.waiting import rows_so_far
from sfbulk.safe import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfbulk.errors import SalesforceError
    from sfbulk.http.wire import Reply, Request


class JobState(str, Enum):
    """The states of Bulk API 2.0 jobs (Bulk API guide: Get Information About a Job)."""

    OPEN = "Open"
    """Created; data can be uploaded. Ingest jobs only."""
    UPLOAD_COMPLETE = "UploadComplete"
    """Queued; the first state of a query job."""
    IN_PROGRESS = "InProgress"
    """Running."""
    JOB_COMPLETE = "JobComplete"
    """Completed; single rows of an ingest job may have failed."""
    FAILED = "Failed"
    """Ended by Salesforce; rows saved before stay saved."""
    ABORTED = "Aborted"
    """Ended by a user or a program; rows saved before stay saved."""

    @property
    def is_terminal(self) -> bool:
        """Whether the job stays in this state."""
        return self in (JobState.JOB_COMPLETE, JobState.FAILED, JobState.ABORTED)


@dataclass(frozen=True)
class JobInfo:
    """A job as last read.

    Replies to state changes are shorter than others: what they do not have is None.
    """

    id: str
    state: JobState
    object: str
    operation: str
    api_version: str
    records_processed: int | None
    """Processed rows so far, with failed ones."""
    records_failed: int | None
    """Rows of an ingest job that Salesforce rejected."""
    error_message: str | None
    """Why the job failed."""
    external_id: str | None = None
    """The key field of an upsert."""
    column_delimiter: str | None = None
    """Salesforce's word for the column delimiter of its CSV."""
    created: datetime | None = None
    """When it was created, by the clock of the org's database; aware, in UTC."""
    job_type: str | None = None
    """Such as `V2Query`."""
    changed: datetime | None = None
    """When it changed for the last time; of an ended job, its end. Otherwise like `created`."""
    processing_ms: int | None = None
    """How long Salesforce has worked on it, in milliseconds."""

    @property
    def status(self) -> str:
        """A sentence about a job that runs: id, object, state, and its rows so far."""
        return (
            f"The {self.operation} job {self.id} on {self.object} is still {self.state.value}"
            f"{rows_so_far(self.records_processed)}"
        )

    @property
    def has_data(self) -> bool:
        """Whether an Open ingest job shows that it has its data.

        Salesforce reports no counts before the upload (recording of a 52.0 job, read before and
        after its upload).
        """
        return self.records_processed is not None or self.records_failed is not None


class _Document(msgspec.Struct, rename="camel"):
    """A job as replies have it; counts may be sent as text."""

    id: SalesforceId
    state: str | None = None
    object: str | None = ""
    operation: str | None = ""
    api_version: str | float | None = ""
    number_records_processed: Count | None = None
    number_records_failed: Count | None = None
    error_message: str | None = None
    external_id_field_name: str | None = None
    column_delimiter: str | None = None
    created_date: Any = None
    system_modstamp: Any = None
    total_processing_time: Any = None
    job_type: str | None = None


_DOCUMENT = Shape(_Document, "a job", strict=False)
_MILLISECONDS = Shape(Count, strict=False)


def parse_job(reply: Mapping[str, Any]) -> JobInfo:
    """The job in the document of a reply.

    Raises:
        UnknownState: a state that this version does not know.
        ValueError: the reply does not describe a job; the text says where.
    """
    return _job(_DOCUMENT.read(reply))


def _job(job: _Document) -> JobInfo:
    return JobInfo(
        id=job.id,
        state=_state(job),
        object=job.object or "",
        operation=job.operation or "",
        api_version=str(job.api_version or ""),
        records_processed=job.number_records_processed,
        records_failed=job.number_records_failed,
        error_message=job.error_message,
        external_id=job.external_id_field_name,
        column_delimiter=job.column_delimiter,
        created=_time(job.created_date),
        job_type=job.job_type,
        changed=_time(job.system_modstamp),
        # As for the times: whatever else it is, the document is a job.
        processing_ms=_MILLISECONDS.read_or_none(job.total_processing_time),
    )


def read_job(request: Request, reply: Reply) -> JobInfo:
    """The job in a reply.

    Raises:
        UnknownState: a state that this version does not know.
        TransportError: the reply does not describe a job.
    """
    job = _job(_DOCUMENT.of(request, reply))
    if request.job_id and not is_same_id(job.id, request.job_id):
        raise unusable(request, reply.status, "another job")
    return job


def failure(info: JobInfo) -> SalesforceError | None:
    """The error for a job that failed or was aborted; None for any other job."""
    what = f"The {info.operation} job {info.id} on {info.object}"
    if info.state is JobState.FAILED:
        reason = quoted(info.error_message or "Salesforce gives no reason")
        if is_bulk_refusal(reason):
            return NotSupportedByBulk(f"{what} failed: {reason}", detail=reason, job_id=info.id)
        return JobFailed(f"{what} failed: {reason}", job_id=info.id)
    if info.state is JobState.ABORTED:
        return JobAborted(
            f"{what} was aborted before it completed, by a user or an administrator.",
            job_id=info.id,
        )
    return None


def _time(value: Any) -> datetime | None:
    # Times are only compared with others or shown, so an answer without them is still a job.
    try:
        return document_date(value)
    except ValueError:
        return None


_MOST_OF_A_WORD = 100


def _state(job: _Document) -> JobState:
    try:
        return JobState(job.state)
    except ValueError:
        raise UnknownState(
            f"Job {job.id} is in the state '{quoted(str(job.state), _MOST_OF_A_WORD)}', which this "
            "version of sfbulk does not know. Look at the job in Setup, Bulk Data Load Jobs.",
            job_id=job.id,
        ) from None
