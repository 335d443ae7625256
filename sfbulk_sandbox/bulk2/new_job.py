"""Creates jobs from settings: checks the settings, and makes id, folder and processing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.behaviour import HARD_DELETE_REFUSED
from sfbulk_sandbox.bulk2.ingest_work import IngestWork
from sfbulk_sandbox.bulk2.jobs import Job, JobState, JobType
from sfbulk_sandbox.bulk2.query_work import QueryWork
from sfbulk_sandbox.bulk2.settings import invalid_job
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.limits import DAILY_INGEST_BATCHES, DAILY_QUERY_JOBS
from sfbulk_sandbox.rules.columns import no_key

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox.bulk2.settings import JobSettings
    from sfbulk_sandbox.faults.fault_script import Script
    from sfbulk_sandbox.limits import Usage
    from sfbulk_sandbox.org.org import Operation, Org
    from sfbulk_sandbox.schema.schema import SObject

_JOB_PREFIX = "750"
_QUERIES = ("query", "queryAll")
_LOADS: tuple[Operation, ...] = ("insert", "update", "upsert", "delete", "hardDelete")


class NewJobs:
    """Creates jobs.

    Args:
        org: The rows and the schema.
        script: The scripted faults.
        usage: Counts jobs and batches.
        folder: The parent of the jobs' folders.
    """

    def __init__(
        self,
        org: Org,
        *,
        script: Script,
        usage: Usage,
        folder: Path,
    ) -> None:
        self._org = org
        self._script = script
        self._usage = usage
        self._folder = folder

    def query_job(self, settings: JobSettings, version: str) -> Job:
        """Create a query job.

        Raises:
            Fault: A setting is not valid, or Bulk API 2.0 does not support the SOQL.
        """
        operation = settings.choice("operation", _QUERIES)
        soql = settings.required("query")
        job_id = self._org.new_id(_JOB_PREFIX)
        work = QueryWork(
            self._org,
            soql,
            all_rows=operation == "queryAll",
            script=self._script,
            folder=self._job_folder(job_id),
        )
        sobject = work.query(version).sobject
        # After the check of the SOQL: an invalid query does not count.
        self._usage.spend(DAILY_QUERY_JOBS)
        return Job(
            id=job_id,
            type=JobType.QUERY,
            operation=operation,
            object=sobject.name,
            created_by=self._org.user_id,
            created=self._org.clock.now(),
            version=version,
            settings=settings,
            state=JobState.UPLOAD_COMPLETE,
            work=work,
        )

    def ingest_job(self, settings: JobSettings, version: str) -> Job:
        """Create an ingest job.

        Raises:
            Fault: A setting is not valid, or there is no such object or no such upsert key.
        """
        # Only a check: batches are counted when the rows are processed.
        self._usage.check(DAILY_INGEST_BATCHES)
        operation = settings.choice("operation", _LOADS)
        if operation == "hardDelete" and self._org.behaviour.has("hard_delete", "refused"):
            raise Fault("FEATURENOTENABLED", f"FeatureNotEnabled : {HARD_DELETE_REFUSED}")
        sobject = self._sobject(settings.text("object") or "")
        external_id = _upsert_key(settings, sobject) if operation == "upsert" else None
        job_id = self._org.new_id(_JOB_PREFIX)
        return Job(
            id=job_id,
            type=JobType.INGEST,
            operation=operation,
            object=sobject.name,
            created_by=self._org.user_id,
            created=self._org.clock.now(),
            version=version,
            settings=settings,
            state=JobState.OPEN,
            work=IngestWork(
                self._org,
                operation,
                script=self._script,
                usage=self._usage,
                folder=self._job_folder(job_id),
            ),
            external_id=external_id,
            assignment_rule_id=settings.text("assignmentRuleId"),
        )

    def _sobject(self, name: str) -> SObject:
        sobject = self._org.schema.sobject(name)
        if sobject is None:
            raise invalid_job(f"Unable to find object: {name}")
        return sobject

    def _job_folder(self, job_id: str) -> Path:
        folder = self._folder / job_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _upsert_key(settings: JobSettings, sobject: SObject) -> str:
    name = settings.text("externalIdFieldName") or ""
    field = sobject.field(name)
    if field is None or not field.is_key:
        raise invalid_job(no_key(sobject, name))
    # In the letter case of the request, as recorded for v47 and v61.
    return name
