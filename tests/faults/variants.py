"""The faults of calls, each in the forms that a client could take in different ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LATE_SECONDS = 0.6
"""How much later the work of a delayed call begins..."""

PATIENCE_SECONDS = 0.3
"""...and how long the client waits for an answer meanwhile."""

_HTML = {"Content-Type": "text/html; charset=UTF-8"}
_PAGE = "<html><head><title>Down for maintenance</title></head></html>"
_WORDS = {
    "Shift_JIS": "\u30e1\u30f3\u30c6\u30ca\u30f3\u30b9\u4e2d",
    "GB2312": "\u7cfb\u7edf\u7ef4\u62a4",
    "UTF-16": "\u7cfb\u7edf\u7ef4\u62a4",
}
"""What a page of maintenance says in its encoding."""

REFUSED = "refused"
"""Not a fault of the sandbox: the request goes to a port at which nobody listens."""


@dataclass(frozen=True)
class Variant:
    """A fault of one call."""

    name: str
    fault: dict[str, Any]
    passes: bool = True
    """Whether the client must come through: the same request is fine a moment later."""
    quick: bool = False
    """Whether it runs with every test run."""
    on_sign_in: bool = True
    """Whether it must come through the sign-in too, the first request of each flow."""
    late: bool = False
    """Whether the client gives up waiting before the work begins."""

    @property
    def is_at_a_line(self) -> bool:
        """Whether the answer ends early, at the end of a line."""
        return "lines" in self.fault

    def __str__(self) -> str:
        return self.name


def _answer(name: str, status: int, body: object = "", **more: Any) -> Variant:
    about = {key: more.pop(key) for key in ("passes", "on_sign_in") if key in more}
    return Variant(name, {"kind": "answer", "status": status, "body": body, **more}, **about)


def _page(name: str, status: int, encoding: str) -> Variant:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<!DOCTYPE html>\n'
        f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{_WORDS[encoding]}</body></html>'
    )
    headers = {"Content-Type": f"text/html; charset={encoding}"}
    return _answer(name, status, text, encoding=encoding, headers=headers)


def _error(code: str, message: str = "no luck") -> list[dict[str, str]]:
    return [{"errorCode": code, "message": message}]


VARIANTS = [
    Variant("lost", {"kind": "lost"}, quick=True),
    Variant("closed before", {"kind": "closed"}),
    Variant("closed in the request", {"kind": "closed", "after_bytes": 10}),
    Variant("reset before", {"kind": "closed", "reset": True}),
    Variant("reset in the request", {"kind": "closed", "after_bytes": 10, "reset": True}),
    Variant("reset in the answer", {"kind": "cut", "after_bytes": 25, "reset": True}),
    Variant("reset without an answer", {"kind": "lost", "reset": True}),
    Variant("refused", {"kind": REFUSED}),
    Variant("cut before the body", {"kind": "cut"}),
    Variant("cut in the body", {"kind": "cut", "after_bytes": 25}),
    Variant("without its last line", {"kind": "shortened", "lines": 1}),
    Variant("without its last bytes", {"kind": "shortened", "bytes": 4}),
    Variant("without its body", {"kind": "shortened", "lines": 100_000}),
    Variant("shorter than it says", {"kind": "wrong_length", "by": 7}),
    Variant("longer than it says", {"kind": "wrong_length", "by": -7}),
    Variant(
        "stops for long", {"kind": "stalled", "after_bytes": 25, "seconds": LATE_SECONDS}, late=True
    ),
    Variant("delayed", {"kind": "delay", "seconds": 0.01}),
    Variant("too late", {"kind": "delay", "seconds": LATE_SECONDS}, late=True),
    Variant("session ends", {"kind": "expired_session"}, quick=True),
    Variant("requests used up", {"kind": "used_up", "limit": "DailyApiRequests"}, passes=False),
    _answer("500", 500, _error("UNKNOWN_EXCEPTION")),
    _answer("502 page", 502, _PAGE, headers=_HTML),
    _answer("504 nothing", 504),
    _answer("408", 408),
    _answer("503 retry after", 503, _error("SERVER_UNAVAILABLE"), headers={"Retry-After": "30"}),
    _answer("503 page", 503, _PAGE, headers=_HTML),
    _page("503 page in Shift_JIS", 503, "Shift_JIS"),
    _page("502 page in GB2312", 502, "GB2312"),
    _page("503 page in UTF-16", 503, "UTF-16"),
    _page("page as success in Shift_JIS", 200, "Shift_JIS"),
    _answer("429", 429),
    _answer("too many at once", 403, _error("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests")),
    _answer("locked", 400, _error("UNABLE_TO_LOCK_ROW")),
    _answer("page as success", 200, _PAGE, headers=_HTML),
    _answer("nothing as success", 204, passes=False),
    _answer("401 without words", 401, on_sign_in=False),
    _answer("403", 403, _error("API_DISABLED_FOR_ORG"), passes=False),
    _answer("404", 404, _error("NOT_FOUND"), passes=False),
    _answer("400", 400, _error("INVALIDJOBSTATE"), passes=False),
    _answer("405", 405, passes=False),
]
