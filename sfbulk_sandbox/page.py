"""The page at `/`: objects with row counts and bulk jobs with state and progress, as Setup has.

Plain HTML that asks for itself again every few seconds; no scripts.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Protocol

from starlette.responses import HTMLResponse

from sfbulk_sandbox.calls import Resource
from sfbulk_sandbox.jobs import JobType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from starlette.responses import Response

    from sfbulk_sandbox.calls import Call
    from sfbulk_sandbox.jobs import Job, Jobs

_REFRESH_SECONDS = 5
_STYLE = """
body { font-family: sans-serif; margin: 2em; color: #222 }
table { border-collapse: collapse; margin-bottom: 2em }
th, td { border: 1px solid #ccc; padding: .3em .8em; text-align: left }
td.number { text-align: right }
caption { font-weight: bold; text-align: left; padding: .3em 0 }
"""


@dataclass(frozen=True)
class JobLine:
    """One job as the page shows it; `created` sorts the list, newest first."""

    id: str
    kind: str
    operation: str
    object: str
    state: str
    progress: str
    created: str


class Counted(Protocol):
    """What knows how many records there are."""

    def counts(self) -> dict[str, int]:
        """Return records per object."""


class Page:
    """The page as a resource.

    Args:
        org: The records.
        job_lists: Each returns the jobs of one API.
    """

    def __init__(self, org: Counted, *job_lists: Callable[[], Iterable[JobLine]]) -> None:
        self._org = org
        self._job_lists = job_lists

    def resources(self) -> list[Resource]:
        """Return the page's resource."""
        return [Resource("/", {"GET": self._show})]

    def _show(self, _call: Call) -> Response:
        lines = [line for job_list in self._job_lists for line in job_list()]
        lines.sort(key=lambda line: line.created, reverse=True)
        return HTMLResponse(_document(_objects(self._org.counts()), _jobs(lines)))


def bulk2_lines(jobs: Jobs) -> list[JobLine]:
    """Return the Bulk API 2.0 jobs as the page shows them."""
    return [_bulk2_line(job) for job_type in JobType for job in jobs.all(job_type)]


def _bulk2_line(job: Job) -> JobLine:
    return JobLine(
        id=job.id,
        kind=job.type.value,
        operation=job.operation,
        object=job.object,
        state=job.state.value,
        progress=progress_text(job.processed, job.failed),
        created=f"{job.created:%Y-%m-%d %H:%M:%S}",
    )


def progress_text(processed: int, failed: int) -> str:
    """Say how far a job is: records tried, and those of them that were refused."""
    return f"{processed:,} records processed, {failed:,} failed"


def _objects(counts: Mapping[str, int]) -> str:
    # Objects with rows first: an org of a real describe has hundreds that are empty.
    ordered = sorted(counts.items(), key=lambda item: (item[1] == 0, item[0]))
    rows = "\n".join(
        f'<tr><td>{escape(name)}</td><td class="number">{count:,}</td></tr>'
        for name, count in ordered
    )
    return _table("objects", "Objects", ("Object", "Records"), rows)


def _jobs(lines: Iterable[JobLine]) -> str:
    rows = "\n".join(_job_row(line) for line in lines)
    heads = ("Job", "Type", "Operation", "Object", "State", "Progress", "Created (UTC)")
    return _table("jobs", "Bulk data load jobs", heads, rows)


def _job_row(line: JobLine) -> str:
    cells = (
        line.id,
        line.kind,
        line.operation,
        line.object,
        line.state,
        line.progress,
        line.created,
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _table(name: str, caption: str, heads: Iterable[str], rows: str) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return (
        f'<table id="{name}"><caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    )


def _document(*tables: str) -> str:
    body = "\n".join(tables)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="refresh" content="{_REFRESH_SECONDS}">
<title>sfbulk-sandbox</title><style>{_STYLE}</style></head>
<body><h1>sfbulk-sandbox</h1>
{body}
</body></html>
"""
