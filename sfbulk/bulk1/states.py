"""Jobs and batches of Bulk API 1.0 and their states, in Salesforce's words; no I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from sfbulk.errors import TransportError, UnknownState
from sfbulk.safe import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def job_info(document: Mapping[str, Any]) -> Bulk1JobInfo:
    """The job that a document describes.

    Raises:
        UnknownState: a state that this version does not know.
        TransportError: the document does not describe a job.
    """
    job_id = _id(document, "job")
    return Bulk1JobInfo(
        id=job_id,
        operation=_text(document, "operation") or "",
        object=_text(document, "object") or "",
        state=_state(Bulk1JobState, document, f"Job {job_id}", job_id),
        content_type=_text(document, "contentType") or "",
        concurrency_mode=_text(document, "concurrencyMode") or "",
        external_id_field_name=_text(document, "externalIdFieldName"),
        assignment_rule_id=_text(document, "assignmentRuleId"),
        api_version=_text(document, "apiVersion") or "",
        created_by_id=_text(document, "createdById"),
        created_date=_instant(document, "createdDate"),
        system_modstamp=_instant(document, "systemModstamp"),
        number_batches_queued=_number(document, "numberBatchesQueued"),
        number_batches_in_progress=_number(document, "numberBatchesInProgress"),
        number_batches_completed=_number(document, "numberBatchesCompleted"),
        number_batches_failed=_number(document, "numberBatchesFailed"),
        number_batches_total=_number(document, "numberBatchesTotal"),
        number_records_processed=_number(document, "numberRecordsProcessed"),
        number_records_failed=_number(document, "numberRecordsFailed"),
        number_retries=_number(document, "numberRetries"),
        total_processing_time=_number(document, "totalProcessingTime"),
        api_active_processing_time=_number(document, "apiActiveProcessingTime"),
        apex_processing_time=_number(document, "apexProcessingTime"),
    )


def batch_info(document: Mapping[str, Any]) -> BatchInfo:
    """The batch that a document describes.

    Raises:
        UnknownState: a state that this version does not know.
        TransportError: the document does not describe a batch.
    """
    batch_id = _id(document, "batch")
    job_id = _text(document, "jobId") or ""
    return BatchInfo(
        id=batch_id,
        job_id=job_id,
        state=_state(BatchState, document, f"Batch {batch_id} of job {job_id}", job_id),
        state_message=_text(document, "stateMessage"),
        created_date=_instant(document, "createdDate"),
        system_modstamp=_instant(document, "systemModstamp"),
        number_records_processed=_number(document, "numberRecordsProcessed"),
        number_records_failed=_number(document, "numberRecordsFailed"),
        total_processing_time=_number(document, "totalProcessingTime"),
        api_active_processing_time=_number(document, "apiActiveProcessingTime"),
        apex_processing_time=_number(document, "apexProcessingTime"),
    )


def _id(document: Mapping[str, Any], what: str) -> str:
    found = _text(document, "id")
    # It becomes a part of addresses and the name of a folder.
    if found is None or not re.fullmatch("[0-9A-Za-z]{1,18}", found):
        raise TransportError(
            f"Salesforce answered with a document that does not describe a {what}.",
            ambiguous=True,
        )
    return found


_MOST_OF_A_WORD = 100


def _state(words: type[E], document: Mapping[str, Any], what: str, job_id: str) -> E:
    word = _text(document, "state") or ""
    try:
        # Other clients expect it with a space too: "Not Processed" (CumulusCI).
        return words(word.replace(" ", ""))
    except ValueError:
        raise UnknownState(
            f"{what} is in the state '{quoted(word, _MOST_OF_A_WORD)}', which this version of "
            "sfbulk does not know. Look at the job in Setup, Bulk Data Load Jobs.",
            job_id=job_id,
        ) from None


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    return None if value in (None, "") else str(value)


def _number(document: Mapping[str, Any], name: str) -> int | None:
    text = _text(document, name)
    known = re.fullmatch("[0-9]{1,18}", text or "")
    return int(known.group()) if known else None


def _instant(document: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(document, name)
    try:
        # "Z" in XML, "+0000" in JSON (recordings).
        return None if text is None else datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        return None
