"""Requests with subrequests: /composite and /composite/batch (REST guide: Composite, Batch)."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

import msgspec
from starlette.routing import compile_path

from sfbulk_sandbox.faults.errors import Fault, RollBack
from sfbulk_sandbox.http.requests import Request, Resource, not_allowed
from sfbulk_sandbox.http.responses import JsonResponse, encode_json, fault_response
from sfbulk_sandbox.sign_in.auth import check_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.responses import Response

    from sfbulk_sandbox.org.org import Org

# REST guide, Composite: at most 25 subrequests.
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


@dataclass(frozen=True)
class _Subrequest:
    """One subrequest."""

    method: str
    url: str
    body: Any
    headers: Mapping[str, str]


class Subrequests:
    """Passes subrequests to the resources that may be used in them."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._table = [
            (re.compile(pattern.pattern, re.IGNORECASE), resource)
            for resource in resources
            for pattern, _, _ in [compile_path(resource.path)]
        ]

    def answer(self, outer: Request, subrequest: _Subrequest) -> Response:
        """Return the answer to a subrequest. A fault is an answer too."""
        try:
            return self._answered(outer, subrequest)
        except Fault as fault:
            return fault_response(fault)

    def _answered(self, outer: Request, subrequest: _Subrequest) -> Response:
        path, _, query = subrequest.url.partition("?")
        path = "/" + unquote(path).strip("/")
        for pattern, resource in self._table:
            if matched := pattern.match(path):
                request = Request(
                    method=subrequest.method,
                    path=matched.groupdict(),
                    query=dict(parse_qsl(query, keep_blank_values=True)),
                    headers=subrequest.headers,
                    base_url=outer.base_url,
                    body=b"" if subrequest.body is None else encode_json(subrequest.body),
                )
                # A subrequest names its own version.
                check_version(request.path.get("version", outer.version))
                handler = resource.methods.get(subrequest.method)
                if handler is None:
                    raise not_allowed(subrequest.method, resource.methods)
                return handler(request)
        raise Fault(code="NOT_FOUND", message="The requested resource does not exist", status=404)


class CompositeResources:
    """The resources /composite and /composite/batch.

    Args:
        org: The org, for transactions.
        subrequests: Answers subrequests.
        count: Adds to the count of API requests.
        admit: The check before each request.
    """

    def __init__(
        self,
        org: Org,
        subrequests: Subrequests,
        *,
        count: Callable[[int], None],
        admit: Callable[[Request], Mapping[str, str]],
    ) -> None:
        self._org = org
        self._subrequests = subrequests
        self._count = count
        self._admit = admit

    def resources(self) -> list[Resource]:
        """Return the resources."""
        base = "/services/data/v{version}/composite"
        return [
            Resource(base, {"POST": self.composite}, self._admit),
            Resource(base + "/batch", {"POST": self.batch}, self._admit),
        ]

    def composite(self, request: Request) -> Response:
        """Answer subrequests that may refer to earlier answers. All count as one API request."""
        document = request.document()
        requests = _requests(document, "compositeRequest")
        names = [str(entry.get("referenceId")) for entry in requests]
        all_or_none = document.get("allOrNone") is True
        answers: dict[str, Response] = {}
        try:
            with self._org.transaction() if all_or_none else nullcontext():
                for entry in requests:
                    self._answer_one(request, entry, answers, all_or_none=all_or_none)
        except RollBack:
            # The failed one keeps its error. The others, before and after it, are rolled back.
            kept = {name: one for name, one in answers.items() if one.status_code >= _FAILED_FROM}
            answers = dict.fromkeys(names, fault_response(_ROLLED_BACK)) | kept
        return JsonResponse(
            {"compositeResponse": [_result_document(name, answers[name]) for name in names]}
        )

    def batch(self, request: Request) -> Response:
        """Answer independent subrequests. Each counts as an API request."""
        document = request.document()
        requests = _requests(document, "batchRequests")
        # The request itself was already counted.
        self._count(max(0, len(requests) - 1))
        results: list[dict[str, Any]] = []
        failed = False
        for entry in requests:
            if failed and document.get("haltOnError") is True:
                answer: Response = fault_response(_HALTED)
            else:
                answer = self._subrequests.answer(
                    request, _subrequest(entry, entry.get("richInput"))
                )
            failed = failed or answer.status_code >= _FAILED_FROM
            results.append({"statusCode": answer.status_code, "result": _body(answer)})
        return JsonResponse({"hasErrors": failed, "results": results})

    def _answer_one(
        self,
        request: Request,
        entry: Mapping[str, Any],
        answers: dict[str, Response],
        *,
        all_or_none: bool,
    ) -> None:
        answer = self._answer_with_references(request, entry, answers)
        answers[str(entry.get("referenceId"))] = answer
        if all_or_none and answer.status_code >= _FAILED_FROM:
            raise RollBack

    def _answer_with_references(
        self, request: Request, entry: Mapping[str, Any], answers: Mapping[str, Response]
    ) -> Response:
        try:
            url = _REFERENCE.sub(
                # Quoted, because the value becomes a part of a URL.
                lambda found: quote(_text(_value_at(found[1], answers)), safe=""),
                str(entry.get("url", "")),
            )
            subrequest = _subrequest(
                {**entry, "url": url}, _with_values(entry.get("body"), answers)
            )
        except Fault as fault:
            return fault_response(fault)
        return self._subrequests.answer(request, subrequest)


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


def _subrequest(entry: Mapping[str, Any], body: Any) -> _Subrequest:
    url = str(entry.get("url", ""))
    headers = entry.get("httpHeaders")
    return _Subrequest(
        method=str(entry.get("method", "")).upper(),
        url=url if url.startswith("/") else _BASE + url,
        body=body,
        headers={name.lower(): str(value) for name, value in (headers or {}).items()},
    )


def _with_values(value: Any, answers: Mapping[str, Response]) -> Any:
    """Return a body in which every reference is replaced by its value."""
    if isinstance(value, dict):
        return {name: _with_values(member, answers) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_values(member, answers) for member in value]
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value):
        return _value_at(whole[1], answers)
    return _REFERENCE.sub(lambda found: _text(_value_at(found[1], answers)), value)


def _value_at(path: str, answers: Mapping[str, Response]) -> Any:
    """Return the value of a path such as `account.records[0].Id`.

    Raises:
        Fault: The named subrequest failed, or its answer has no such value.
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


def _result_document(name: str, answer: Response) -> dict[str, Any]:
    headers = {shown: answer.headers[shown] for shown in _SHOWN_HEADERS if shown in answer.headers}
    return {
        "body": _body(answer),
        "httpHeaders": headers,
        "httpStatusCode": answer.status_code,
        "referenceId": name,
    }


def _body(answer: Response) -> Any:
    # The body is already JSON, in the form of its resource.
    return msgspec.Raw(answer.body) if answer.body else None
