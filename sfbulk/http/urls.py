"""Which addresses requests may be sent to: https to any host, http to this machine only."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

# A parser of URLs may end the host at any other character, and another parser may not.
_HOST = re.compile(r"[a-z0-9][a-z0-9._-]*|[0-9a-f:.]*:[0-9a-f:.]*")


def origin_problem(url: str) -> str | None:
    """What is wrong with `url` as the address of an org; None if it is valid.

    An address is a scheme and a host, such as `https://example.my.salesforce.com`. Plain http is
    only allowed for loopback addresses, since others can read it on the network.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("https", "http") or not host or not _HOST.fullmatch(host):
        return "must be a URL such as https://example.my.salesforce.com"
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        return "must be scheme and host only, such as https://example.my.salesforce.com"
    if parts.scheme == "http" and not is_loopback(host):
        return "must start with https: plain http is only allowed for 127.0.0.1 and localhost"
    return None


def is_loopback(host: str) -> bool:
    """Whether the host is this machine; only the text is checked, there is no DNS request."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def origin(url: str) -> str:
    """Scheme, host and port of `url`, in lower case and without a default port."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
