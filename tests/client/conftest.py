"""Fixtures of the client's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings

from sfbulk import Salesforce
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from sfbulk_sandbox import Sandbox
from tests.client.scripted import FakeClock, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# No deadline: on a busy machine an example may take long without a fault in the code.
hypothesis_settings.register_profile("client", deadline=None)
hypothesis_settings.load_profile("client")


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


@pytest.fixture(scope="package")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for the whole package; use `sandbox`, which is reset for each test."""
    with Sandbox(data=write_accounts(tmp_path_factory.mktemp("data"))) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.control.reset()
    running_sandbox.control.jobs_at_once()
    return running_sandbox


@pytest.fixture
def line_breaks_kept(sandbox: Sandbox) -> None:
    """The org stores CR and CRLF inside text; by default it makes LF of them."""
    sandbox.control.set_behaviour(line_breaks="kept")


@pytest.fixture
def sf(sandbox: Sandbox, clock: FakeClock) -> Iterator[Salesforce]:
    """The client, signed in to the sandbox, with a clock that does not wait."""
    settings = {
        "login_url": sandbox.url,
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }
    with Salesforce.from_settings(settings, clock=clock) as sf:
        yield sf


ACCOUNTS = [f"Account {number:03d}" for number in range(1, 26)]


def write_accounts(folder: Path) -> Path:
    """A data folder for the sandbox with 25 accounts."""
    lines = ["Name,Ext_Id__c", *(f"{name},E{name[-3:]}" for name in ACCOUNTS)]
    (folder / "Account.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
