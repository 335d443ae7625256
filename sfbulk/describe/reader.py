"""Reads the describes of objects: several in one request, and again only what has changed.

A describe is cached with its `Last-Modified` and requested again with `If-Modified-Since`; the
answer 304 means that it has not changed (REST API guide: sObject Describe). Up to 25 objects are
requested in one composite request, which counts as one API request (REST API guide: Composite).

Both only save time. If one of them fails, the object is requested alone, or without the condition.
"""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from sfbulk.describe.model import parse_describe, parse_summary
from sfbulk.error_text import unexpected
from sfbulk.errors import (
    ApiError,
    LimitExceeded,
    NotFound,
    QuotaReached,
    SalesforceError,
    SessionExpired,
    SignInError,
    TransportError,
)
from sfbulk.http.dates import http_date
from sfbulk.http.mapping import api_error
from sfbulk.http.shapes import JSON_OBJECT, Shape
from sfbulk.http.unusable import unusable
from sfbulk.http.wire import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sfbulk.describe.model import SObjectDescribe, SObjectSummary
    from sfbulk.http.wire import Reply
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

T = TypeVar("T")

PARTS_PER_CALL = 25
"""Requests in one composite request (REST API guide: Composite)."""

# With 25 parts each, 100 objects are requested at the same time.
_CALLS_AT_ONCE = 4

ORG_ERRORS = (SignInError, SessionExpired, LimitExceeded, QuotaReached)
"""Errors that are not about one object: a request for any other object would fail too."""


@dataclass(frozen=True)
class _Answer:
    """The answer to a request for a describe, or to one part of a composite request."""

    status: int
    content: Any
    """The parsed document, or the JSON of a part; None if the cached one is still valid."""
    headers: Mapping[str, str]
    date: str | None
    """The server's time of the answer."""


@dataclass(frozen=True)
class _Cached(Generic[T]):
    value: T
    last_modified: str


def described_once(
    describe: Callable[[str], SObjectDescribe],
) -> Callable[[str], SObjectDescribe]:
    """A `describe` that requests each object once, and raises the same error again after one."""
    known: dict[str, SObjectDescribe | SalesforceError] = {}

    def described(name: str) -> SObjectDescribe:
        if name not in known:
            try:
                known[name] = describe(name)
            except SalesforceError as error:
                known[name] = error
        found = known[name]
        if isinstance(found, SalesforceError):
            raise found
        return found

    return described


