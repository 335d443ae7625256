"""Renders the templates of the page; everything in them is escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, PlainTextResponse

from sfbulk_sandbox.extra import missing_extra

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import jinja2
    from starlette.responses import Response

# Nothing from elsewhere, no inline scripts, and no other site may show the page in a frame.
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not no-referrer: with it, browsers send `Origin: null` with the forms of the page itself.
    "referrer-policy": "same-origin",
}
_MINUTE, _HOUR = 60, 3600
# Below this, a decimal says something.
_SMALL = 10
_SHORTEST = 0.01


def render(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page made from a template, or one line of text if jinja2 is not installed."""
    if missing := missing_extra("jinja2"):
        return PlainTextResponse(f"{missing}\n", 503, headers=_HEADERS)
    text = _environment().get_template(template).render(**values)
    return HTMLResponse(text, status, headers=_HEADERS)


@cache
def _environment() -> jinja2.Environment:
    # Imported late: only the page needs it, and tests start many orgs.
    import jinja2  # noqa: PLC0415 - see above

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sfbulk_sandbox.page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Keys in the order in which they were given.
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    environment.filters |= _filters()
    return environment


def _filters() -> Mapping[str, Any]:
    return {
        "number": _number,
        "plural": plural,
        "duration": duration,
        "rate": _rate,
        "instant": _instant,
    }


def _number(value: int) -> str:
    return f"{value:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun, such as "1 job" and "1,234 jobs"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration(seconds: float | None) -> str:
    """Return a time such as "0.24 s", "12.3 s", "3 min 05 s"; empty if it is unknown."""
    if seconds is None:
        return ""
    if seconds < _SHORTEST:
        return f"< {_SHORTEST} s"
    if seconds < _SMALL:
        return f"{seconds:.2f} s"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{int(seconds) // _MINUTE} min {int(seconds) % _MINUTE:02} s"
    return f"{int(seconds) // _HOUR} h {int(seconds) % _HOUR // _MINUTE:02} min"


def _rate(rows_per_second: float | None) -> str:
    if rows_per_second is None:
        return ""
    return f"{rows_per_second:,.0f}" if rows_per_second >= _SMALL else f"{rows_per_second:.2g}"


def _instant(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else ""
