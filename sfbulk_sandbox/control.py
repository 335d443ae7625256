"""The control plane: what a tester does to the sandbox, in Python and under /sandbox.

Python                              HTTP
`requests`, `forget_requests()`     GET, DELETE /sandbox/requests
`reset()`                           POST /sandbox/reset
`end_sessions()`                    POST /sandbox/sessions/end
`end_sessions_after()`              PUT /sandbox/sessions
`rotate_refresh_tokens()`           PUT /sandbox/refresh-token
`register_jwt_key()`                PUT /sandbox/jwt-key
`use_up()`                          PUT /sandbox/limits
`jobs_at_once()` and its siblings   PUT /sandbox/progress
`release_jobs()`                    POST /sandbox/progress/release
`set_page_rows()`                   PUT /sandbox/pages
`add_fault()`, `faults`, ...        POST, GET, DELETE /sandbox/faults
"""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.answers import JsonAnswer, no_content
from sfbulk_sandbox.calls import Resource
from sfbulk_sandbox.faults import Fault, KeyFileError
from sfbulk_sandbox.script import Script, ScriptedFault
from sfbulk_sandbox.wire import CONTROL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from sfbulk_sandbox.calls import Call
    from sfbulk_sandbox.job_settings import Paging
    from sfbulk_sandbox.limits import Usage
    from sfbulk_sandbox.progress import Progress
    from sfbulk_sandbox.sessions import Access
    from sfbulk_sandbox.wire import RecordedRequest


class Control:
    """The verbs. Safe to use from several threads.

    Args:
        script: The faults to come.
        access: What opens the org's door.
        usage: What was used of the limits.
        progress: When jobs are worked on.
        paging: How many rows a page of results has.
        reset: Puts rows, jobs and sessions back to how the sandbox began.
    """

    def __init__(  # noqa: PLR0913 - what a tester may move, each by name
        self,
        *,
        script: Script,
        access: Access,
        usage: Usage,
        progress: Progress,
        paging: Paging,
        reset: Callable[[], None],
    ) -> None:
        self._script = script
        self._access = access
        self._usage = usage
        self._progress = progress
        self._paging = paging
        self._reset = reset
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []

    @property
    def requests(self) -> list[RecordedRequest]:
        """The calls made so far, oldest first; those to the control plane are not among them."""
        with self._lock:
            return list(self._requests)

    def record(self, request: RecordedRequest) -> None:
        """Keep a call."""
        with self._lock:
            self._requests.append(request)

    def forget_requests(self) -> None:
        """Begin the list of calls anew."""
        with self._lock:
            self._requests.clear()

    def reset(self) -> None:
        """Put rows, jobs and sessions back to how the sandbox began; forget faults and calls."""
        self._script.clear()
        self._paging.reset()
        self._reset()
        self.forget_requests()

    def end_sessions(self) -> int:
        """End every session, so that the next call with an old token is refused with a 401."""
        return self._access.sessions.end_all()

    def end_sessions_after(self, seconds: int | None) -> None:
        """Let sessions end when they were not used for so long by the org's clock; None: never.

        Raises:
            ValueError: The number is below one.
        """
        self._access.sessions.end_after(seconds)

    def rotate_refresh_tokens(self, *, rotate: bool = True) -> None:
        """Let each use of the refresh token return another one in its place, or no longer so."""
        self._access.refresh_token.rotates = rotate

    def register_jwt_key(self, pem: str) -> None:
        """Take a PEM certificate or public key as what JWT assertions must be signed for.

        Raises:
            KeyFileError: It is neither, or not of RSA.
        """
        self._access.jwt_key.register(pem)

    def use_up(self, limit: str, remaining: int = 0) -> None:
        """Leave so much of a limit of /limits, such as DailyApiRequests.

        Raises:
            ValueError: There is no such limit, or not that much of it.
        """
        self._usage.leave(limit, remaining)

    def jobs_at_once(self) -> None:
        """Work on jobs as soon as they are ready."""
        self._progress.at_once()

    def jobs_after_polls(self, polls: int) -> None:
        """Answer so many polls of a job before it is worked on.

        Raises:
            ValueError: The number is below one.
        """
        self._progress.after_polls(polls)

    def hold_jobs(self) -> None:
        """Let jobs wait until `release_jobs`."""
        self._progress.hold()

    def release_jobs(self, job_id: str | None = None) -> list[str]:
        """Work on one waiting job, or on all, and return their ids."""
        return self._progress.release(job_id)

    def set_page_rows(self, rows: int) -> None:
        """Set how many rows a page of bulk results has when the client names no number.

        Raises:
            ValueError: The number is below one.
        """
        self._paging.set(rows)

    def add_fault(self, **fault: Any) -> None:
        """Put a fault at the end of the script; see `ScriptedFault` for its keys.

        Raises:
            ValueError: A key or the kind is unknown, or a value has the wrong type.
        """
        self._script.add(ScriptedFault.parse(fault))

    @property
    def faults(self) -> list[ScriptedFault]:
        """The faults that can still strike."""
        return self._script.pending()

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._script.clear()