class Describer:
    """Describes objects of one org; safe for several threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._objects: dict[str, _Cached[SObjectDescribe]] = {}
        self._all: _Cached[list[SObjectSummary]] | None = None

    def all_objects(self) -> list[SObjectSummary]:
        """API call: all objects the user can see."""
        cached = self._all
        answer = self._get("/sobjects", "List all objects", cached, _summaries)
        if cached and answer.status == HTTPStatus.NOT_MODIFIED:
            return list(cached.value)
        self._all = _cacheable(answer.content, answer)
        return list(answer.content)

    def one(self, name: str) -> SObjectDescribe:
        """API call: one object with its fields.

        Raises:
            NotFound: there is no such object, or the user may not see it.
        """
        cached = self._cached(name)
        answer = self._get(_path(name), f"Describe {name}", cached, partial(_describe_of, name))
        if cached and answer.status == HTTPStatus.NOT_MODIFIED:
            return cached.value
        return self._cache(name, answer, answer.content)

    def known(self, name: str) -> SObjectDescribe:
        """API call, unless it has been described before: an object as last described.

        Raises:
            NotFound: there is no such object, or the user may not see it.
        """
        cached = self._cached(name)
        return cached.value if cached else self.one(name)

    def many(self, names: Iterable[str]) -> dict[str, SObjectDescribe | SalesforceError]:
        """API call: many objects; the value of one that cannot be described is its error.

        Raises:
            SignInError, SessionExpired, LimitExceeded, QuotaReached: no object can be described.
        """
        # Each name once, in the order in which they were given.
        wanted = list(dict.fromkeys(names))
        parts = [wanted[at : at + PARTS_PER_CALL] for at in range(0, len(wanted), PARTS_PER_CALL)]
        with ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix="sfbulk-describe") as pool:
            answers = [answer for part in pool.map(self._in_one_request, parts) for answer in part]
        return dict(zip(wanted, answers, strict=True))

    def _in_one_request(self, names: Sequence[str]) -> list[SObjectDescribe | SalesforceError]:
        # For one object a composite request saves nothing.
        if len(names) > 1:
            try:
                return list(self._composite(names))
            except ORG_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it may be of one object
                # One of them may be the cause: request each alone.
                unexpected(error, f"Describe {len(names)} objects at once")
        return [self._one_or_error(name) for name in names]

    def _composite(self, names: Sequence[str]) -> Iterator[SObjectDescribe | SalesforceError]:
        cached = [self._cached(name) for name in names]
        request = Request(
            "POST",
            f"{self._transport.base_path}/composite",
            f"Describe {len(names)} objects from {names[0]} to {names[-1]}",
            json={"compositeRequest": [*map(self._part, range(len(names)), names, cached)]},
            # A POST that only reads, so it may be sent twice.
            repeatable=True,
        )
        answers = self._transport.read(request, _parts)
        for name, known, answer in zip(names, cached, answers, strict=True):
            yield self._part_or_error(name, known, answer)

    def _part(self, number: int, name: str, cached: _Cached[Any] | None) -> dict[str, Any]:
        return {
            "method": "GET",
            "url": self._transport.base_path + _path(name),
            "referenceId": f"object{number}",
            "httpHeaders": _condition(cached),
        }

    def _part_or_error(
        self, name: str, cached: _Cached[SObjectDescribe] | None, answer: _Answer
    ) -> SObjectDescribe | SalesforceError:
        if cached and answer.status == HTTPStatus.NOT_MODIFIED:
            return cached.value
        if described := _described(name, answer):
            return self._cache(name, answer, described)
        if not _is_refusal(answer):
            # A temporary error, or another document. A request of its own has retries.
            return self._one_or_error(name)
        body = _as_json(answer.content)
        error = api_error(f"Describe {name}", answer.status, answer.headers, body)
        if isinstance(error, SessionExpired):
            # The request as a whole was accepted; one of its own renews the token.
            return self._one_or_error(name)
        if isinstance(error, ORG_ERRORS):
            raise error
        # The condition may be what is refused.
        return self._one_or_error(name) if cached else error

    def _one_or_error(self, name: str) -> SObjectDescribe | SalesforceError:
        try:
            return self.one(name)
        except ORG_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - the others can be described all the same
            return unexpected(error, f"Describe {name}")

    def _get(
        self, path: str, purpose: str, cached: _Cached[Any] | None, parse: Callable[[Any], object]
    ) -> _Answer:
        request = Request("GET", self._transport.base_path + path, purpose)
        if cached:
            conditional = replace(request, headers=_condition(cached))
            try:
                return self._transport.read(conditional, _whole(parse))
            except (*ORG_ERRORS, NotFound, TransportError):
                raise
            except ApiError:
                # The condition may be what is refused, for example by a proxy.
                pass
        return self._transport.read(request, _whole(parse))

    def _cache(self, name: str, answer: _Answer, value: SObjectDescribe) -> SObjectDescribe:
        fresh = _cacheable(value, answer)
        with self._lock:
            # Salesforce accepts names in any upper and lower case.
            if fresh:
                self._objects[name.lower()] = fresh
            else:
                self._objects.pop(name.lower(), None)
        return value

    def _cached(self, name: str) -> _Cached[SObjectDescribe] | None:
        with self._lock:
            return self._objects.get(name.lower())


def _path(name: str) -> str:
    return f"/sobjects/{quote(name, safe='')}/describe"


def _condition(cached: _Cached[Any] | None) -> dict[str, str]:
    return {"If-Modified-Since": cached.last_modified} if cached else {}


def _whole(parse: Callable[[Any], object]) -> Callable[[Request, Reply], _Answer]:
    """A function that reads a reply: its document by `parse`, or a 304."""

    def read(request: Request, reply: Reply) -> _Answer:
        content = None
        if reply.status != HTTPStatus.NOT_MODIFIED or not request.headers:
            document = JSON_OBJECT.of(request, reply)
            try:
                content = parse(document)
            except ValueError as error:
                what = f"JSON that is not a describe: {error}"
                raise unusable(request, reply.status, what) from None
        return _Answer(reply.status, content, reply.headers, reply.headers.get("Date"))

    return read


def _describe_of(name: str, document: Any) -> SObjectDescribe:
    """The describe of the object that was asked for, with the name it was asked for by.

    Raises:
        ValueError: the document is in another form, or about another object.
    """
    described = parse_describe(document)
    if described.name.lower() != name.lower():
        raise ValueError("it is about another object")
    return described


def _summaries(document: Any) -> list[SObjectSummary]:
    """The objects in a list; an entry in another form is left out with a warning.

    Raises:
        ValueError: there is no list, or no entry is in the known form.
    """
    entries = _LISTED.read(document).sobjects
    parsed = [_summary_or_problem(entry) for entry in entries]
    found = [each for each in parsed if not isinstance(each, str)]
    problems = [each for each in parsed if isinstance(each, str)]
    if problems and not found:
        raise ValueError(problems[0])
    if problems:
        log.warning(
            "%d of %d objects in the list of all objects are left out, because their entries are "
            "not in the known form: %s.",
            len(problems),
            len(entries),
            problems[0],
        )
    return found


def _summary_or_problem(entry: Any) -> SObjectSummary | str:
    try:
        return parse_summary(entry)
    except ValueError as error:
        return str(error)


class _Part(msgspec.Struct, rename="camel"):
    """One part's answer in a composite reply."""

    http_status_code: int
    body: Any = None
    http_headers: dict[str, Any] | None = None


