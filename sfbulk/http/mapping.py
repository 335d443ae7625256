"""Maps failures of a request to the client's own errors; the only module that does.

There are two kinds of failures: exceptions of `requests` and urllib3 (`transport_error`), and
answers with an error status (`api_error`). The body of such an answer may be Salesforce's JSON or
XML, an HTML page, or empty.
"""

from __future__ import annotations

import re
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
from sfbulk.http.bounds import BeyondBoundsError
from sfbulk.http.bulk_refusals import is_bulk_refusal
from sfbulk.http.connecting import NoConnection, no_connection, no_such_bundle
from sfbulk.http.dates import http_date
from sfbulk.http.json_text import UnusableJsonError, json_value
from sfbulk.http.safe_xml import UnusableXmlError, local_name, parse_xml, texts
from sfbulk.safe import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class _Meaning:
    """What an exception of the HTTP library means."""

    text: str
    sent: bool = True
    """False if the request cannot have reached the server."""
    permanent: bool = False
    """True if the same request would always fail."""
    compression: bool = False
    """True if an answer came but could not be decompressed."""


_REQUEST_IS_WRONG = _Meaning("the request is not valid", sent=False, permanent=True)
_BROKEN_ANSWER = _Meaning("the answer broke off")

# One line for each exception of `requests`; a test compares this table with the library.
_MEANINGS: dict[type[Exception], _Meaning] = {
    rq.ConnectTimeout: _Meaning("no connection in time", sent=False),
    rq.ReadTimeout: _Meaning("no answer in time"),
    rq.Timeout: _Meaning("no answer in time"),
    rq.ProxyError: _Meaning("the proxy could not be reached or refused", sent=False),
    rq.SSLError: _Meaning("the encrypted connection broke off"),
    rq.ConnectionError: _Meaning("the connection broke off before an answer"),
    rq.ChunkedEncodingError: _BROKEN_ANSWER,
    rq.ContentDecodingError: _Meaning("the compressed answer is damaged", compression=True),
    rq.JSONDecodeError: _Meaning("the answer is not JSON"),
    rq.InvalidJSONError: _REQUEST_IS_WRONG,
    rq.HTTPError: _Meaning("the answer is an error"),
    rq.URLRequired: _REQUEST_IS_WRONG,
    rq.MissingSchema: _REQUEST_IS_WRONG,
    rq.InvalidSchema: _REQUEST_IS_WRONG,
    rq.InvalidProxyURL: _Meaning("the proxy's address is not a URL", sent=False, permanent=True),
    rq.InvalidURL: _REQUEST_IS_WRONG,
    rq.InvalidHeader: _REQUEST_IS_WRONG,
    rq.TooManyRedirects: _Meaning("the server redirects too often", permanent=True),
    rq.StreamConsumedError: _REQUEST_IS_WRONG,
    rq.UnrewindableBodyError: _REQUEST_IS_WRONG,
    rq.RetryError: _BROKEN_ANSWER,
    u3.HTTPError: _BROKEN_ANSWER,
    rq.RequestException: _BROKEN_ANSWER,
}

# The last one is for the further pages of a REST query.
_MISSING = frozenset({"NOT_FOUND", "NotFound", "INVALID_QUERY_LOCATOR"})

# Bulk API 1.0 has no code and no status for a missing job, batch or object: it sends one of these
# codes with the text "Unable to find ...".
_BULK1_MISSING = frozenset({"InvalidJob", "InvalidBatch", "InvalidEntity"})

READING_ERRORS = (rq.RequestException, u3.HTTPError, BeyondBoundsError)
"""Every exception that the HTTP library raises, and what `bounds` adds to them."""

# REST, Bulk API 2.0 and Bulk API 1.0 spell the same code in different ways.
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


_OTHER_VERSION = (
    "Set api_version to a version that the org still answers: GET /services/data lists them."
)
_LATER = "Run again when the limit allows it; most of them count the last 24 hours."

_ADVICE = {
    "GONE": _OTHER_VERSION,
    "UNSUPPORTED_API_VERSION": _OTHER_VERSION,
    "InvalidVersion": _OTHER_VERSION,
    **dict.fromkeys(_LIMIT_CODES - {"EXCEEDED_ID_LIMIT"}, _LATER),
    "SERVER_UNAVAILABLE": "Run again later: the org may be under maintenance.",
    "API_DISABLED_FOR_ORG": "The user needs the permission API Enabled, and the org an edition "
    "that has the API.",
    "API_CURRENTLY_DISABLED": "The API is switched off for this user or org: the user needs the "
    "permission API Enabled.",
    "INSUFFICIENT_ACCESS": "The user needs Read on the object, or View All Data.",
    "OPERATION_TOO_LARGE": "The user needs View All Data for objects that refer to so many "
    "records, such as Task and Event.",
    "TXN_SECURITY_METERING_ERROR": "A transaction security policy of the org could not be "
    "checked: run again later.",
}
"""What to do about refusals whose own text does not say it, by code."""


