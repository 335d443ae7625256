"""Says why no connection to a host came about, and what to do about it."""

from __future__ import annotations

import re
import ssl
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import requests.exceptions as rq
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import exceptions as u3

from sfbulk.safe import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NoConnection", "no_connection", "no_such_bundle", "unusable_proxy"]


class NoConnection(NamedTuple):
    """Why no request can have reached the server."""

    text: str
    advice: str
    permanent: bool = False
    """True if the same request would always fail."""


_WAY = "Check the network, firewalls, and whether a proxy is needed (HTTPS_PROXY)"
_HOST_UNKNOWN = NoConnection(
    "the host name is unknown",
    f"Check login_url and instance_url. {_WAY}.",
)
_REFUSED = NoConnection(
    "no connection", f"Check that login_url and instance_url are those of the org. {_WAY}."
)
_NOT_TLS = NoConnection(
    "no TLS is spoken at this port",
    "https needs another port, or a proxy on the way answers in its place.",
    permanent=True,
)
_NO_PROXY = NoConnection(
    "the proxy cannot be reached",
    "Check the address of the proxy in HTTPS_PROXY, and that it runs; NO_PROXY names hosts that "
    "need no proxy.",
)
_PROXY_WITHOUT_TLS = NoConnection(
    "the proxy speaks no TLS itself",
    "Begin its address in HTTPS_PROXY with http://: what passes through it is encrypted anyway.",
    permanent=True,
)
_NO_PROXY_ADDRESS = NoConnection(
    "the proxy has no usable address",
    "Write it into HTTPS_PROXY as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, special "
    "characters percent-encoded.",
    permanent=True,
)
_NO_SOCKS = NoConnection(
    "a SOCKS proxy needs the package PySocks",
    "Install it beside this one, or name a proxy for HTTP in HTTPS_PROXY.",
    permanent=True,
)
_NO_BUNDLE = NoConnection(
    "the file of trusted certificates cannot be used",
    "Set REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE, if that is set) to a readable file of certificates "
    "in PEM form, or remove the variable to trust the usual authorities.",
    permanent=True,
)

_NOT_TLS_REASONS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")
# The words of http.client, which has no exception of its own for an answer to CONNECT.
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_PROXY_ASKS = "407"
_TOO_EARLY_OR_BUSY = ("408", "425", "429")


def no_connection(error: Exception) -> NoConnection | None:
    """Why an exception of the HTTP library is one of connecting; None if it is not known to be."""
    reasons = [error, *_reasons(error)]
    is_of_proxy = any(isinstance(one, (rq.ProxyError, u3.ProxyError)) for one in reasons)
    for reason in reasons:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return _certificate_problem(reason)
        if isinstance(reason, ssl.SSLError) and _word(reason, "reason") in _NOT_TLS_REASONS:
            return _PROXY_WITHOUT_TLS if is_of_proxy else _NOT_TLS
        if _is_of_bundle(reason):
            return _NO_BUNDLE
        if isinstance(reason, u3.NameResolutionError) and not is_of_proxy:
            return _HOST_UNKNOWN
        if isinstance(reason, u3.NewConnectionError) and not is_of_proxy:
            return _REFUSED
    return _of_proxy(reasons) if is_of_proxy else None


def unusable_proxy(origin: str) -> NoConnection | None:
    """What is wrong with the address of the proxy for a host; None if it has no proxy."""
    url = select_proxy(origin, get_environ_proxies(origin))
    if url is None:
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return _NO_PROXY_ADDRESS
    if parts.scheme.startswith("socks") and find_spec("socks") is None:
        return _NO_SOCKS
    is_known = parts.scheme in ("http", "https") or parts.scheme.startswith("socks")
    return None if is_address and is_known else _NO_PROXY_ADDRESS


def no_such_bundle(error: OSError) -> NoConnection | None:
    """The same for an error of `requests` that is no `RequestException`; None for any other."""
    is_it = str(error).startswith("Could not find a suitable TLS CA certificate bundle")
    return _NO_BUNDLE if is_it else None


def _of_proxy(reasons: list[BaseException]) -> NoConnection:
    found = next((hit for one in reasons if (hit := _TUNNEL.search(str(one)))), None)
    status = found and found.group(1)
    if status == _PROXY_ASKS:
        return NoConnection(
            "HTTP 407: the proxy asks for a user and a password, or refuses those it has",
            "Write them into HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT, special characters "
            "percent-encoded.",
            permanent=True,
        )
    if status:
        return NoConnection(
            f"HTTP {status}: the proxy does not connect to this host",
            "Let the proxy in HTTPS_PROXY allow the host, or name the host in NO_PROXY if it can "
            "be reached without.",
            permanent=status.startswith("4") and status not in _TOO_EARLY_OR_BUSY,
        )
    return _NO_PROXY


def _certificate_problem(error: ssl.SSLCertVerificationError) -> NoConnection:
    """Why a certificate is not trusted, and what to do. Switching the check off is no choice."""
    # OpenSSL's own words, such as `self-signed certificate` or `certificate has expired`.
    said = quoted(getattr(error, "verify_message", "") or "unknown reason").rstrip(".")
    if getattr(error, "verify_code", None) in _AUTHORITY_UNKNOWN:
        advice = (
            "If it is that of your own proxy or server, write the certificate of its authority, in "
            "PEM form, to a file and set the environment variable REQUESTS_CA_BUNDLE to its path."
        )
    else:
        advice = (
            "Check the host's name in the settings and this machine's clock; else the server needs "
            "another certificate."
        )
    text = f"the server's certificate is not trusted: {said}"
    return NoConnection(text, advice, permanent=True)


# X509_V_ERR_*: the authority of the certificate, or of one on the way to it, is not known.
_AUTHORITY_UNKNOWN = frozenset((2, 18, 19, 20, 21, 27))


def _is_of_bundle(reason: BaseException) -> bool:
    if isinstance(reason, ssl.SSLError):
        # Errors of the protocol and of a certificate that a server sends are of other libraries.
        return _word(reason, "library") in ("X509", "PEM", "ASN1")
    return isinstance(reason, (PermissionError, IsADirectoryError))


def _word(error: ssl.SSLError, name: str) -> str | None:
    # Such an error has it only if OpenSSL has reported one.
    return getattr(error, name, None)


def _reasons(error: BaseException) -> Iterator[BaseException]:
    """The exceptions inside `error`; the HTTP library has three places for them."""
    for inner in (*error.args, getattr(error, "reason", None)):
        if isinstance(inner, BaseException):
            yield inner
            yield from _reasons(inner)
