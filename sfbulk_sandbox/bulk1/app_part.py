"""Bulk API 1.0 as one part of the app: creates its jobs, its batches and its resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.bulk1.documents import job_document
from sfbulk_sandbox.bulk1.jobs import Jobs
from sfbulk_sandbox.bulk1.new_job import NewJobs
from sfbulk_sandbox.bulk1.resources import Bulk1Resources
from sfbulk_sandbox.bulk2.lists import CLASSIC, ListedJob
from sfbulk_sandbox.http.responses import instant_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sfbulk_sandbox.bulk1.jobs import Job
    from sfbulk_sandbox.faults.fault_script import Script
    from sfbulk_sandbox.faults.progress import Progress
    from sfbulk_sandbox.http.requests import Resource
    from sfbulk_sandbox.limits import Paging, Usage
    from sfbulk_sandbox.org.org import Org

# The keys that the lists of Bulk API 2.0 show for every job, in their order.
_LISTED_KEYS = (
    "id",
    "operation",
    "object",
    "createdById",
    "createdDate",
    "systemModstamp",
    "state",
    "externalIdFieldName",
    "assignmentRuleId",
    "concurrencyMode",
    "contentType",
    "apiVersion",
)


class Bulk1:
    """Bulk API 1.0 of one org.

    Args:
        org: The rows and the schema.
        script: The scripted faults.
        usage: Counts requests and batches.
        progress: When batches are processed.
        paging: How many rows a result file has.
        folder: The parent of the jobs' folders.
        is_live: Returns whether a session id is valid.
    """

    def __init__(  # noqa: PLR0913 - everything that Bulk API 1.0 uses, each by name
        self,
        org: Org,
        *,
        script: Script,
        usage: Usage,
        progress: Progress,
        paging: Paging,
        folder: Path,
        is_live: Callable[[str], bool],
    ) -> None:
        self._jobs = Jobs(org.clock, progress)
        new_jobs = NewJobs(
            org,
            jobs=self._jobs,
            script=script,
            usage=usage,
            paging=paging,
            folder=folder,
        )
        self._resources = Bulk1Resources(
            org,
            self._jobs,
            new_jobs,
            is_live=is_live,
            usage=usage,
        )

    def resources(self) -> list[Resource]:
        """Return the resources."""
        return self._resources.resources()

    def clear(self) -> None:
        """Remove all jobs and their files."""
        self._jobs.clear()

    def all(self) -> list[Job]:
        """Return the jobs, oldest first."""
        return self._jobs.all()

    def listed_loads(self) -> list[ListedJob]:
        """Return the loads for the lists of Bulk API 2.0."""
        return [_listed(job) for job in self._jobs.all() if job.settings.load]

    def listed_queries(self) -> list[ListedJob]:
        """Return the query jobs for the lists of Bulk API 2.0."""
        return [_listed(job) for job in self._jobs.all() if not job.settings.load]


def _listed(job: Job) -> ListedJob:
    whole = job_document(job)
    known = {key: whole[key] for key in _LISTED_KEYS if whole[key] is not None}
    instants = {key: instant_text(known[key]) for key in ("createdDate", "systemModstamp")}
    facts = {
        "jobType": CLASSIC,
        "concurrencyMode": known["concurrencyMode"],
        "isPkChunkingEnabled": "true" if job.settings.chunking else "false",
    }
    return ListedJob(job.id, job.created, facts, {**known, **instants, "jobType": CLASSIC})
