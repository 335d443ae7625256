"""How long a request's URI and headers may be (REST guide: Status Codes, 414 and 431)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MOST_BYTES = 16_384
# A header line has a colon, a space, CR and LF besides name and value.
_AROUND_A_HEADER = 4
_TOO_LONG = {414: "URI Too Long", 431: "Request Header Fields Too Large"}


class RequestLine:
    """ASGI middleware that refuses requests with a URI or headers that are too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        status = _refusal(scope)
        if status is None:
            await self._app(scope, receive, send)
            return
        # The server in front of the API answers, not the API: HTML, not a list of errors.
        page = f"<h1>Bad Message {status}</h1><pre>reason: {_TOO_LONG[status]}</pre>"
        await HTMLResponse(page, status_code=status)(scope, receive, send)


def _refusal(scope: Scope) -> int | None:
    uri = len(scope["raw_path"]) + len(scope["query_string"])
    if scope["query_string"]:
        uri += len("?")
    if uri > MOST_BYTES:
        return 414
    headers = sum(len(name) + len(value) + _AROUND_A_HEADER for name, value in scope["headers"])
    return 431 if uri + headers > MOST_BYTES else None
