"""Refuses what another web site makes a browser send to the page and to the control plane.

Both need no session, so without this check any site that is open in a browser could reset the org
(a form that it submits here) or read records (its own host name, made to resolve to 127.0.0.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sfbulk_sandbox.faults.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk_sandbox.http.requests import Request

_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
# These only read, and a link from another site may lead here.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_FETCHES = frozenset({"same-origin", "none"})


def check_local(request: Request) -> Mapping[str, str]:
    """Refuse a request to another host name, or from a page of another origin.

    Clients that are not browsers send neither Origin nor Sec-Fetch-Site, and are admitted.

    Returns:
        No headers: it is the check of a `Resource`.

    Raises:
        Fault: 403.
    """
    if _hostname(request.base_url) not in _NAMES:
        raise _refusal(
            f"the host is {request.headers.get('host')}, not 127.0.0.1 or localhost; "
            "use the address of the ready line"
        )
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() != request.base_url.lower():
        raise _refusal(f"the request is from a page of {origin}, not of {request.base_url}")
    site = request.headers.get("sec-fetch-site", "none")
    if request.method not in _SAFE and site not in _OWN_FETCHES:
        raise _refusal(f"the request is from a page of another site ({site})")
    return {}


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _refusal(message: str) -> Fault:
    return Fault("SANDBOX_CONTROL", message, status=403)
