"""`sfbulk jobs`: lists, shows, aborts and deletes jobs of both bulk APIs."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from typing import TYPE_CHECKING, Any

from sfbulk.cli.session import LOGGER
from sfbulk.errors import DataError

if TYPE_CHECKING:
    from sfbulk.bulk1.job import Bulk1Job
    from sfbulk.bulk2.ingest import IngestJob
    from sfbulk.bulk2.query import QueryJob
    from sfbulk.cli.session import Session


def list_jobs(session: Session, *, mine: bool) -> None:
    """API calls: list the jobs of the org.

    Raises:
        DataError: it is not known which are those of the user.
    """
    with session.org() as org:
        found = org.jobs()
        # The list has no filter for it.
        if mine:
            user = org.user()
            if user is None:
                raise DataError("Salesforce does not say who is signed in: leave out --mine.")
            found = [job for job in found if job.created_by_id == user.id]
    if session.output.as_json:
        session.output.document([asdict(job) for job in found])
        return
    columns = ("Job", "API", "Operation", "Object", "State", "Created", "By")
    session.output.table("Jobs", columns, [tuple(asdict(job).values()) for job in found])


def show_job(session: Session, job_id: str) -> None:
    """API calls: show a job."""
    with session.org() as org:
        job = org.open_job(job_id)
        document = _document(job)
        batches = [_plain(asdict(batch)) for batch in _batches(job)]
    if session.output.as_json:
        more = {"batches": batches} if document["api"] == "BULK" else {}
        session.output.document(document | more)
        return
    session.output.facts(f"Job {job.id}", document.items())
    if batches:
        columns = ("id", "state", "number_records_processed", "number_records_failed")
        rows = [(*(one[name] for name in columns), one["state_message"]) for one in batches]
        heads = ("Batch", "State", "Processed", "Failed", "Message")
        session.output.table("Batches", heads, rows)


def abort_job(session: Session, job_id: str) -> None:
    """API calls: abort a job."""
    with session.org() as org:
        job = org.open_job(job_id)
        job.abort()
        LOGGER.info("Job %s on %s is aborted.", job.id, job.object_name)
        if session.output.as_json:
            session.output.document(_document(job))


def delete_job(session: Session, job_id: str) -> None:
    """API calls: delete an ended job and its results.

    Raises:
        DataError: a job of Bulk API 1.0, which cannot be deleted.
    """
    with session.org() as org:
        job = org.open_job(job_id)
        if _api(job) == "BULK":
            raise DataError(
                f"Job {job.id} is one of Bulk API 1.0, whose jobs cannot be deleted: Salesforce "
                "removes them after seven days. Abort it if it still runs.",
                job_id=job.id,
            )
        job.delete()  # type: ignore[union-attr] # jobs of Bulk API 1.0 are refused above
        LOGGER.info("Job %s on %s is deleted.", job.id, job.object_name)
        if session.output.as_json:
            session.output.document({"id": job.id, "deleted": True})


def _api(job: QueryJob | IngestJob | Bulk1Job) -> str:
    return "BULK" if hasattr(job, "batches") else "BULK2"


def _batches(job: Any) -> list[Any]:
    return job.batches() if _api(job) == "BULK" else []


def _document(job: QueryJob | IngestJob | Bulk1Job) -> dict[str, Any]:
    known = _plain(asdict(job.info))
    return {"id": known.pop("id"), "api": _api(job), **known}


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """A document with the words of states instead of our names for them."""
    return {
        name: value.value if isinstance(value, Enum) else value for name, value in document.items()
    }
