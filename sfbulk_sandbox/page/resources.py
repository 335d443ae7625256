"""The page as resources: what is shown at each path, and what its buttons do."""

from __future__ import annotations

from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, quote, urlencode

from starlette.responses import RedirectResponse, Response

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.recorder import PAGE_PATH, PAGE_PREFIX
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.page import connecting
from sfbulk_sandbox.page.rendering import render
from sfbulk_sandbox.page.rows import MOST_ROWS, answer, field_lines, first_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.page.jobs import JobLine
    from sfbulk_sandbox.page.parts import Parts
    from sfbulk_sandbox.schema.schema import SObject

# Browsers are slow with tables of thousands of rows.
_MOST_ENDED = 200
_MOST_REQUESTS = 50
_MEDIA_TYPES = {
    "style.css": "text/css; charset=utf-8",
    "copy.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_CONTROL_PATH = f"{PAGE_PREFIX}/control"
_SEE_OTHER = 303

_Number = TypeVar("_Number", int, float)


class Page:
    """The page.

    Args:
        parts: What it reads, and what its buttons change.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._control = parts.control

    def resources(self) -> list[Resource]:
        """Return the page's resources."""
        shown: dict[str, Callable[[Request], Response]] = {
            PAGE_PATH: self._overview,
            f"{PAGE_PREFIX}/jobs/{{job_id}}": self._job,
            f"{PAGE_PREFIX}/objects/{{object}}": self._object,
            f"{PAGE_PREFIX}/query": self._query,
            f"{PAGE_PREFIX}/connect": self._connect,
            _CONTROL_PATH: self._control_page,
            **{f"{PAGE_PREFIX}/{name}": partial(_file, name) for name in _MEDIA_TYPES},
        }
        buttons: dict[str, Callable[[Mapping[str, str]], None]] = {
            "progress": self._set_progress,
            "release": lambda form: self._release(form.get("job")),
            "reset": lambda _form: self._control.reset(),
            "clear-faults": lambda _form: self._control.clear_faults(),
        }
        methods: dict[str, dict[str, Callable[[Request], Response]]] = {
            **{path: {"GET": show} for path, show in shown.items()},
            **{
                f"{PAGE_PREFIX}/{name}": {"POST": partial(_pressed, press)}
                for name, press in buttons.items()
            },
        }
        return [Resource(path, handlers, refuse=_refused) for path, handlers in methods.items()]

    def _render(self, template: str, **values: Any) -> Response:
        policy, amount = self._parts.progress.policy
        return render(
            template,
            org_id=self._parts.org.id,
            policy=policy,
            amount=f"{amount:g}",
            waiting=self._parts.progress.waiting(),
            **values,
        )

    def _overview(self, _request: Request) -> Response:
        lines = self._parts.job_lines()
        running = [line for line in lines if not line.ended and not line.deleted]
        ended = [line for line in lines if line.ended or line.deleted]
        counts = self._parts.org.counts()
        return self._render(
            "overview.html",
            running=running,
            ended=ended[:_MOST_ENDED],
            ended_count=len(ended),
            filled={name: count for name, count in sorted(counts.items()) if count},
            # With describes of a real org, hundreds of objects are empty: one line for all of them.
            empty=sorted(name for name, count in counts.items() if not count),
            record_count=sum(counts.values()),
            request_count=len(self._control.requests),
            limits=self._parts.limits(),
            faults=self._parts.faults(),
        )

    def _job(self, request: Request) -> Response:
        job_id = request.path["job_id"]
        line = self._parts.job_line(job_id)
        if line is None:
            raise _missing(f"There is no job {job_id}. A reset removes the jobs.")
        columns = dict.fromkeys(name for row in line.refusals for name in row.cells)
        return self._render("job.html", job=line, columns=list(columns), is_query=_is_query(line))

    def _object(self, request: Request) -> Response:
        sobject = self._sobject(request.path["object"])
        refusal = table = None
        try:
            table = first_rows(self._parts.org, sobject)
        except Fault as fault:
            refusal = fault
        return self._render(
            "object.html",
            sobject=sobject,
            fields=field_lines(sobject),
            # Activities can only be read in subqueries, and are not counted.
            count=self._parts.org.counts().get(sobject.name, 0),
            table=table,
            refusal=refusal,
            most=MOST_ROWS,
        )

    def _sobject(self, name: str) -> SObject:
        sobject = self._parts.org.schema.sobject(name)
        if sobject is None:
            raise _missing(f"There is no object {name}.")
        return sobject

    def _query(self, request: Request) -> Response:
        soql = request.query.get("q", "").strip()
        all_rows, is_bulk = "all" in request.query, "bulk" in request.query
        refusal = table = None
        try:
            if soql:
                table = answer(self._parts.org, soql, all_rows=all_rows, is_bulk=is_bulk)
        except Fault as fault:
            refusal = fault
        return self._render(
            "query.html",
            soql=soql,
            all_rows=all_rows,
            is_bulk=is_bulk,
            table=table,
            refusal=refusal,
            most=MOST_ROWS,
        )

    def _connect(self, request: Request) -> Response:
        return self._render(
            "connect.html",
            facts=connecting.facts(self._parts, request.base_url),
            example=connecting.example(self._parts.org),
        )

    def _control_page(self, _request: Request) -> Response:
        requests = self._control.requests
        last = requests[: -_MOST_REQUESTS - 1 : -1]
        return self._render(
            "control.html",
            requests=[(one, _target(one.path, one.query)) for one in last],
            request_count=len(requests),
            limits=self._parts.limits(),
            faults=self._parts.faults(),
            behaviour=self._control.behaviour,
        )

    def _set_progress(self, form: Mapping[str, str]) -> None:
        policy = form.get("policy")
        if policy == "at_once":
            self._control.jobs_at_once()
        elif policy == "hold":
            self._control.hold_jobs()
        elif policy == "after_polls":
            self._control.jobs_after_polls(_amount(form, int))
        elif policy == "after_seconds":
            self._control.jobs_after_seconds(_amount(form, float))
        else:
            raise ValueError("policy must be at_once, after_polls, after_seconds or hold")

    def _release(self, job_id: str | None) -> None:
        self._control.release_jobs(job_id)


def _amount(form: Mapping[str, str], read: Callable[[str], _Number]) -> _Number:
    try:
        return read(form.get("amount", ""))
    except ValueError:
        raise ValueError("give a whole number of polls, or a number of seconds") from None


def _is_query(line: JobLine) -> bool:
    return line.operation in ("query", "queryAll")


def _target(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _pressed(press: Callable[[Mapping[str, str]], None], request: Request) -> Response:
    """Carry out a button's form, and show the page that it is on."""
    text = request.body.decode("utf-8", "replace")
    form = {name: values[-1] for name, values in parse_qs(text).items()}
    try:
        press(form)
    except ValueError as error:
        raise Fault("SANDBOX_CONTROL", str(error)) from None
    return RedirectResponse(_back(form), _SEE_OTHER)


def _back(form: Mapping[str, str]) -> str:
    if "job" in form:
        return f"{PAGE_PREFIX}/jobs/{quote(form['job'], safe='')}"
    return _CONTROL_PATH if form.get("back") == "control" else PAGE_PATH


def _file(name: str, _request: Request) -> Response:
    content = (resources.files(__package__) / "static" / name).read_bytes()
    return Response(content, media_type=_MEDIA_TYPES[name])


def _missing(message: str) -> Fault:
    return Fault("NOT_FOUND", message, status=404)


def _refused(_request: Request, fault: Fault) -> Response:
    return render("error.html", fault.status, fault=fault)
