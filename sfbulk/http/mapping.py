"""Turns what went wrong with a request into the client's own errors; the only place that does.

Two sources: exceptions of `requests` and urllib3 (`transport_error`), and answers with
an error status, whose body may be Salesforce's JSON or XML, an HTML page or nothing (`api_error`).
"""

from __future__ import annotations

import json
import re
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests.exceptions as rq
from urllib3 import exceptions as u3

from sfbulk.errors import (
    ApiError,
    LimitExceeded,
    NotFound,
    NotSupportedByBulk,
    SessionExpired,
    TransportError,
)
from sfbulk.http.dates import http_date
from sfbulk.http.safe_xml import UnusableXmlError, local_name, parse_xml, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class _Trouble:
    """What an exception of the HTTP library means."""

    text: str
    sent: bool = True
    """False when the request surely did not reach the server."""
    permanent: bool = False
    """True when the same request fails again however often it is sent."""
    compression: bool = False
    """True when the answer came, but could not be unpacked."""


_REQUEST_IS_WRONG = _Trouble("the request could not be formed", sent=False, permanent=True)
_BROKEN_ANSWER = _Trouble("the answer broke off")

# One line for every exception `requests` has; a test compares this table with the library.
_TROUBLES: dict[type[Exception], _Trouble] = {
    rq.ConnectTimeout: _Trouble("no connection in time", sent=False),
    rq.ReadTimeout: _Trouble("no answer in time"),
    rq.Timeout: _Trouble("no answer in time"),
    rq.ProxyError: _Trouble("the proxy could not be reached or refused", sent=False),
    rq.SSLError: _Trouble("the encrypted connection broke off"),
    rq.ConnectionError: _Trouble("the connection broke off before an answer"),
    rq.ChunkedEncodingError: _BROKEN_ANSWER,
    rq.ContentDecodingError: _Trouble("the compressed answer is damaged", compression=True),
    rq.JSONDecodeError: _Trouble("the answer is no JSON"),
    rq.InvalidJSONError: _REQUEST_IS_WRONG,
    rq.HTTPError: _Trouble("the answer is an error"),
    rq.URLRequired: _REQUEST_IS_WRONG,
    rq.MissingSchema: _REQUEST_IS_WRONG,
    rq.InvalidSchema: _REQUEST_IS_WRONG,
    rq.InvalidProxyURL: _Trouble("the proxy's address is no URL", sent=False, permanent=True),
    rq.InvalidURL: _REQUEST_IS_WRONG,
    rq.InvalidHeader: _REQUEST_IS_WRONG,
    rq.TooManyRedirects: _Trouble("the server redirects without end", permanent=True),
    rq.StreamConsumedError: _REQUEST_IS_WRONG,
    rq.UnrewindableBodyError: _REQUEST_IS_WRONG,
    rq.RetryError: _BROKEN_ANSWER,
    u3.HTTPError: _BROKEN_ANSWER,
    rq.RequestException: _BROKEN_ANSWER,
}

# Bulk API 1.0 has no status and no code for what is not there, only these with a text.
_CLASSIC_MISSING = frozenset({"InvalidJob", "InvalidBatch", "InvalidEntity"})

HTTP_LIBRARY_ERRORS = (rq.RequestException, u3.HTTPError)
"""What code that talks to the HTTP library catches."""

# The same in the spelling of each API: REST, Bulk API 2.0, Bulk API 1.0.
_LIMIT_CODES = frozenset(
    {
        "REQUEST_LIMIT_EXCEEDED",
        "LIMIT_EXCEEDED",
        "EXCEEDEDQUOTA",
        "EXCEEDED_QUOTA",
        "ExceededQuota",
        "EXCEEDED_ID_LIMIT",
    }
)


def transport_error(error: Exception, purpose: str, host: str) -> TransportError:
    """The client's error for an exception of the HTTP library.

    Its cause is kept for tracebacks only: the text says no more than what it means.
    """
    trouble = _trouble(error)
    return TransportError(
        f"{purpose}: {trouble.text} ({host}).",
        ambiguous=trouble.sent,
        permanent=trouble.permanent,
        compression=trouble.compression,
    )


