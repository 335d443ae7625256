"""Refuses what a page of another web site makes a browser send to the sandbox.

The page and the control plane need no session, and a session id may be in the hands of such a page
too. Without this check any site that is open in a browser could reset the org (a form that it
submits here) or read records (its own host name, made to resolve to 127.0.0.1). As in Salesforce,
no other origin is allowed (Setup, CORS: the list of allowed origins is empty at first).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cryptography import x509
from starlette.datastructures import Headers

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.responses import fault_response

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
# These only read, and a link from another site may lead here.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_FETCHES = frozenset({"same-origin", "none"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.IGNORECASE)


class OnlyLocal:
    """ASGI middleware that refuses (403) other host names, and pages of other origins.

    Clients that are not browsers send neither Origin nor Sec-Fetch-Site, and are admitted.

    Args:
        app: The app.
        names: Host names that are the sandbox's besides those of the loopback address.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        self._app = app
        self._names = LOOPBACK_NAMES.union(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        fault = Fault("SANDBOX_CONTROL", refusal, status=403)
        await fault_response(fault)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "127.0.0.1")
        parts = _HOST.fullmatch(host)
        if parts is None or not self._is_ours(parts[1].lower()):
            return (
                f"the host is {host}, not 127.0.0.1 or localhost; use the address of the ready line"
            )
        origin, own = headers.get("origin"), f"{scope['scheme']}://{host}"
        if origin is not None and origin.lower() != own.lower():
            return f"the request is from a page of {origin}, not of {own}"
        site = headers.get("sec-fetch-site", "none")
        if scope["method"] not in _SAFE and site not in _OWN_FETCHES:
            return f"the request is from a page of another site ({site})"
        return None

    def _is_ours(self, name: str) -> bool:
        return name in self._names or "*." + name.partition(".")[2] in self._names


def names_of_certificate(path: Path) -> list[str]:
    """Return the host names in a PEM certificate: clients that trust it reach the sandbox by them.

    Raises:
        OSError: The file is not a certificate.
    """
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    except ValueError as error:
        raise OSError(f"{path} is not a PEM certificate ({error})") from None
    return names.value.get_values_for_type(x509.DNSName)
