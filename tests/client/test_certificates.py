"""A certificate that is not trusted is named with what to do, and never with the check off."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from sfbulk.clock import SYSTEM_CLOCK
from sfbulk.errors import TransportError
from sfbulk.http.wire import Request, Wire
from tests.client.scripted import ScriptedServer, as_json
from tests.sandbox_http.certificates import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASK = Request("GET", "/services/data", "List the versions")


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[ScriptedServer, Path]]:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ScriptedServer([as_json([])])
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
    with server:
        yield server, certificate


def refusal(origin: str) -> str:
    with pytest.raises(TransportError) as refused:
        Wire(SYSTEM_CLOCK).send(origin, ASK, None)
    assert refused.value.permanent
    assert not refused.value.ambiguous
    assert "verify=" not in refused.value.message
    return refused.value.message


def test_a_certificate_of_an_unknown_authority_can_be_trusted_by_a_file(
    tls: tuple[ScriptedServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = tls
    origin = server.url.replace("http:", "https:")
    said = refusal(origin)
    assert "self-signed certificate" in said.replace("self signed", "self-signed")
    assert "REQUESTS_CA_BUNDLE" in said
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert Wire(SYSTEM_CLOCK).send(origin, ASK, None).status == 200


def test_a_certificate_of_another_host_is_no_matter_of_trust(
    tls: tuple[ScriptedServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, certificate = tls
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    # It is another name of the same machine, which the certificate does not have.
    said = refusal(server.url.replace("http://127.0.0.1", "https://localhost"))
    assert "localhost" in said
    assert "host's name" in said
    assert "REQUESTS_CA_BUNDLE" not in said


def test_a_port_without_tls_is_named_as_one(server: ScriptedServer) -> None:
    assert "no TLS is spoken" in refusal(server.url.replace("http:", "https:"))
