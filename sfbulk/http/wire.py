"""Sends one HTTP request once: pooling, timeouts, streaming, nothing about tokens or retries."""

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
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from sfbulk.errors import TransportError
from sfbulk.http.gunzip import DamagedGzipError, gunzip
from sfbulk.http.mapping import HTTP_LIBRARY_ERRORS, api_error, transport_error
from sfbulk.http.urls import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

# Sending a large body also runs under the connect timeout, hence not shorter.
CONNECT_TIMEOUT_SECONDS = 30.0

READ_TIMEOUT_SECONDS = 120.0
"""Silence after which a request counts as lost; SOQL is given two minutes to run."""

DATA_READ_TIMEOUT_SECONDS = 300.0
"""The same for CSV: the service prepares a page or checks an upload before it answers."""

_POOL_SIZE = 16
_JSON = "application/json"
_FIRST_REDIRECT, _FIRST_ERROR = 300, 400
_CHUNK_BYTES = 256 * 1024
# An error page is read no further than this.
_ERROR_BODY_BYTES = 64 * 1024

Sink = Callable[[Iterator[bytes]], None]
"""Takes the chunks of a body, from its beginning at each call."""


@dataclass(frozen=True)
class Request:
    """One request to the org; it can be sent again, since its body can be read again."""

    method: str
    path: str
    """From the host's root, `/services/data/…`."""
    purpose: str
    """What it is for, with the job or object it concerns: the beginning of error texts."""
    params: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    body: Path | bytes | None = field(default=None, repr=False)
    """Data to upload."""
    content_type: str = "text/csv"
    """That of `body`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What else to send; never a token."""
    answers: tuple[int, ...] = ()
    """Error statuses that come with an answer all the same, as SOAP's faults do with 500."""
    bulk1: bool = False
    """Whether it is one of Bulk API 1.0, which has a token header of its own and decides by the
    job in which form it answers."""
    job_id: str | None = None
    repeatable: bool | None = None
    """Whether sending it twice does no more than once; None: the method decides."""
    attempts: int | None = None
    """How often it is sent at most; None: as often as any other."""
    read_timeout: float = READ_TIMEOUT_SECONDS