def transport_error(error: Exception, purpose: str, host: str) -> TransportError:
    """The client's error for an exception of the HTTP library.

    The text does not quote the exception, which is only kept as its cause for tracebacks; but that
    of `BeyondBoundsError` is ours.
    """
    if isinstance(error, BeyondBoundsError):
        return TransportError(
            f"{purpose}: {error} ({host}). {error.advice}: docs/limits.md has the limits.",
            ambiguous=True,
            attempts=error.attempts,
        )
    if found := no_connection(error):
        return not_connected(found, purpose, host)
    meaning = _meaning(error)
    return TransportError(
        f"{purpose}: {meaning.text} ({host}).",
        ambiguous=meaning.sent,
        permanent=meaning.permanent,
        compression=meaning.compression,
    )


def bundle_error(error: OSError, purpose: str, host: str) -> TransportError | None:
    """The client's error for a file of certificates that does not exist; None for other errors."""
    found = no_such_bundle(error)
    return found and not_connected(found, purpose, host)


def not_connected(found: NoConnection, purpose: str, host: str) -> TransportError:
    """The client's error where no connection came about."""
    return TransportError(
        f"{purpose}: {found.text} ({host}). {found.advice}",
        ambiguous=False,
        permanent=found.permanent,
    )


def api_error(purpose: str, status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The client's error for an answer with an error status, of the most specific class."""
    code, message, fields = _first_error(body)
    said = quoted(message) or _describe_page(body)
    text = f"HTTP {status} {quoted(code)}: {said}" if code else f"HTTP {status}, {said}"
    request_id = headers.get("X-SFDC-Request-Id") or headers.get("X-Request-Id")
    # Salesforce's support asks for the request id.
    named = f" (request {quoted(request_id)})" if request_id else ""
    advice = f". {_ADVICE[code].rstrip('.')}" if code in _ADVICE else ""
    return _error_class(status, code, message)(
        f"{purpose}: {text}{named}{advice}",
        status=status,
        code=code,
        request_id=request_id,
        detail=message,
        fields=fields,
        retry_after=_retry_after(headers),
    )


def _meaning(error: Exception) -> _Meaning:
    return next(_MEANINGS[kind] for kind in type(error).__mro__ if kind in _MEANINGS)


def _error_class(status: int, code: str | None, message: str) -> type[ApiError]:
    # Whatever 401 is called, it is about the access token.
    if code in ("INVALID_SESSION_ID", "InvalidSessionId") or status == HTTPStatus.UNAUTHORIZED:
        return SessionExpired
    if code in _LIMIT_CODES:
        return LimitExceeded
    if is_bulk_refusal(message):
        return NotSupportedByBulk
    if code in _MISSING or status == HTTPStatus.NOT_FOUND:
        return NotFound
    if code in _BULK1_MISSING and message.startswith("Unable to find "):
        return NotFound
    return ApiError


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return float(text)
    # The header's other form is a date. It is compared with the server's clock, since this
    # machine's clock may be wrong.
    until, now = http_date(text), http_date(headers.get("Date"))
    return max(0.0, (until - now).total_seconds()) if until and now else None


_MOST_OF_A_TITLE = 100
_MESSAGES = ("message", "exceptionMessage", "error_description")


def _first_error(body: bytes) -> tuple[str | None, str, tuple[str, ...]]:
    """Code, message and fields of the first error in a body; REST sends a list of errors."""
    document = _document(body)
    first = document[0] if isinstance(document, list) and document else document
    if not isinstance(first, dict):
        return None, "", ()
    code = _text(first, "errorCode") or _text(first, "exceptionCode") or _text(first, "error")
    message = next((text for name in _MESSAGES if (text := _text(first, name))), "")
    fields = first.get("fields")
    names = fields if isinstance(fields, list) else []
    return code, message, tuple(name for name in names if isinstance(name, str))


def _document(body: bytes) -> Any:
    # An error document may have any form, so what it does not have is left out, not refused.
    try:
        return json_value(body)
    except UnusableJsonError:
        return _xml(body)


def _xml(body: bytes) -> dict[str, str]:
    """The texts of Bulk API 1.0's error document; empty for any other document."""
    try:
        root = parse_xml(body)
    except UnusableXmlError:
        return {}
    return texts(root) if local_name(root) == "error" else {}


def _text(document: Mapping[str, Any], key: str) -> str | None:
    value = document.get(key)
    return value if isinstance(value, str) and value else None


def _describe_page(body: bytes) -> str:
    """Describes a body that has no error of Salesforce, for an error message."""
    if not body.strip():
        return "no body"
    title = re.search(rb"<title[^>]{0,200}>(.{0,2000}?)</title>", body, re.IGNORECASE | re.DOTALL)
    if title:
        words = quoted(title.group(1).decode("utf-8", "replace"), _MOST_OF_A_TITLE)
        return f"a web page titled '{words}'"
    return "a body that is not an error of Salesforce"
