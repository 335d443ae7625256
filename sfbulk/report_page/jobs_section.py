"""The part of the page about the jobs of a run, with the time that each took."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sfbulk.report_page.html import span, table, text
from sfbulk.report_page.words import counted, duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk.report_page.jobs import Jobs, PageJob

_HEADS = (
    ("Job", "name"),
    ("State", "state"),
    ("Rows", "number"),
    ("In", "number"),
    ("Not in", "number"),
    ("Created", "time"),
    ("Took", "number"),
    ("Processing", "number"),
    ("", "chart"),
)


class _Axis(NamedTuple):
    """The time that the bars of all jobs lie in, in seconds."""

    begin: float
    length: float


def jobs_section(jobs: Jobs) -> str:
    """The section; empty if no job was read."""
    listed = jobs.listed()
    if not listed:
        return ""
    axis = _axis(listed)
    rows = (_cells(job, axis) for job in listed)
    note = (
        "" if axis is None else f"The bars show when each job ran, within {duration(axis.length)}."
    )
    note += " Rows that are not in were refused, or sent again in a later job."
    if jobs.left_out:
        note += f" {counted(jobs.left_out, 'more job')} or batches are not shown."
    return f"<section><h2>Jobs</h2>\n{table('jobs', _HEADS, rows, note.strip())}</section>\n"


def _axis(jobs: Sequence[PageJob]) -> _Axis | None:
    times = [time.timestamp() for job in jobs for time in (job.created, job.ended) if time]
    # Salesforce may give whole seconds: then bars of a short run would say nothing.
    return _Axis(min(times), max(times) - min(times)) if len(set(times)) > 1 else None


def _cells(job: PageJob, axis: _Axis | None) -> list[str]:
    batches = f", {job.batches:,} batches"
    about = f"{text(job.operation)}, <bdi>{text(job.stream)}</bdi>" + batches * (job.batches > 1)
    missing = job.rows - job.succeeded
    state = text(job.state) if job.has_completed else f'<b class="refused">{text(job.state)}</b>'
    return [
        f'<span class="id">{text(job.job_id)}</span><span class="sub">{about}</span>',
        state,
        f"{job.rows:,}",
        f"{job.succeeded:,}",
        f'<b class="refused">{missing:,}</b>' if missing else "0",
        f"{job.created:%Y-%m-%d %H:%M:%S}" if job.created else "",
        _took(job.seconds),
        duration(job.processing_ms / 1000) if job.processing_ms else "",
        _bar(job, axis),
    ]


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return duration(seconds) if seconds else "under 1 s"


def _bar(job: PageJob, axis: _Axis | None) -> str:
    if axis is None or job.created is None or job.ended is None:
        return ""
    begin = (job.created.timestamp() - axis.begin) / axis.length
    end = max((job.ended.timestamp() - axis.begin) / axis.length, begin)
    label = f"Began {duration(begin * axis.length)} after the first job, {_took(job.seconds)}"
    # Single rows that are not in are no failure of the job.
    look = "in" if job.is_good else "left" if job.has_completed else "refused"
    return span(begin, end, label, look)
