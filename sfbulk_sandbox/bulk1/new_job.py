"""Creates jobs and batches: ids, files, and the processing of each batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.bulk1.jobs import Batch, Job, Jobs, JobState
from sfbulk_sandbox.bulk1.load import LoadWork
from sfbulk_sandbox.bulk1.query import ChunkedQueryWork, QueryWork
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.limits import DAILY_INGEST_BATCHES

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox.bulk1.jobs import Work
    from sfbulk_sandbox.bulk1.settings import JobSettings
    from sfbulk_sandbox.faults.fault_script import Script
    from sfbulk_sandbox.limits import Paging, Usage
    from sfbulk_sandbox.org.org import Org

_JOB_PREFIX, _BATCH_PREFIX = "750", "751"


class NewJobs:
    """Creates jobs and batches.

    Args:
        org: The rows and the schema.
        jobs: Where jobs are kept.
        script: The scripted faults.
        usage: Counts batches.
        paging: How many rows a result file has.
        folder: The parent of the jobs' folders.
    """

    def __init__(  # noqa: PLR0913 - everything that a job uses, each by name
        self,
        org: Org,
        *,
        jobs: Jobs,
        script: Script,
        usage: Usage,
        paging: Paging,
        folder: Path,
    ) -> None:
        self._org = org
        self._jobs = jobs
        self._script = script
        self._usage = usage
        self._paging = paging
        self._folder = folder

    def job(self, settings: JobSettings, version: str) -> Job:
        """Create a job; its state is Open."""
        job_id = self._org.new_id(_JOB_PREFIX)
        folder = self._folder / job_id
        folder.mkdir(parents=True, exist_ok=True)
        job = Job(
            id=job_id,
            settings=settings,
            created_by=self._org.user_id,
            created=self._org.clock.now(),
            version=version,
            folder=folder,
        )
        self._jobs.add(job)
        return job

    def batch(self, job: Job, body: bytes) -> Batch:
        """Add a batch to a job. It is not processed before `Jobs.submit`.

        Raises:
            Fault: InvalidJobState: the job is not Open. ExceededQuota: no daily batches are left.
        """
        if not self._usage.left(DAILY_INGEST_BATCHES):
            raise Fault("ExceededQuota", "ApiBatchItems Limit exceeded.")
        with job.lock:
            if job.state is not JobState.OPEN:
                raise Fault(
                    "InvalidJobState",
                    "Failed to create batch, since the Job is not Open. "
                    f"Current job state is '{job.state.value}'",
                )
            batch_id = self._org.new_id(_BATCH_PREFIX)
            return self._added(job, batch_id, body, self._work(job, batch_id))

    def _work(self, job: Job, batch_id: str) -> Work:
        settings = job.settings
        if settings.load:
            results = job.folder / f"{batch_id}.results"
            return LoadWork(self._org, settings.load, script=self._script, results_path=results)
        if settings.chunking:
            return ChunkedQueryWork(self._org, settings.chunking, self._add_chunk)
        return self._query()

    def _query(self) -> QueryWork:
        return QueryWork(self._org, script=self._script, paging=self._paging)

    def _add_chunk(self, original: Batch, soql: str) -> None:
        job = original.job
        with job.lock:
            # Chunks are still added to a Closed job, but not to an Aborted one.
            if job.state is JobState.ABORTED:
                return
            batch = self._added(job, self._org.new_id(_BATCH_PREFIX), soql.encode(), self._query())
        self._jobs.submit(batch)

    def _added(self, job: Job, batch_id: str, body: bytes, work: Work) -> Batch:
        path = job.folder / f"{batch_id}.request"
        path.write_bytes(body)
        batch = Batch(batch_id, job, self._org.clock.now(), path, work)
        job.batches.append(batch)
        self._usage.count(DAILY_INGEST_BATCHES)
        return batch
