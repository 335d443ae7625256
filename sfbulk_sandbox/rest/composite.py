"""Calls that hold calls: /composite and /composite/batch (REST guide: Composite, Batch)."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

import msgspec
from starlette.routing import compile_path

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.requests import Call, Resource, not_allowed
from sfbulk_sandbox.http.responses import JsonAnswer, encode_json, fault_answer
from sfbulk_sandbox.sign_in.auth import check_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.responses import Response

    from sfbulk_sandbox.org.org import Org

MOST_REQUESTS = 25
_BASE = "/services/data/"
_FAILED_FROM = 400
_SHOWN_HEADERS = ("Location", "ETag", "Last-Modified")
_REFERENCE = re.compile(r"@\{([^{}]+)\}")
_ROLLED_BACK = Fault(
    code="PROCESSING_HALTED",
    message="The transaction was rolled back since another operation in the same transaction "
    "failed.",
)
_HALTED = Fault(
    code="BATCH_PROCESSING_HALTED",
    message="Batch processing halted because a previous request failed",
    status=412,
)


class _Undone(Exception):  # noqa: N818 - it ends a transaction, and is no error
    """A request failed, and all of them were to count or none."""


@dataclass(frozen=True)
class _Request:
    """One request inside a call."""

    method: str
    url: str
    body: Any
    headers: Mapping[str, str]


class Inner:
    """Leads the requests inside a call to the resources that may answer there."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._table = [
            (re.compile(pattern.pattern, re.IGNORECASE), resource)
            for resource in resources
            for pattern, _, _ in [compile_path(resource.path)]
        ]

    def answer(self, outer: Call, request: _Request) -> Response:
        """Return the answer, also when it is a refusal."""
        try:
            return self._answered(outer, request)
        except Fault as fault:
            return fault_answer(fault)

    def _answered(self, outer: Call, request: _Request) -> Response:
        path, _, query = request.url.partition("?")
        path = "/" + unquote(path).strip("/")
        for pattern, resource in self._table:
            if matched := pattern.match(path):
                call = Call(
                    method=request.method,
                    path=matched.groupdict(),
                    query=dict(parse_qsl(query, keep_blank_values=True)),
                    headers=request.headers,
                    base_url=outer.base_url,
                    body=b"" if request.body is None else encode_json(request.body),
                )
                check_version(call.path.get("version", outer.version))
                handler = resource.methods.get(request.method)
                if handler is None:
                    raise not_allowed(request.method, resource.methods)
                return handler(call)
        raise Fault(code="NOT_FOUND", message="The requested resource does not exist", status=404)


class CompositeResources:
    """The two resources.

    Args:
        org: Whose transactions they use.
        inner: Answers the requests inside.
        count: Counts so many more API requests.
        admit: The check that comes before each call.
    """

    def __init__(
        self,
        org: Org,
        inner: Inner,
        *,
        count: Callable[[int], None],
        admit: Callable[[Call], Mapping[str, str]],
    ) -> None:
        self._org = org
        self._inner = inner
        self._count = count
        self._admit = admit

    def resources(self) -> list[Resource]:
        """Return the resources."""
        base = "/services/data/v{version}/composite"
        return [
            Resource(base, {"POST": self.composite}, self._admit),
            Resource(base + "/batch", {"POST": self.batch}, self._admit),
        ]

    def composite(self, call: Call) -> Response:
        """Answer requests that may refer to earlier ones' answers; one API request in all."""
        document = call.document()
        requests = _requests(document, "compositeRequest")
        names = [str(entry.get("referenceId")) for entry in requests]
        all_or_none = document.get("allOrNone") is True
        answers: dict[str, Response] = {}
        try:
            with self._org.transaction() if all_or_none else nullcontext():
                for entry in requests:
                    self._answer_one(call, entry, answers, all_or_none=all_or_none)
        except _Undone:
            # The one that failed says why; the others, before and after it, that they do not count.
            kept = {name: one for name, one in answers.items() if one.status_code >= _FAILED_FROM}
            answers = dict.fromkeys(names, fault_answer(_ROLLED_BACK)) | kept
        return JsonAnswer({"compositeResponse": [_part(name, answers[name]) for name in names]})

    def batch(self, call: Call) -> Response:
        """Answer requests that know nothing of each other; each is an API request."""
        document = call.document()
        requests = _requests(document, "batchRequests")
        # The call itself was counted as one.
        self._count(max(0, len(requests) - 1))
        results: list[dict[str, Any]] = []
        failed = False
        for entry in requests:
            if failed and document.get("haltOnError") is True:
                answer: Response = fault_answer(_HALTED)
            else:
                answer = self._inner.answer(call, _request(entry, entry.get("richInput")))
            failed = failed or answer.status_code >= _FAILED_FROM
            results.append({"statusCode": answer.status_code, "result": _body(answer)})
        return JsonAnswer({"hasErrors": failed, "results": results})

    def _answer_one(
        self,
        call: Call,
        entry: Mapping[str, Any],
        answers: dict[str, Response],
        *,
        all_or_none: bool,
    ) -> None:
        answer = self._referring(call, entry, answers)
        answers[str(entry.get("referenceId"))] = answer
        if all_or_none and answer.status_code >= _FAILED_FROM:
            raise _Undone

    def _referring(
        self, call: Call, entry: Mapping[str, Any], answers: Mapping[str, Response]
    ) -> Response:
        try:
            url = _REFERENCE.sub(
                lambda found: quote(_text(_referred(found[1], answers)), safe=""),
                str(entry.get("url", "")),
            )
            request = _request({**entry, "url": url}, _resolved(entry.get("body"), answers))
        except Fault as fault:
            return fault_answer(fault)
        return self._inner.answer(call, request)


