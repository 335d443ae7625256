"""Sends one HTTP request once: pooling, timeouts and streaming; no token renewal, no retries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import requests
from requests.auth import AuthBase

from sfbulk.errors import TransportError
from sfbulk.http.body import head, unpacked
from sfbulk.http.bounds import DATA, DOCUMENT, BoundedAdapter, Bounds, Meter, metered
from sfbulk.http.connecting import unusable_proxy
from sfbulk.http.mapping import (
    READING_ERRORS,
    api_error,
    bundle_error,
    not_connected,
    transport_error,
)
from sfbulk.http.unusable import unusable
from sfbulk.http.urls import is_loopback
from sfbulk.safe import keep_secret, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk.clock import Clock

# Not shorter, since this timeout also applies while a large body is sent.
CONNECT_TIMEOUT_SECONDS = 30.0

READ_TIMEOUT_SECONDS = 120.0
"""After so long without a byte, a request counts as lost. Salesforce stops SOQL after two
minutes."""

DATA_READ_TIMEOUT_SECONDS = 300.0
"""The same for data: Salesforce prepares a page, or checks an upload, before it answers."""

# A run has many jobs in flight; each is followed by a thread of its own.
_POOL_SIZE = 64
_JSON = "application/json"
# A DNS name has no more.
_MOST_OF_A_HOST = 253
# The answer of a gateway, an outage, or a change of the API.
_FIRST_REDIRECT, _FIRST_ERROR = 300, 400

ERROR_BODY_BYTES = 64 * 1024
"""Of a longer body of an error, only the beginning is read."""

Sink = Callable[[Iterator[bytes]], None]
"""Called with the chunks of a body; each call starts with the first chunk."""


@dataclass(frozen=True)
class Request:
    """One request to the org. It can be sent again, since its body can be read again."""

    method: str
    path: str
    """The path, starting with `/services/`."""
    purpose: str
    """What it is for, naming the job or object: error texts begin with it."""
    params: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    body: Path | bytes | None = field(default=None, repr=False)
    """Data to upload."""
    content_type: str = "text/csv"
    """The content type of `body`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers; never a token."""
    answers: tuple[int, ...] = ()
    """Error statuses that are an answer, not an error: SOAP faults have the status 500."""
    bulk1: bool = False
    """Whether it is for Bulk API 1.0, which has another header for the token. The content type of
    the job, not `Accept`, decides the form of its answers."""
    any_content: bool = False
    """Whether the answer is the content of a file, which may be a web page."""
    job_id: str | None = None
    repeatable: bool | None = None
    """Whether sending it twice has the same effect as once; None: the method decides."""
    attempts: int | None = None
    """How often it is sent at most; None: the usual number."""
    read_timeout: float = READ_TIMEOUT_SECONDS
    bounds: Bounds | None = None
    """How much of its answer is read; None: as of a document, or of data if a sink takes it."""


@dataclass(frozen=True)
class Reply:
    """A successful answer; `content` is empty if a sink was called with the body."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(default=b"", repr=False)


class Wire:
    """A pool of connections; safe for use by several threads at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        for url in getproxies().values():
            keep_secret(_password(url))
        self._session = _Session()
        adapter = BoundedAdapter(pool_maxsize=_POOL_SIZE, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.headers.update(
            {
                "User-Agent": f"sfbulk/{version('sfbulk')}",
                "Accept-Encoding": "gzip",
            }
        )
        # Salesforce's cookies are for browsers; one of an old session could disturb a new one.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    def send(
        self, origin: str, request: Request, token: str | None, sink: Sink | None = None
    ) -> Reply:
        """API call: send `request` to `origin` once.

        Args:
            origin: scheme and host; the token is sent nowhere else.
            request: what to send.
            token: the access token, or None for a sign-in.
            sink: called with the body of a success; without it the body is kept in memory.

        Raises:
            TransportError: no usable answer.
            ApiError: the answer has an error status.
        """
        host = urlsplit(origin).hostname or origin
        meter = Meter(request.bounds or (DATA if sink else DOCUMENT), self._clock)
        with _mapped(request, host), metered(meter):
            response = self._start(origin, request, token, accept=_accept(request, sink))
        try:
            return _read(request, host, response, meter, sink)
        finally:
            response.close()

    def _start(
        self, origin: str, request: Request, token: str | None, *, accept: str
    ) -> requests.Response:
        host = urlsplit(origin).hostname or origin
        is_local = is_loopback(host)
        if not is_local and (bad_proxy := unusable_proxy(origin)):
            raise not_connected(bad_proxy, request.purpose, host)
        with _opened(request.body) as body:
            return self._session.request(
                request.method,
                origin + request.path,
                params=dict(request.params),
                headers={"Accept": accept, **_content_type(request), **request.headers},
                data=_encoded(request) if body is None else body,
                auth=_Token(token, bulk1=request.bulk1),
                timeout=(CONNECT_TIMEOUT_SECONDS, request.read_timeout),
                # A redirect would send the token or the data to another host.
                allow_redirects=False,
                # A proxy of the environment cannot reach this machine's loopback address.
                proxies={"no_proxy": host} if is_local else None,
                stream=True,
            )


def _password(url: str) -> str:
    """The password in the URL of a proxy, valid or not; empty without a password."""
    user = (url.partition("://")[2] or url).rpartition("@")[0]
    return unquote(user.partition(":")[2])


class _Session(requests.Session):
    """Follows no redirect, and so does not try to understand where one leads."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere."""


