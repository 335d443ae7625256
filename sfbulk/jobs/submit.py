"""Brings the rows of one file into a job of their own, once, and closes it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sfbulk.errors import UploadUnknown
from sfbulk.jobs.job import aborting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sfbulk.jobs.ingest2 import IngestJob

JOBS_FOR_ONE_UPLOAD = 3
"""Jobs begun for one file when each time it cannot be told whether the data arrived, and once."""


def submit(
    begin: Callable[[], IngestJob], file: Path, closing: Callable[[IngestJob], None]
) -> IngestJob:
    """API call: a closed job that has the rows of `file`, once.

    A job of which that cannot be told is aborted and another is begun with the same rows: as
    it was never closed, it has loaded nothing.

    Args:
        begin: creates a job.
        file: the CSV.
        closing: is told of a job before it is closed: from then on it may have loaded rows, unless
            `UploadUnknown` is raised.

    Raises:
        UploadUnknown: no job can be told to have the rows; none of them has loaded any.
        ApiError: Salesforce refuses.
        JobAborted: somebody ended the job before it was closed.
        TransportError: no answer.
    """
    for _ in range(JOBS_FOR_ONE_UPLOAD - 1):
        with suppress(UploadUnknown):
            return _one_job(begin, file, closing)
    try:
        return _one_job(begin, file, closing)
    except UploadUnknown as error:
        raise UploadUnknown(
            f"{error.message} It was the last of {JOBS_FOR_ONE_UPLOAD} jobs begun for the same "
            "rows; all of them were aborted, so none of these rows is loaded. Something between "
            "here and Salesforce loses answers: load them again when the connection is better.",
            ambiguous=True,
            job_id=error.job_id,
        ) from error


def _one_job(
    begin: Callable[[], IngestJob], file: Path, closing: Callable[[IngestJob], None]
) -> IngestJob:
    job = begin()
    with aborting(job):
        job.upload(file)
        closing(job)
        job.close()
    return job