def _requests(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    entries = document.get(key)
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise Fault(code="JSON_PARSER_ERROR", message=f"{key} must be a list of objects")
    if len(entries) > MOST_REQUESTS:
        raise Fault(
            code="LIMIT_EXCEEDED", message=f"{key} can hold at most {MOST_REQUESTS} requests"
        )
    names = [one["referenceId"] for one in entries if "referenceId" in one]
    if key == "compositeRequest" and len(set(map(str, names))) < len(entries):
        raise Fault(code="JSON_PARSER_ERROR", message="Each request needs a referenceId of its own")
    return entries


def _request(entry: Mapping[str, Any], body: Any) -> _Request:
    url = str(entry.get("url", ""))
    headers = entry.get("httpHeaders")
    return _Request(
        method=str(entry.get("method", "")).upper(),
        url=url if url.startswith("/") else _BASE + url,
        body=body,
        headers={name.lower(): str(value) for name, value in (headers or {}).items()},
    )


def _resolved(value: Any, answers: Mapping[str, Response]) -> Any:
    """Return a body with every reference in it replaced by what it refers to."""
    if isinstance(value, dict):
        return {name: _resolved(member, answers) for name, member in value.items()}
    if isinstance(value, list):
        return [_resolved(member, answers) for member in value]
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value):
        return _referred(whole[1], answers)
    return _REFERENCE.sub(lambda found: _text(_referred(found[1], answers)), value)


def _referred(path: str, answers: Mapping[str, Response]) -> Any:
    """Return the value of a path such as `account.records[0].Id`.

    Raises:
        Fault: The request it names failed, or its answer has no such value.
    """
    name, *steps = re.findall(r"[^.\[\]]+", path) or [path]
    fault = Fault(
        code="PROCESSING_HALTED",
        message=f"Invalid reference specified. No value for {path} found in {name}",
    )
    answer = answers.get(name)
    if answer is None or answer.status_code >= _FAILED_FROM or not answer.body:
        raise fault
    value = msgspec.json.decode(answer.body)
    try:
        for step in steps:
            value = value[int(step)] if isinstance(value, list) else value[step]
    except (LookupError, TypeError, ValueError):
        raise fault from None
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else encode_json(value).decode()


def _part(name: str, answer: Response) -> dict[str, Any]:
    headers = {shown: answer.headers[shown] for shown in _SHOWN_HEADERS if shown in answer.headers}
    return {
        "body": _body(answer),
        "httpHeaders": headers,
        "httpStatusCode": answer.status_code,
        "referenceId": name,
    }


def _body(answer: Response) -> Any:
    # It is JSON already, in the very form that the resource gives it.
    return msgspec.Raw(answer.body) if answer.body else None