@dataclass(frozen=True)
class Reply:
    """A successful answer; `content` is empty when a sink took the body."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(default=b"", repr=False)


class Wire:
    """A pool of connections; safe for use by several threads at once."""

    def __init__(self) -> None:
        self._session = requests.Session()
        adapter = HTTPAdapter(pool_maxsize=_POOL_SIZE, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.headers.update(
            {
                "User-Agent": f"sfbulk/{version('sfbulk')}",
                "Accept-Encoding": "gzip",
            }
        )
        # Salesforce's cookies are for browsers; a stale one would only confuse a new session.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    def send(
        self, origin: str, request: Request, token: str | None, sink: Sink | None = None
    ) -> Reply:
        """API call: send `request` to `origin` once.

        Args:
            origin: scheme and host, to which alone the token goes.
            request: what to send.
            token: the access token, or None for the token endpoint.
            sink: takes the body of a success; without it the body is kept in memory.

        Raises:
            TransportError: no usable answer.
            ApiError: an answer with an error status.
        """
        host = urlsplit(origin).hostname or origin
        with _mapped(request, host):
            response = self._start(origin, request, token, accept=_accept(request, sink))
        try:
            return _read(request, host, response, sink)
        finally:
            response.close()

    def _start(
        self, origin: str, request: Request, token: str | None, *, accept: str
    ) -> requests.Response:
        host = urlsplit(origin).hostname or origin
        with _opened(request.body) as body:
            return self._session.request(
                request.method,
                origin + request.path,
                params=dict(request.params),
                headers={"Accept": accept, **_content_type(request), **request.headers},
                data=_encoded(request) if body is None else body,
                auth=_Token(token, classic=request.bulk1),
                timeout=(CONNECT_TIMEOUT_SECONDS, request.read_timeout),
                # A redirect would carry the token or the data to where it points.
                allow_redirects=False,
                # A proxy of the environment cannot reach this machine's loopback.
                proxies={"no_proxy": host} if is_loopback(host) else None,
                stream=True,
            )


def json_body(request: Request, reply: Reply) -> dict[str, Any]:
    """The reply's JSON object.

    Raises:
        TransportError: it is none, as from a maintenance page sent with status 200.
    """
    try:
        document = json.loads(reply.content)
    except ValueError as error:
        raise unusable(request, reply.status, "a body that is no JSON") from error
    if not isinstance(document, dict):
        raise unusable(request, reply.status, "JSON that is no object")
    return document


def unusable(request: Request, status: int, what: str) -> TransportError:
    """The error for a success whose body, described by `what`, is not the answer."""
    return TransportError(
        f"{request.purpose}: HTTP {status} with {what}.",
        ambiguous=True,
        status=status,
        job_id=request.job_id,
    )


class _Token(AuthBase):
    """Stamps the token; being there also keeps a .netrc from replacing it."""

    def __init__(self, token: str | None, *, classic: bool) -> None:
        self._token = token
        self._classic = classic

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None and self._classic:
            request.headers["X-SFDC-Session"] = self._token
        elif self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@contextmanager
def _mapped(request: Request, host: str) -> Iterator[None]:
    try:
        yield
    except HTTP_LIBRARY_ERRORS as error:
        mapped = transport_error(error, request.purpose, host)
        mapped.job_id = request.job_id
        # What cannot even be formed may quote a header, and with it the token.
        raise mapped from None if mapped.permanent else error


@contextmanager
def _opened(body: Path | bytes | None) -> Iterator[IO[bytes] | bytes | None]:
    # An open file is streamed with its Content-Length; opening it per attempt rewinds it.
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


def _read(request: Request, host: str, response: requests.Response, sink: Sink | None) -> Reply:
    # 304 leads nowhere: it says that what the caller keeps is still right.
    is_redirect = _FIRST_REDIRECT <= response.status_code < _FIRST_ERROR
    if is_redirect and response.status_code != HTTPStatus.NOT_MODIFIED:
        raise _redirected(request, host, response)
    chunks = _chunks(request, host, response)
    if not response.ok and response.status_code not in request.answers:
        error = api_error(request.purpose, response.status_code, response.headers, _head(chunks))
        error.job_id = request.job_id
        raise error
    # A maintenance page, which comes with status 200 as well: to any kind of request.
    if "html" in response.headers.get("Content-Type", ""):
        raise unusable(request, response.status_code, "a web page instead of an answer")
    if sink is None:
        return Reply(response.status_code, response.headers, b"".join(chunks))
    sink(chunks)
    return Reply(response.status_code, response.headers)


def _chunks(request: Request, host: str, response: requests.Response) -> Iterator[bytes]:
    # Only reading is mapped: an error of the disk the chunks go to is not the network's.
    source = _unpacked(response)
    while True:
        with _mapped(request, host):
            chunk = next(source, None)
        if chunk is None:
            return
        yield chunk


def _unpacked(response: requests.Response) -> Iterator[bytes]:
    if response.headers.get("Content-Encoding", "").lower() != "gzip":
        yield from response.iter_content(_CHUNK_BYTES)
        return
    try:
        packed = response.raw.stream(_CHUNK_BYTES, decode_content=False)
        yield from gunzip(packed, _CHUNK_BYTES)
    except DamagedGzipError as error:
        raise requests.exceptions.ContentDecodingError(str(error)) from error


def _head(chunks: Iterator[bytes]) -> bytes:
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) >= _ERROR_BODY_BYTES:
            break
    return body


def _redirected(request: Request, host: str, response: requests.Response) -> TransportError:
    target = urlsplit(response.headers.get("Location", "")).hostname or "another address"
    return TransportError(
        f"{request.purpose}: {host} redirects to {target}, which is not followed. Set "
        "instance_url or login_url to the org's own My Domain.",
        ambiguous=False,
        permanent=True,
        status=response.status_code,
        job_id=request.job_id,
    )
