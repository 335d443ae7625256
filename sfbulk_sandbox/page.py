"""The page at `/`: objects with row counts, and bulk jobs with state and progress, as in Setup.

It is plain HTML that refreshes itself every few seconds, without scripts or external resources.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Protocol

from starlette.responses import HTMLResponse

from sfbulk_sandbox.bulk2.jobs import ENDED, JobState, JobType
from sfbulk_sandbox.http.requests import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from starlette.responses import Response

    from sfbulk_sandbox.bulk2.jobs import Job, Jobs
    from sfbulk_sandbox.http.requests import Request

_REFRESH_SECONDS = 5
# Browsers are slow with tables of thousands of rows.
_MOST_ENDED = 200
_STYLE = """
:root { color-scheme: light dark; --line: #d8dde6; --soft: #f3f5f9; --mute: #5c6675;
  --good: #1b6e3c; --bad: #b3261e; --busy: #0b5cab; --wait: #77510a }
@media (prefers-color-scheme: dark) { :root { --line: #3a4250; --soft: #1d222b; --mute: #a3adbb;
  --good: #6fd398; --bad: #ff9a91; --busy: #83bdff; --wait: #e8bf6d } }
* { box-sizing: border-box }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 84rem; padding: 1.5rem }
h1 { font-size: 1.4rem; margin: 0 }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .5rem }
p { color: var(--mute); margin: .2rem 0; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left;
  vertical-align: top; overflow-wrap: anywhere }
th { background: var(--soft); font-weight: 600; white-space: nowrap }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.id, .created { font-family: ui-monospace, monospace; font-size: .85em; white-space: nowrap }
.word { white-space: nowrap }
.state { font-weight: 600; white-space: nowrap }
a { color: inherit }
.good { color: var(--good) } .bad { color: var(--bad) } .busy { color: var(--busy) }
.wait { color: var(--wait) }
.note { color: var(--mute); font-size: .9em; min-width: 7rem }
progress { width: 4.5rem; vertical-align: middle }
#objects { max-width: 28rem }
@media (max-width: 75rem) {
  .jobs thead { position: absolute; left: -999rem }
  .jobs, .jobs tbody, .jobs tr, .jobs td { display: block }
  .jobs tr { border: 1px solid var(--line); border-radius: .4rem; margin-bottom: .8rem }
  .jobs td { border: 0; padding: .15rem .6rem .15rem 8rem; text-align: left; white-space: normal;
    min-height: 1.7em; position: relative }
  .jobs td:empty { display: none }
  .jobs td::before { content: attr(data-head); color: var(--mute); position: absolute; left: .6rem;
    font: 15px/1.45 system-ui, sans-serif }
  body { padding: .8rem }
}
"""
_LOOKS = {
    JobState.JOB_COMPLETE.value: "good",
    "Closed": "good",
    JobState.FAILED.value: "bad",
    JobState.ABORTED.value: "bad",
    JobState.IN_PROGRESS.value: "busy",
}


@dataclass(frozen=True)
class JobLine:
    """One job on the page.

    Attributes:
        state: In Salesforce's words.
        ended: Whether the job has ended.
        done: The processed part, from 0 to 1; None if it is unknown.
        note: More text: an error message, the number of batches.
        created: The creation time. Lists are sorted by it, newest first.
    """

    id: str
    kind: str
    operation: str
    object: str
    state: str
    ended: bool
    done: float | None
    processed: int
    failed: int
    note: str
    created: str


class RowCounts(Protocol):
    """The part of an org that the page uses."""

    id: str

    def counts(self) -> dict[str, int]:
        """Return the number of records per object."""


class Page:
    """The page as a resource.

    Args:
        org: The org.
        job_lists: Functions that return the jobs of one API.
    """

    def __init__(self, org: RowCounts, *job_lists: Callable[[], Iterable[JobLine]]) -> None:
        self._org = org
        self._job_lists = job_lists

    def resources(self) -> list[Resource]:
        """Return the page's resource."""
        return [Resource("/", {"GET": self._show})]

    def _show(self, _request: Request) -> Response:
        lines = [line for job_list in self._job_lists for line in job_list()]
        lines.sort(key=lambda line: (line.created, line.id), reverse=True)
        running = [line for line in lines if not line.ended]
        ended = [line for line in lines if line.ended]
        counts = self._org.counts()
        return HTMLResponse(
            _document(
                f"<p>Org {escape(self._org.id)} · "
                f'<a href="#objects">{sum(counts.values()):,} records</a> · '
                f'<a href="#running">{len(running):,} jobs in progress</a> · '
                f'<a href="#ended">{len(ended):,} completed</a></p>',
                _jobs("running", "Bulk data load jobs in progress", running),
                _jobs("ended", "Completed bulk data load jobs", ended[:_MOST_ENDED]),
                _older(len(ended) - _MOST_ENDED),
                _objects(counts),
            )
        )


def bulk2_lines(jobs: Jobs) -> list[JobLine]:
    """Return the Bulk API 2.0 jobs for the page."""
    return [_bulk2_line(job) for job_type in JobType for job in jobs.all(job_type)]


def _bulk2_line(job: Job) -> JobLine:
    with job.lock:
        return JobLine(
            id=job.id,
            kind=job.type.value,
            operation=job.operation,
            object=job.object,
            state=job.state.value,
            ended=job.state in ENDED,
            done=_done(job),
            processed=job.processed,
            failed=job.failed,
            note=job.error_message or "",
            created=f"{job.created:%Y-%m-%d %H:%M:%S}",
        )


def _done(job: Job) -> float | None:
    if job.state is JobState.JOB_COMPLETE:
        return 1
    if job.total:
        return job.processed / job.total
    return None if job.state is JobState.IN_PROGRESS else 0


def _objects(counts: Mapping[str, int]) -> str:
    filled = sorted((name, count) for name, count in counts.items() if count)
    rows = [
        f'<tr><td>{escape(name)}</td><td class="number">{count:,}</td></tr>'
        for name, count in filled
    ]
    # With describes of a real org, hundreds of objects are empty: one line for all of them.
    empty = sorted(name for name, count in counts.items() if not count)
    names = ", ".join(f"<span>{escape(name)}</span>" for name in empty)
    return (
        "<h2>Objects</h2>\n"
        + _table("objects", "", ("Object", "Records"), rows)
        + f'\n<p id="empty">Without records: {names or "none"}</p>'
    )


def _jobs(name: str, title: str, lines: Sequence[JobLine]) -> str:
    if not lines:
        return f'<h2>{title}</h2>\n<p id="{name}">None</p>'
    rows = [_job_row(line) for line in lines]
    return f"<h2>{title}</h2>\n" + _table(name, "jobs", _HEADS, rows)


_HEADS = (
    "Job ID",
    "Created (UTC)",
    "Type",
    "Operation",
    "Object",
    "State",
    "Progress",
    "Records",
    "Failed",
    "Note",
)


def _job_row(line: JobLine) -> str:
    cells = (
        ("id", escape(line.id)),
        ("created", escape(line.created)),
        ("word", escape(line.kind)),
        ("word", escape(line.operation)),
        ("", escape(line.object)),
        (f"state {_LOOKS.get(line.state, 'wait')}", escape(line.state)),
        ("word", _bar(line)),
        ("number", f"{line.processed:,}"),
        ("number", f"{line.failed:,}"),
        ("note", escape(line.note)),
    )
    return (
        "<tr>"
        + "".join(
            f'<td class="{look}" data-head="{head}">{text}</td>'
            for head, (look, text) in zip(_HEADS, cells, strict=True)
        )
        + "</tr>"
    )


def _bar(line: JobLine) -> str:
    if line.done is None:
        return '<progress aria-label="progress"></progress>'
    percent = f"{line.done:.0%}"
    bar = f'<progress aria-label="progress" value="{line.done:.3f}"></progress>'
    return f"{bar} {percent}"


def _older(count: int) -> str:
    return f"<p>and {count:,} older ones</p>" if count > 0 else ""


def _table(name: str, look: str, heads: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(
        f'<th class="number">{escape(text)}</th>'
        if text in ("Records", "Failed")
        else f"<th>{escape(text)}</th>"
        for text in heads
    )
    body = "\n".join(rows)
    return (
        f'<table id="{name}" class="{look}">\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
    )


def _document(*parts: str) -> str:
    body = "\n".join(parts)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{_REFRESH_SECONDS}">
<title>sfbulk-sandbox</title><style>{_STYLE}</style></head>
<body><h1>sfbulk-sandbox</h1>
{body}
</body></html>
"""
