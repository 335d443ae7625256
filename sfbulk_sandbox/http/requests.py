"""One HTTP request as handlers see it, and resources: a path with its handlers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.bodies import REST_LIMIT, BodyLimit, parse_json, read_body
from sfbulk_sandbox.http.responses import (
    JsonResponse,
    fault_response,
    prefers_xml,
    xml_fault_response,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    from starlette.requests import Request as StarletteRequest
    from starlette.responses import Response

_WITH_DOCUMENT = frozenset({"POST", "PATCH"})
# Bulk API 2.0 accepts a job and its rows as one form.
_DOCUMENT_TYPES = frozenset({"application/json", "multipart/form-data"})
EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class Request:
    """A request without its socket, so that composite resources can make requests themselves.

    Attributes:
        method: The method.
        path: The named parts of the path.
        query: The query parameters.
        headers: The headers; names are in lower case.
        base_url: Scheme, host and port, as the client used them.
        body: The decompressed body; empty for handlers that read `stream`.
        stream: Yields the body in blocks.
    """

    method: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    base_url: str
    body: bytes = b""
    stream: Callable[[], AsyncIterator[bytes]] | None = field(default=None, repr=False)

    @property
    def version(self) -> str:
        """The API version of the path, such as "68.0"."""
        return self.path["version"]

    @property
    def base_path(self) -> str:
        """The path of this version, which the paths of its resources begin with."""
        return f"/services/data/v{self.version}"

    def document(self) -> dict[str, Any]:
        """Return the JSON object of the body.

        Raises:
            Fault: JSON_PARSER_ERROR: the body is not a JSON object.
        """
        try:
            document = parse_json(self.body)
        except ValueError as error:
            raise Fault(code="JSON_PARSER_ERROR", message=f"Malformed JSON: {error}") from None
        if not isinstance(document, dict):
            raise Fault(code="JSON_PARSER_ERROR", message="The request body must be an object")
        return document


@dataclass(frozen=True)
class Resource:
    """A path and its handlers.

    Attributes:
        path: The path, with parameters in braces.
        methods: Handlers by method. They get the whole body and run on a thread.
        admit: The check before a handler. It raises a Fault to refuse the request, and returns the
            headers of the answer.
        streaming: Handlers by method that read `request.stream` themselves.
        refuse: Turns a Fault into an answer, for APIs that do not answer with a list of errors.
        limit: How large a body may be for `methods`.
    """

    path: str
    methods: Mapping[str, Callable[[Request], Response]]
    admit: Callable[[Request], Mapping[str, str]] | None = None
    streaming: Mapping[str, Callable[[Request], Awaitable[Response]]] = field(default_factory=dict)
    refuse: Callable[[Request, Fault], Response] | None = None
    limit: BodyLimit = REST_LIMIT

    def route(self) -> Route:
        """Return the route. Paths are not case sensitive; Data Loader relies on that."""
        # Every method, so that handlers answer a wrong one, with a 405 in Salesforce's form.
        route = Route(self.path, self._answer, methods=EVERY_METHOD)
        route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
        return route

    async def _answer(self, request: StarletteRequest) -> Response:
        try:
            answer = await self._admitted(request)
        except Fault as fault:
            answer = self._refused(request, fault)
        if isinstance(answer, JsonResponse) and request.headers.get("x-prettyprint") == "1":
            answer.indent()
        return answer

    async def _admitted(self, request: StarletteRequest) -> Response:
        headers = self.admit(_request(request)) if self.admit else {}
        try:
            answer = await self._handled(request)
        except Fault as fault:
            answer = self._refused(request, fault)
        answer.headers.update(headers)
        return answer

    def _refused(self, request: StarletteRequest, fault: Fault) -> Response:
        if self.refuse:
            return self.refuse(_request(request), fault)
        return (xml_fault_response if prefers_xml(request.headers) else fault_response)(fault)

    async def _handled(self, request: StarletteRequest) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method in self.streaming:
            return await self.streaming[method](_request(request))
        handler = self.methods.get(method)
        if handler is None:
            raise not_allowed(request.method, [*self.methods, *self.streaming])
        body = await read_body(request.stream(), request.headers, self.limit)
        # On a thread, because handlers wait for SQLite and files.
        return await run_in_threadpool(handler, _request(request, body))


def routes(resources: Iterable[Resource]) -> list[Route]:
    """Return the routes of the resources, in their order."""
    return [resource.route() for resource in resources]


def _request(request: StarletteRequest, body: bytes = b"") -> Request:
    host = request.headers.get("host", "127.0.0.1")
    return Request(
        method=request.method,
        path=request.path_params,
        query=request.query_params,
        headers=request.headers,
        # Behind a proxy the client uses another host name, and it needs that name in the URLs of
        # the answer.
        base_url=f"{request.url.scheme}://{host}",
        body=body,
        stream=request.stream,
    )


def check_content_type(request: Request) -> None:
    """Refuse a document whose Content-Type is not JSON. A missing Content-Type is accepted.

    Raises:
        Fault: 415 (REST guide: Status Codes).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method in _WITH_DOCUMENT and kind and kind not in _DOCUMENT_TYPES:
        raise Fault(
            code="UNSUPPORTED_MEDIA_TYPE",
            message=f"Content type {kind} is not supported; send application/json",
            status=415,
        )


def not_allowed(method: str, allowed: Iterable[str]) -> Fault:
    """Return the fault for a method that a resource does not have."""
    names = ",".join(allowed)
    return Fault(
        code="METHOD_NOT_ALLOWED",
        message=f"HTTP Method '{method}' not allowed. Allowed are {names}",
        status=405,
    )
