"""The app: creates the parts of one org and their resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from sfbulk_sandbox.bulk1.app_part import Bulk1
from sfbulk_sandbox.bulk2.ingest import IngestJobResources
from sfbulk_sandbox.bulk2.job_resources import JobContext
from sfbulk_sandbox.bulk2.jobs import Jobs
from sfbulk_sandbox.bulk2.new_job import NewJobs
from sfbulk_sandbox.bulk2.query import QueryJobResources
from sfbulk_sandbox.control.resources import ControlResources
from sfbulk_sandbox.control.verbs import Control
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.faults.fault_script import Script
from sfbulk_sandbox.faults.kinds import ExpiredSession, UsedUp
from sfbulk_sandbox.faults.progress import Progress
from sfbulk_sandbox.http.local import OnlyLocal
from sfbulk_sandbox.http.recorder import Latency, Recorder
from sfbulk_sandbox.http.request_line import RequestLine
from sfbulk_sandbox.http.requests import EVERY_METHOD, Resource, check_content_type, routes
from sfbulk_sandbox.http.responses import fault_response
from sfbulk_sandbox.limits import DAILY_API_REQUESTS, Paging, Usage
from sfbulk_sandbox.org.long_transaction import LongTransaction
from sfbulk_sandbox.page.parts import Parts
from sfbulk_sandbox.page.resources import Page
from sfbulk_sandbox.rest.changes import ChangeResources
from sfbulk_sandbox.rest.collections import CollectionResources
from sfbulk_sandbox.rest.composite import CompositeResources, Subrequests
from sfbulk_sandbox.rest.query import Cursors, QueryResources
from sfbulk_sandbox.rest.records import RestResources
from sfbulk_sandbox.rest.unserved import UnservedResources
from sfbulk_sandbox.schema.ids import IdSource
from sfbulk_sandbox.sign_in.auth import NEWEST_VERSION, Auth, bearer, check_version, not_found
from sfbulk_sandbox.sign_in.identity import IdentityResources, identity_url
from sfbulk_sandbox.sign_in.sessions import SignInState
from sfbulk_sandbox.sign_in.soap_login import SoapLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from starlette.datastructures import Headers
    from starlette.requests import Request as StarletteRequest
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from sfbulk_sandbox.clock import Clock
    from sfbulk_sandbox.faults.kinds import RequestFault
    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.http.server import Connections
    from sfbulk_sandbox.open_org import OpenedOrg
    from sfbulk_sandbox.org.org import Org

_GZIP_FROM_BYTES = 500
# On the loopback address speed matters more than size.
_GZIP_LEVEL = 1


class AppPart(Protocol):
    """A part of the app: resources that belong together."""

    def resources(self) -> list[Resource]:
        """Return the resources."""


class App:
    """One org behind HTTP.

    Args:
        opened: The rows and the schema, and what decides ids, credentials and tokens.
        clock: The server's time.
        folder: The folder of the files of jobs and cursors.
        reload: Puts the org's rows back to their state at the start.

    Attributes:
        control: The control plane.
        sign_in: Credentials, sessions and tokens.
        access_token: The token of a session that is valid from the start.
    """

    def __init__(
        self, opened: OpenedOrg, *, clock: Clock, folder: Path, reload: Callable[[], None]
    ) -> None:
        org, seed = opened.org, opened.seed
        self._reload = reload
        self._clock = clock
        self._script = Script()
        self._usage = Usage()
        self._progress = Progress(clock)
        self._latency = Latency()
        self._paging = Paging()
        self._jobs = Jobs(clock, self._progress)
        self._cursors = Cursors(IdSource(seed), folder)
        self._new_jobs = NewJobs(
            org,
            script=self._script,
            usage=self._usage,
            folder=folder,
        )
        self._org = org
        self._transaction = LongTransaction(org)
        org.row_faults = self._script
        self.sign_in = SignInState.of_org(org.id, _username(org), key=opened.key, clock=clock)
        self.access_token = self.sign_in.sessions.open()
        self._auth = Auth(self.sign_in, org)
        self._bulk1 = Bulk1(
            org,
            script=self._script,
            usage=self._usage,
            progress=self._progress,
            paging=self._paging,
            folder=folder,
            is_live=self.sign_in.sessions.is_live,
        )
        self.control = Control(
            script=self._script,
            sign_in=self.sign_in,
            usage=self._usage,
            progress=self._progress,
            paging=self._paging,
            latency=self._latency,
            behaviour=org.behaviour,
            transaction=self._transaction,
            seed=org.load,
            reset=self.reset,
        )

    def asgi(self, connections: Connections, names: Collection[str] = ()) -> ASGIApp:
        """Return the ASGI app.

        Args:
            connections: The open connections, which faults close or write to.
            names: The sandbox's host names besides those of the loopback address.
        """
        starlette = Starlette(
            routes=routes(self.resources()),
            middleware=[
                Middleware(GZipMiddleware, minimum_size=_GZIP_FROM_BYTES, compresslevel=_GZIP_LEVEL)
            ],
            exception_handlers={404: _unknown_path, 500: _own_failure},
        )
        # The Recorder has already removed slashes at the end, so no redirect is needed.
        starlette.router.redirect_slashes = False
        recorder = Recorder(
            RequestLine(starlette),
            script=self._script,
            record=self.control.record,
            clock=self._clock,
            connections=connections,
            latency=self._latency,
            progress=self._progress,
            apply_fault=self._apply_fault,
        )
        return OnlyLocal(recorder, names)

    def reset(self) -> None:
        """Put rows, jobs and sessions back to their state at the start."""
        self._jobs.clear()
        self._bulk1.clear()
        self._cursors.clear()
        self._usage.reset()
        self._transaction.drop()
        self._latency.reset()
        self.sign_in.reset()
        self._reload()

    def close(self) -> None:
        """Remove the jobs and stop their worker."""
        self._jobs.clear()
        self._bulk1.clear()
        self._progress.close()
        self._transaction.drop()
        self._cursors.clear()

    def resources(self) -> list[Resource]:
        """Return every resource of the app. The first that matches a path is used."""
        admit = self._admit
        parts: tuple[AppPart, ...] = (
            self._auth,
            IdentityResources(self._org, self.sign_in, newest=NEWEST_VERSION, token_of=bearer),
            SoapLogin(self.sign_in, self._org),
            ControlResources(self.control),
            self._page(),
            *self._rest(),
            *self._bulk2(),
            self._bulk1,
        )
        resources = [resource for part in parts for resource in part.resources()]
        # An unknown path below a version is a 404 only for a valid session, else a 401.
        unknown = dict.fromkeys(EVERY_METHOD, _unknown_resource)
        return [*resources, Resource("/services/data/v{version}/{rest:path}", unknown, admit)]

    def _page(self) -> Page:
        return Page(
            Parts(
                org=self._org,
                control=self.control,
                progress=self._progress,
                usage=self._usage,
                sign_in=self.sign_in,
                access_token=self.access_token,
                jobs=self._jobs,
                bulk1_jobs=self._bulk1.all,
            )
        )

    def _rest(self) -> list[AppPart]:
        admit = self._admit
        parts: list[AppPart] = [
            QueryResources(self._org, self._cursors, admit=admit),
            CollectionResources(self._org, admit=admit),
            ChangeResources(self._org, transaction=self._transaction, admit=admit),
            # Before RestResources, whose record paths match these paths too.
            UnservedResources(admit=admit),
            RestResources(
                self._org,
                usage=self._usage,
                identity_url=lambda base_url: identity_url(self._org, base_url),
                admit=admit,
            ),
        ]
        subrequests = Subrequests([resource for part in parts for resource in part.resources()])
        return [
            CompositeResources(
                self._org,
                subrequests,
                count=lambda requests: self._usage.count(DAILY_API_REQUESTS, requests),
                admit=admit,
            ),
            *parts,
        ]

    def _bulk2(self) -> list[AppPart]:
        jobs, behaviour, admit = self._jobs, self._org.behaviour, self._admit
        new_query, queries = self._new_jobs.query_job, self._bulk1.listed_queries
        new_load, loads = self._new_jobs.ingest_job, self._bulk1.listed_loads
        return [
            QueryJobResources(JobContext(jobs, new_query, queries, behaviour, admit), self._paging),
            IngestJobResources(JobContext(jobs, new_load, loads, behaviour, admit)),
        ]

    def _apply_fault(self, fault: RequestFault, headers: Headers) -> None:
        if isinstance(fault, ExpiredSession):
            _, _, token = headers.get("authorization", "").partition(" ")
            for session_id in (token.strip(), headers.get("x-sfdc-session", "")):
                self.sign_in.sessions.end(session_id)
        elif isinstance(fault, UsedUp):
            self._usage.leave(fault.limit, fault.remaining)

    def _admit(self, request: Request) -> Mapping[str, str]:
        check_version(request.version)
        self._auth.check_session(request)
        check_content_type(request)
        self._usage.spend(DAILY_API_REQUESTS)
        return {"Sforce-Limit-Info": self._usage.header()}


def _username(org: Org) -> str:
    if org.schema.sobject("User") is None:
        return "admin@sandbox.example"
    return str(org.record("User", org.user_id, ["Username"])["Username"])


def _unknown_resource(_request: Request) -> Response:
    raise not_found()


def _unknown_path(_request: StarletteRequest, _error: Exception) -> Response:
    return fault_response(not_found())


def _own_failure(_request: StarletteRequest, _error: Exception) -> Response:
    # uvicorn logs the exception.
    return fault_response(
        Fault(
            code="UNKNOWN_EXCEPTION",
            message="internal error of the sandbox, see its log",
            status=500,
        )
    )