class _Token(AuthBase):
    """Adds the token to a request. Without an auth object, `requests` would use a .netrc file."""

    def __init__(self, token: str | None, *, bulk1: bool) -> None:
        self._token = token
        self._bulk1 = bulk1

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None and self._bulk1:
            request.headers["X-SFDC-Session"] = self._token
        elif self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@contextmanager
def _mapped(request: Request, host: str) -> Iterator[None]:
    try:
        yield
    except READING_ERRORS as error:
        mapped = transport_error(error, request.purpose, host)
        mapped.job_id = request.job_id
        # The exception for an invalid request may quote a header, and so the token.
        raise mapped from None if mapped.permanent else error
    except OSError as error:
        no_bundle = bundle_error(error, request.purpose, host)
        if no_bundle is None:
            raise
        raise no_bundle from None


@contextmanager
def _opened(body: Path | bytes | None) -> Iterator[IO[bytes] | bytes | None]:
    # An open file is streamed with its Content-Length; each attempt opens it again, so it is read
    # from the beginning.
    if isinstance(body, Path):
        with body.open("rb") as file:
            yield file
    else:
        yield body


def _accept(request: Request, sink: Sink | None) -> str:
    if request.bulk1:
        return "*/*"
    return "text/csv" if sink else _JSON


def _content_type(request: Request) -> dict[str, str]:
    if request.body is not None:
        return {"Content-Type": request.content_type}
    if request.json is not None:
        return {"Content-Type": "application/json; charset=UTF-8"}
    return {}


def _encoded(request: Request) -> bytes | dict[str, str] | None:
    if request.json is not None:
        return json.dumps(request.json).encode()
    return dict(request.form) if request.form is not None else None


def _read(
    request: Request, host: str, response: requests.Response, meter: Meter, sink: Sink | None
) -> Reply:
    # 304 is not a redirect: the caller's cached document is still valid.
    is_redirect = _FIRST_REDIRECT <= response.status_code < _FIRST_ERROR
    if is_redirect and response.status_code != HTTPStatus.NOT_MODIFIED:
        raise _redirected(request, host, response)
    chunks = _mapped_chunks(request, host, unpacked(response, meter))
    if not response.ok and response.status_code not in request.answers:
        body = head(chunks, ERROR_BODY_BYTES)
        error = api_error(request.purpose, response.status_code, response.headers, body)
        error.job_id = request.job_id
        raise error
    # A maintenance page may have the status 200, for any kind of request.
    media_type = response.headers.get("Content-Type", "").lower()
    if not request.any_content and "html" in media_type:
        raise unusable(request, response.status_code, "a web page instead of an answer")
    if sink is None:
        return Reply(response.status_code, response.headers, b"".join(chunks))
    sink(chunks)
    return Reply(response.status_code, response.headers)


def _mapped_chunks(request: Request, host: str, source: Iterator[bytes]) -> Iterator[bytes]:
    # Only reading is mapped: an error while the sink writes to disk is not a network error.
    while True:
        with _mapped(request, host):
            chunk = next(source, None)
        if chunk is None:
            return
        yield chunk


def _redirected(request: Request, host: str, response: requests.Response) -> TransportError:
    try:
        location = urlsplit(response.headers.get("Location", "")).hostname
    except ValueError:
        location = None
    target = quoted(location, _MOST_OF_A_HOST) if location else "another address"
    return TransportError(
        f"{request.purpose}: {host} redirects to {target}, which is not followed. Set "
        "instance_url or login_url to the org's own My Domain.",
        ambiguous=False,
        permanent=True,
        status=response.status_code,
        job_id=request.job_id,
    )
