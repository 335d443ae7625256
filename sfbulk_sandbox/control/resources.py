"""The control plane over HTTP, in JSON. Invalid requests get 400."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.faults.errors import Fault, KeyFileError
from sfbulk_sandbox.faults.kinds import fault_document
from sfbulk_sandbox.http.recorder import CONTROL_PREFIX
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonResponse, no_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.responses import Response

    from sfbulk_sandbox.control.verbs import Control
    from sfbulk_sandbox.http.requests import Request


class ControlResources:
    """The methods of `Control` as resources."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def resources(self) -> list[Resource]:
        """Return the control plane's resources."""
        methods: dict[str, dict[str, Callable[[Request], Response]]] = {
            "requests": {"GET": self._requests, "DELETE": self._forget_requests},
            "reset": {"POST": self._reset},
            "seed": {"POST": self._seed},
            "seed/{object}": {"POST": self._seed_csv},
            "transaction/begin": {"POST": self._begin_transaction},
            "transaction/commit": {"POST": self._commit_transaction},
            "sessions": {"PUT": self._set_session_life},
            "sessions/end": {"POST": self._end_sessions},
            "refresh-token": {"PUT": self._set_rotation},
            "jwt-key": {"PUT": self._register_jwt_key},
            "limits": {"PUT": self._use_up},
            "limits/app": {"PUT": self._set_app_limit},
            "latency": {"PUT": self._set_latency},
            "progress": {"PUT": self._set_progress},
            "progress/release": {"POST": self._release},
            "pages": {"PUT": self._set_page_rows},
            "behaviour": {"GET": self._get_behaviour, "PUT": self._set_behaviour},
            "faults": {
                "GET": self._faults,
                "POST": self._add_fault,
                "DELETE": self._clear_faults,
            },
        }
        return [
            Resource(f"{CONTROL_PREFIX}/{path}", handlers) for path, handlers in methods.items()
        ]

    def _requests(self, request: Request) -> Response:
        wanted: dict[str, Any] = dict(request.query)
        _refuse_unknown(wanted, "method", "path", "status")
        if "status" in wanted:
            if not wanted["status"].isdecimal():
                raise _bad_request(f"status must be a number, not {wanted['status']!r}")
            wanted["status"] = int(wanted["status"])
        return JsonResponse([asdict(request) for request in self._control.requests_like(**wanted)])

    def _forget_requests(self, _request: Request) -> Response:
        self._control.forget_requests()
        return no_content()

    def _reset(self, _request: Request) -> Response:
        self._control.reset()
        return no_content()

    def _seed(self, request: Request) -> Response:
        with _value_error_as_fault():
            in_transaction = _wants_transaction(request)
            return JsonResponse(
                self._control.seed(_document(request), in_transaction=in_transaction)
            )

    def _seed_csv(self, request: Request) -> Response:
        with _value_error_as_fault():
            text = request.body.decode("utf-8")
            in_transaction = _wants_transaction(request)
            added = self._control.seed_csv(
                request.path["object"], text, in_transaction=in_transaction
            )
            return JsonResponse(added)

    def _begin_transaction(self, _request: Request) -> Response:
        with _value_error_as_fault():
            self._control.begin_transaction()
        return no_content()

    def _commit_transaction(self, _request: Request) -> Response:
        with _value_error_as_fault():
            return JsonResponse(self._control.commit_transaction())

    def _end_sessions(self, _request: Request) -> Response:
        return JsonResponse({"ended": self._control.end_sessions()})

    def _set_session_life(self, request: Request) -> Response:
        document = _document(request, "seconds")
        # A missing key must not mean the same as null, which turns expiry off.
        life = _number(document, "seconds") if document.get("seconds", "") is not None else None
        self._control.end_sessions_after(life)
        return no_content()

    def _set_rotation(self, request: Request) -> Response:
        rotate = _document(request, "rotate").get("rotate")
        if not isinstance(rotate, bool):
            raise _bad_request("rotate must be true or false")
        self._control.rotate_refresh_tokens(rotate=rotate)
        return no_content()

    def _register_jwt_key(self, request: Request) -> Response:
        try:
            self._control.register_jwt_key(request.body.decode("utf-8", "replace"))
        except KeyFileError as error:
            raise _bad_request(f"the body must be the key: {error}") from None
        return no_content()

    def _use_up(self, request: Request) -> Response:
        with _value_error_as_fault():
            for limit, remaining in _document(request).items():
                self._control.use_up(limit, remaining)
        return no_content()

    def _set_app_limit(self, request: Request) -> Response:
        document = _document(request, "name", "max")
        name = document.get("name")
        if not isinstance(name, str | None):
            raise _bad_request("name must be the app's name, or null")
        with _value_error_as_fault():
            self._control.set_app_limit(name, document.get("max", 250))
        return no_content()

    def _set_latency(self, request: Request) -> Response:
        with _value_error_as_fault():
            self._control.set_latency(_seconds(_document(request, "seconds")))
        return no_content()

    def _set_progress(self, request: Request) -> Response:
        document = _document(request, "policy", "polls", "seconds")
        policy = document.get("policy")
        if policy == "at_once":
            self._control.jobs_at_once()
        elif policy == "after_polls":
            self._control.jobs_after_polls(_number(document, "polls"))
        elif policy == "after_seconds":
            with _value_error_as_fault():
                self._control.jobs_after_seconds(_seconds(document))
        elif policy == "hold":
            self._control.hold_jobs()
        else:
            words = "at_once, after_polls, after_seconds or hold"
            raise _bad_request(f"policy must be {words}, not {policy!r}")
        return no_content()

    def _release(self, request: Request) -> Response:
        # Without a body, all jobs are released.
        job_id = _document(request, "job").get("job") if request.body else None
        return JsonResponse({"released": self._control.release_jobs(job_id)})

    def _set_page_rows(self, request: Request) -> Response:
        self._control.set_page_rows(_number(_document(request, "rows"), "rows"))
        return no_content()

    def _get_behaviour(self, _request: Request) -> Response:
        return JsonResponse(self._control.behaviour)

    def _set_behaviour(self, request: Request) -> Response:
        with _value_error_as_fault():
            self._control.set_behaviour(**_document(request))
        return no_content()

    def _faults(self, _request: Request) -> Response:
        return JsonResponse([fault_document(fault) for fault in self._control.faults])

    def _add_fault(self, request: Request) -> Response:
        with _value_error_as_fault():
            self._control.add_fault(**_document(request))
        return no_content()

    def _clear_faults(self, _request: Request) -> Response:
        self._control.clear_faults()
        return no_content()


def _wants_transaction(request: Request) -> bool:
    _refuse_unknown(request.query, "in_transaction")
    text = request.query.get("in_transaction", "false")
    if text not in ("true", "false"):
        raise _bad_request(f"in_transaction must be true or false, not {text!r}")
    return text == "true"


def _number(document: dict[str, Any], key: str) -> int:
    value = document.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _bad_request(f"{key} must be a whole number of at least 1")
    return value


def _seconds(document: dict[str, Any]) -> float:
    value = document.get("seconds")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _bad_request("seconds must be a number")
    return value


def _document(request: Request, *known: str) -> dict[str, Any]:
    """Return the body. If `known` keys are given, other keys are refused."""
    document = request.document()
    if known:
        _refuse_unknown(document, *known)
    return document


def _refuse_unknown(document: Mapping[str, Any], *known: str) -> None:
    if unknown := sorted(set(document) - set(known)):
        raise _bad_request(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")


@contextmanager
def _value_error_as_fault() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise _bad_request(str(error)) from None


def _bad_request(message: str) -> Fault:
    return Fault(code="SANDBOX_CONTROL", message=message)
