"""A proxy that does not work is named with what to do, and its password is never shown."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from sfbulk.clock import SYSTEM_CLOCK
from sfbulk.errors import TransportError
from sfbulk.http.wire import Request, Wire
from sfbulk.safe import forget_secrets, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

ASK = Request("GET", "/services/data", "List the versions")
ORG = "https://acme.my.salesforce.com"
PASSWORD = "pa:ss@w0rd"
WRITTEN = "user:pa%3Ass%40w0rd@"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    yield
    forget_secrets()


@contextmanager
def proxy_that_answers(answer: bytes) -> Iterator[int]:
    """The port of a proxy that answers one CONNECT so."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            there, _ = listening.accept()
            with there:
                assert there.recv(65_536).startswith(b"CONNECT acme.my.salesforce.com:443")
                there.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def refusal() -> TransportError:
    with pytest.raises(TransportError) as refused:
        Wire(SYSTEM_CLOCK).send(ORG, ASK, None)
    assert not refused.value.ambiguous
    assert "HTTPS_PROXY" in refused.value.message
    return refused.value


@pytest.mark.parametrize(
    ("status", "said", "permanent"),
    [
        ("407 Proxy Authentication Required", "a user and a password", True),
        ("403 Forbidden", "does not connect to this host", True),
        ("502 Bad Gateway", "does not connect to this host", False),
    ],
)
def test_what_a_proxy_refuses_is_said(
    monkeypatch: pytest.MonkeyPatch, status: str, said: str, *, permanent: bool
) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    with proxy_that_answers(answer) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{WRITTEN}127.0.0.1:{port}")
        refused = refusal()
    assert f"HTTP {status[:3]}" in refused.message
    assert said in refused.message
    assert refused.permanent is permanent


def test_a_proxy_that_is_down_is_no_trouble_of_the_org(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    assert "the proxy cannot be reached" in refusal().message


@pytest.mark.parametrize(
    "address",
    ["http://user:pw@", "http://127.0.0.1:99999", "http://[::1", "ftp://127.0.0.1", "x:y:z"],
)
def test_a_proxy_without_a_usable_address_is_named(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    refused = refusal()
    assert "no usable address" in refused.message
    assert refused.permanent


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_password_of_a_proxy_is_a_secret(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}{WRITTEN}127.0.0.1:1")
    Wire(SYSTEM_CLOCK)
    for form in (PASSWORD, WRITTEN):
        assert "w0rd" not in safe_text(f"through {form}")


def test_a_file_of_certificates_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    for _ in ("there is none", "it has no certificate"):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
        with socket.create_server(("127.0.0.1", 0)) as there:
            origin = f"https://localhost:{there.getsockname()[1]}"
            with pytest.raises(TransportError, match="REQUESTS_CA_BUNDLE") as refused:
                Wire(SYSTEM_CLOCK).send(origin, ASK, None)
        assert refused.value.permanent
        path.write_text("no certificate")