class _Listed(msgspec.Struct):
    sobjects: list[Any]


class _Composite(msgspec.Struct, rename="camel"):
    composite_response: list[Any]


_LISTED = Shape(_Listed)
_PART = Shape(_Part)
_COMPOSITE = Shape(_Composite, "an answer to several requests")


def _parts(request: Request, reply: Reply) -> list[_Answer]:
    asked = (request.json or {})["compositeRequest"]
    parts = _COMPOSITE.of(request, reply).composite_response
    if len(parts) != len(asked):
        raise unusable(request, reply.status, "JSON that does not answer every part")
    return [_part_answer(part, reply.headers.get("Date")) for part in parts]


def _part_answer(part: Any, date: str | None) -> _Answer:
    """One part's answer; its status is 0 if it has another form."""
    known = _PART.read_or_none(part)
    if known is None:
        return _Answer(0, None, {}, date)
    texts = (known.http_headers or {}).items()
    headers = {name: value for name, value in texts if isinstance(value, str)}
    return _Answer(known.http_status_code, known.body, headers, date)


def _as_json(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except RecursionError:
        return b""  # What is nested that deeply is no error of Salesforce.


def _described(name: str, answer: _Answer) -> SObjectDescribe | None:
    """The describe in a part; None if it is for another object or not a describe."""
    if answer.status != HTTPStatus.OK:
        return None
    try:
        return _describe_of(name, answer.content)
    except ValueError:
        return None


def _is_refusal(answer: _Answer) -> bool:
    return HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _cacheable(value: T, answer: _Answer) -> _Cached[T] | None:
    """The cache entry for an answer; None if a later change could be missed.

    `Last-Modified` has whole seconds. A document that changed in the second of the answer may
    change again in the same second, with the same `Last-Modified`, so it is not cached.
    """
    text = answer.headers.get("Last-Modified")
    changed, now = http_date(text), http_date(answer.date)
    return _Cached(value, text) if text and changed and now and changed < now else None
