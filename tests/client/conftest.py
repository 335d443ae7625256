"""Fixtures of the client's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.scripted import FakeClock, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def transport(server: ScriptedServer, clock: FakeClock) -> Iterator[Transport]:
    """A transport to the scripted server with a token that cannot be renewed."""
    settings = {"instance_url": server.url, "access_token": "00Dxx!secret"}
    transport = Transport(parse_settings(settings), clock)
    yield transport
    transport.close()


@pytest.fixture
def renewing(server: ScriptedServer, clock: FakeClock) -> Iterator[Transport]:
    """A transport to the scripted server that signs in there by client credentials."""
    settings = {"login_url": server.url, "client_id": "id", "client_secret": "shh"}
    transport = Transport(parse_settings(settings), clock)
    yield transport
    transport.close()