class ControlResources:
    """The same verbs over HTTP, in JSON; a verb that does not understand answers 400."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def resources(self) -> list[Resource]:
        """Return the control plane's resources."""
        return [
            Resource(
                f"{CONTROL_PREFIX}/requests",
                {"GET": self._requests, "DELETE": self._forget_requests},
            ),
            Resource(f"{CONTROL_PREFIX}/reset", {"POST": self._reset}),
            Resource(f"{CONTROL_PREFIX}/sessions", {"PUT": self._set_session_life}),
            Resource(f"{CONTROL_PREFIX}/sessions/end", {"POST": self._end_sessions}),
            Resource(f"{CONTROL_PREFIX}/refresh-token", {"PUT": self._set_rotation}),
            Resource(f"{CONTROL_PREFIX}/jwt-key", {"PUT": self._register_jwt_key}),
            Resource(f"{CONTROL_PREFIX}/limits", {"PUT": self._use_up}),
            Resource(f"{CONTROL_PREFIX}/progress", {"PUT": self._set_progress}),
            Resource(f"{CONTROL_PREFIX}/progress/release", {"POST": self._release}),
            Resource(f"{CONTROL_PREFIX}/pages", {"PUT": self._set_page_rows}),
            Resource(
                f"{CONTROL_PREFIX}/faults",
                {"GET": self._faults, "POST": self._add_fault, "DELETE": self._clear_faults},
            ),
        ]

    def _requests(self, _call: Call) -> Response:
        return JsonAnswer([asdict(request) for request in self._control.requests])

    def _forget_requests(self, _call: Call) -> Response:
        self._control.forget_requests()
        return no_content()

    def _reset(self, _call: Call) -> Response:
        self._control.reset()
        return no_content()

    def _end_sessions(self, _call: Call) -> Response:
        return JsonAnswer({"ended": self._control.end_sessions()})

    def _set_session_life(self, call: Call) -> Response:
        document = call.document()
        # A missing key would otherwise pass for null, which lets sessions live for ever.
        life = _number(document, "seconds") if document.get("seconds", "") is not None else None
        self._control.end_sessions_after(life)
        return no_content()

    def _set_rotation(self, call: Call) -> Response:
        rotate = call.document().get("rotate")
        if not isinstance(rotate, bool):
            raise _misunderstood("rotate must be true or false")
        self._control.rotate_refresh_tokens(rotate=rotate)
        return no_content()

    def _register_jwt_key(self, call: Call) -> Response:
        try:
            self._control.register_jwt_key(call.body.decode("utf-8", "replace"))
        except KeyFileError as error:
            raise _misunderstood(f"the body is the key: {error}") from None
        return no_content()

    def _use_up(self, call: Call) -> Response:
        try:
            for limit, remaining in call.document().items():
                self._control.use_up(limit, remaining)
        except ValueError as error:
            raise _misunderstood(str(error)) from None
        return no_content()

    def _set_progress(self, call: Call) -> Response:
        document = call.document()
        policy = document.get("policy")
        if policy == "at_once":
            self._control.jobs_at_once()
        elif policy == "after_polls":
            self._control.jobs_after_polls(_number(document, "polls"))
        elif policy == "hold":
            self._control.hold_jobs()
        else:
            raise _misunderstood(f"policy is at_once, after_polls or hold, not {policy!r}")
        return no_content()

    def _release(self, call: Call) -> Response:
        job_id = call.document().get("job") if call.body else None
        return JsonAnswer({"released": self._control.release_jobs(job_id)})

    def _set_page_rows(self, call: Call) -> Response:
        self._control.set_page_rows(_number(call.document(), "rows"))
        return no_content()

    def _faults(self, _call: Call) -> Response:
        return JsonAnswer([fault.document() for fault in self._control.faults])

    def _add_fault(self, call: Call) -> Response:
        try:
            self._control.add_fault(**call.document())
        except ValueError as error:
            raise _misunderstood(str(error)) from None
        return no_content()

    def _clear_faults(self, _call: Call) -> Response:
        self._control.clear_faults()
        return no_content()


def _number(document: dict[str, Any], key: str) -> int:
    value = document.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _misunderstood(f"{key} must be a whole number from 1")
    return value


def _misunderstood(message: str) -> Fault:
    return Fault(code="SANDBOX_CONTROL", message=message)