def api_error(purpose: str, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The client's error for an answer with an error status, of the most specific class."""
    code, message, fields = _first_error(body)
    said = message or _describe_page(body)
    text = f"HTTP {status} {code}: {said}" if code else f"HTTP {status}, {said}"
    request_id = headers.get("X-SFDC-Request-Id") or headers.get("X-Request-Id")
    # What Salesforce's support asks for.
    named = f" (request {request_id})" if request_id else ""
    return _error_class(status, code, message)(
        f"{purpose}: {text}{named}",
        status=status,
        code=code,
        request_id=request_id,
        detail=message,
        fields=fields,
        retry_after=_retry_after(headers),
    )


def _trouble(error: Exception) -> _Trouble:
    for reason in _reasons(error):
        if isinstance(reason, ssl.SSLCertVerificationError):
            return _Trouble("the server's certificate is not trusted", sent=False, permanent=True)
        if isinstance(reason, u3.NameResolutionError):
            return _Trouble("the host name is unknown", sent=False)
        if isinstance(reason, u3.NewConnectionError):
            return _Trouble("no connection", sent=False)
    return next(_TROUBLES[kind] for kind in type(error).__mro__ if kind in _TROUBLES)


def _reasons(error: BaseException) -> Iterator[BaseException]:
    """The exceptions wrapped in `error`, which the library keeps in three different places."""
    for inner in (*error.args, getattr(error, "reason", None)):
        if isinstance(inner, BaseException):
            yield inner
            yield from _reasons(inner)


def _error_class(status: int, code: str | None, message: str) -> type[ApiError]:
    if code in ("INVALID_SESSION_ID", "InvalidSessionId"):
        return SessionExpired
    if code in _LIMIT_CODES:
        return LimitExceeded
    # "Entity 'X' is not supported by the Bulk API.", "Selecting compound data not
    # supported in Bulk Query": the codes of these vary, the words do not.
    if "not supported" in message and "Bulk" in message:
        return NotSupportedByBulk
    if code in ("NOT_FOUND", "NotFound") or status == HTTPStatus.NOT_FOUND:
        return NotFound
    if code in _CLASSIC_MISSING and message.startswith("Unable to find "):
        return NotFound
    return ApiError


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return float(text)
    # The header's other form is a date. The server's own clock says how far off that is: ours
    # may go wrong.
    until, now = http_date(text), http_date(headers.get("Date"))
    return max(0.0, (until - now).total_seconds()) if until and now else None


_MESSAGES = ("message", "exceptionMessage", "error_description")


def _first_error(body: bytes) -> tuple[str | None, str, tuple[str, ...]]:
    """Code, message and fields of the first error in a body; REST sends a list of them."""
    document = _xml(body) if body.lstrip().startswith(b"<") else _json(body)
    first = document[0] if isinstance(document, list) and document else document
    if not isinstance(first, dict):
        return None, "", ()
    code = _text(first, "errorCode") or _text(first, "exceptionCode") or _text(first, "error")
    message = next((text for name in _MESSAGES if (text := _text(first, name))), "")
    fields = first.get("fields")
    names = fields if isinstance(fields, list) else []
    return code, message, tuple(name for name in names if isinstance(name, str))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _xml(body: bytes) -> dict[str, str]:
    """The texts of Bulk API 1.0's error document; nothing of any other page."""
    try:
        root = parse_xml(body)
    except UnusableXmlError:
        return {}
    return texts(root) if local_name(root) == "error" else {}


def _text(document: Mapping[str, Any], key: str) -> str | None:
    value = document.get(key)
    return value if isinstance(value, str) and value else None


def _describe_page(body: bytes) -> str:
    """What a body without an error of Salesforce looks like, for a message."""
    if not body.strip():
        return "no body"
    title = re.search(rb"<title[^>]*>(.*?)</title>", body, re.IGNORECASE | re.DOTALL)
    if title:
        words = " ".join(title.group(1).decode("utf-8", "replace").split())
        return f"a web page titled '{words[:100]}'"
    return "a body that is no error of Salesforce"
