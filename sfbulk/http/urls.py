"""Where requests may go: https anywhere, http to this machine only."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def origin_problem(url: str) -> str | None:
    """What is wrong with `url` as the address of an org; None when nothing is.

    An address is a scheme and a host, `https://example.my.salesforce.com`; plain http
    is for loopback addresses, where no one can listen.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("https", "http") or not host:
        return "must be a URL such as https://example.my.salesforce.com"
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        return "must be scheme and host only, such as https://example.my.salesforce.com"
    if parts.scheme == "http" and not is_loopback(host):
        return "must begin with https: plain http is for 127.0.0.1 and localhost only"
    return None


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, by its name or address alone (nothing is looked up)."""
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
