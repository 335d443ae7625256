"""The jobs of Bulk API 2.0 for the page, also the deleted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.bulk2.jobs import ENDED, JobState, JobType
from sfbulk_sandbox.bulk2.query_work import QueryWork
from sfbulk_sandbox.page.jobs import JobLine, State

if TYPE_CHECKING:
    from datetime import datetime

    from sfbulk_sandbox.bulk2.jobs import Job, Jobs


def bulk2_lines(jobs: Jobs, now: datetime) -> list[JobLine]:
    """Return the jobs.

    Args:
        jobs: The jobs of the org.
        now: The time until which a running job has been processed.
    """
    present = [job for job_type in JobType for job in jobs.all(job_type)]
    return [_line(job, now) for job in [*present, *jobs.deleted()]]


def _line(job: Job, now: datetime) -> JobLine:
    with job.lock:
        return JobLine(
            id=job.id,
            kind=job.type.value,
            operation=job.operation,
            object=job.object,
            state=State(job.state.value),
            ended=job.state in ENDED,
            deleted=job.deleted,
            done=_done(job),
            processed=job.processed,
            failed=job.failed,
            total=job.total,
            seconds=_seconds(job, now),
            created=job.created,
            started=job.started,
            changed=job.modified,
            message=job.error_message,
            settings=_settings(job),
            soql=job.work.soql if isinstance(job.work, QueryWork) else None,
            refusals=list(job.refusals),
        )


def _done(job: Job) -> float | None:
    if job.state is JobState.JOB_COMPLETE:
        return 1
    if job.total:
        return job.processed / job.total
    return None if job.state is JobState.IN_PROGRESS else 0


def _seconds(job: Job, now: datetime) -> float | None:
    if job.started is None:
        return None
    end = job.modified if job.state in ENDED else now
    return (end - job.started).total_seconds()


def _settings(job: Job) -> dict[str, str | None]:
    settings = {
        "externalIdFieldName": job.external_id,
        "assignmentRuleId": job.assignment_rule_id,
        "contentType": "CSV",
        "columnDelimiter": job.settings.column_delimiter,
        "lineEnding": job.settings.line_ending,
        "apiVersion": job.version,
    }
    return {name: value for name, value in settings.items() if value}
