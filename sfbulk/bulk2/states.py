"""Job states in Salesforce's words, and the job in a reply; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from sfbulk.errors import (
    JobAborted,
    JobFailed,
    NotSupportedByBulk,
    TransportError,
    UnknownState,
)
from sfbulk.http.bulk_refusals import is_bulk_refusal
from sfbulk.http.dates import document_date
from sfbulk.http.wire import json_body

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

    @property
    def has_data(self) -> bool:
        """Whether an Open ingest job shows that it has its data.

        Salesforce reports no counts before the upload (recording of a 52.0 job, read before and
        after its upload).
        """
        return self.records_processed is not None or self.records_failed is not None


def parse_job(reply: Mapping[str, Any]) -> JobInfo:
    """The job in the document of a reply.

    Raises:
        UnknownState: a state that this version does not know.
        TransportError: the reply does not describe a job.
    """
    if not isinstance(reply.get("id"), str):
        raise TransportError(
            "Salesforce answered with JSON that does not describe a job.", ambiguous=True
        )
    return JobInfo(
        id=reply["id"],
        state=_state(reply),
        object=str(reply.get("object", "")),
        operation=str(reply.get("operation", "")),
        api_version=str(reply.get("apiVersion", "")),
        records_processed=reply.get("numberRecordsProcessed"),
        records_failed=reply.get("numberRecordsFailed"),
        error_message=reply.get("errorMessage"),
        external_id=reply.get("externalIdFieldName"),
        column_delimiter=reply.get("columnDelimiter"),
        created=_created(reply),
    )


def read_job(request: Request, reply: Reply) -> JobInfo:
    """The job in a reply.

    Raises:
        UnknownState: a state that this version does not know.
        TransportError: the reply does not describe a job.
    """
    return parse_job(json_body(request, reply))


def failure(info: JobInfo) -> SalesforceError | None:
    """The error for a job that failed or was aborted; None for any other job."""
    what = f"The {info.operation} job {info.id} on {info.object}"
    if info.state is JobState.FAILED:
        reason = info.error_message or "Salesforce gives no reason"
        if is_bulk_refusal(reason):
            return NotSupportedByBulk(f"{what} failed: {reason}", detail=reason, job_id=info.id)
        return JobFailed(f"{what} failed: {reason}", job_id=info.id)
    if info.state is JobState.ABORTED:
        return JobAborted(
            f"{what} was aborted before it completed, by a user or an administrator.",
            job_id=info.id,
        )
    return None


def _created(reply: Mapping[str, Any]) -> datetime | None:
    # The time is only compared with others, so an answer without it is still a job.
    try:
        return document_date(reply.get("createdDate"))
    except ValueError:
        return None


def _state(reply: Mapping[str, Any]) -> JobState:
    word = reply.get("state")
    try:
        return JobState(word)
    except ValueError:
        raise UnknownState(
            f"Job {reply['id']} is in the state '{word}', which this version of sfbulk does not "
            "know. Look at the job in Setup, Bulk Data Load Jobs.",
            job_id=reply["id"],
        ) from None
