"""The jobs of Bulk API 1.0 and their batches for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.bulk1.documents import job_document
from sfbulk_sandbox.bulk1.jobs import ENDED, BatchState, JobState
from sfbulk_sandbox.bulk1.query import batch_soql
from sfbulk_sandbox.bulk2.lists import CLASSIC
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.page.jobs import BatchLine, JobLine, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfbulk_sandbox.bulk1.jobs import Batch, Job

_MILLISECONDS = 1000


def bulk1_lines(jobs: Iterable[Job]) -> list[JobLine]:
    """Return the jobs."""
    return [_line(job) for job in jobs]


def _line(job: Job) -> JobLine:
    document = job_document(job)
    batches = list(job.batches)
    ended = sum(batch.state in ENDED for batch in batches)
    messages = dict.fromkeys(batch.message for batch in batches if batch.message)
    return JobLine(
        id=job.id,
        kind=CLASSIC,
        operation=job.settings.operation,
        object=job.settings.object,
        state=State(job.state.value),
        # An Open job can get more batches.
        ended=job.state is not JobState.OPEN and ended == len(batches),
        done=ended / len(batches) if batches else 0,
        processed=document["numberRecordsProcessed"],
        failed=document["numberRecordsFailed"],
        seconds=document["totalProcessingTime"] / _MILLISECONDS if ended else None,
        created=job.created,
        changed=max([job.modified, *(batch.modified for batch in batches)]),
        message=", ".join(messages) or None,
        settings=_settings(job),
        refusals=list(job.refusals),
        batches=[_batch(batch) for batch in batches],
    )


def _settings(job: Job) -> dict[str, str | None]:
    settings = {
        "externalIdFieldName": job.settings.external_id,
        "assignmentRuleId": job.settings.assignment_rule_id,
        "concurrencyMode": "Serial" if job.settings.serial else "Parallel",
        "contentType": job.settings.content.value,
        "PK chunking": "on" if job.settings.chunking else None,
        "apiVersion": job.version,
    }
    return {name: value for name, value in settings.items() if value}


def _batch(batch: Batch) -> BatchLine:
    has_run = batch.state in (BatchState.COMPLETED, BatchState.FAILED)
    return BatchLine(
        id=batch.id,
        state=State(batch.state.value),
        message=batch.message,
        processed=batch.processed,
        failed=batch.failed,
        seconds=batch.processing_ms / _MILLISECONDS if has_run else None,
        soql=None if batch.job.settings.load else _soql(batch),
    )


def _soql(batch: Batch) -> str:
    try:
        return batch_soql(batch)
    except (Fault, OSError):
        # It is not text, or a reset has just removed the file.
        return ""
