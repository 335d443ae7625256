"""What the resources of query jobs and of ingest jobs have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk_sandbox.bulk2.documents import listed_job
from sfbulk_sandbox.bulk2.lists import ListedJob, list_document
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonResponse, no_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from starlette.responses import Response

    from sfbulk_sandbox.behaviour import Behaviour
    from sfbulk_sandbox.bulk2.jobs import Job, Jobs, JobState, JobType
    from sfbulk_sandbox.bulk2.settings import JobSettings
    from sfbulk_sandbox.http.requests import Request


@dataclass(frozen=True)
class JobContext:
    """The parts of the org that job resources use.

    Attributes:
        jobs: Where jobs are kept.
        new_job: Makes a job from the settings of a create request and its API version.
        bulk1_jobs: The jobs of Bulk API 1.0, which the list shows too.
        behaviour: The switches.
        admit: The check before each request.
    """

    jobs: Jobs
    new_job: Callable[[JobSettings, str], Job]
    bulk1_jobs: Callable[[], Iterable[ListedJob]]
    behaviour: Behaviour
    admit: Callable[[Request], Mapping[str, str]]


class JobResources(ABC):
    """The resources of one type of job: the list, one job, and what a subclass adds below a job.

    Attributes:
        job_type: The type.
        collection: The name below /jobs.
        deletable: The states in which a job may be deleted.
    """

    job_type: JobType
    collection: str
    deletable: frozenset[JobState]

    def __init__(self, context: JobContext) -> None:
        self.context = context
        self.jobs = context.jobs
        self.behaviour = context.behaviour

    def resources(self) -> list[Resource]:
        """Return the resources."""
        base = f"/services/data/v{{version}}/jobs/{self.collection}"
        job = base + "/{job_id}"
        one = {"GET": self.info, "PATCH": self.change, "DELETE": self.delete}
        return [
            Resource(base, {"GET": self.job_list, "POST": self.create}, self.context.admit),
            Resource(job, one, self.context.admit),
            *self.resources_below(job),
        ]

    @abstractmethod
    def resources_below(self, job: str) -> list[Resource]:
        """Return the resources below the path of a job."""

    @abstractmethod
    def create(self, request: Request) -> Response:
        """Create a job."""

    @abstractmethod
    def info(self, request: Request) -> Response:
        """Return the state of a job."""

    @abstractmethod
    def change(self, request: Request) -> Response:
        """Change the state of a job."""

    def job_list(self, request: Request) -> Response:
        """List the jobs of this type and those of Bulk API 1.0, 1,000 a page."""
        jobs = [listed_job(job) for job in self.jobs.all(self.job_type)]
        path = f"{request.base_path}/jobs/{self.collection}"
        return JsonResponse(list_document(request, path, [*jobs, *self.context.bulk1_jobs()]))

    def delete(self, request: Request) -> Response:
        """Delete a job."""
        self.jobs.delete(self.job(request), self.deletable)
        return no_content()

    def job(self, request: Request) -> Job:
        """Return the job that the path names."""
        return self.jobs.get(self.job_type, request.path["job_id"])
