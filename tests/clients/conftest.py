"""An org for each client, over http and https, and what it must hold after a round trip."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from sfbulk_sandbox import Sandbox
from tests.clients.proxy import Proxy
from tests.sandbox_http.certificates import make_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

HERE = Path(__file__).parent
ROWS: list[dict[str, str]] = json.loads((HERE / "rows.json").read_text("utf-8"))
# The hosts that clients have built in, and a My Domain as client credentials need one.
SALESFORCE_HOSTS = ("login.salesforce.com", "test.salesforce.com", "example.my.salesforce.com")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("clients")
            # The first test of a client installs it.
            item.add_marker(pytest.mark.timeout(720))


@pytest.fixture
def org() -> Iterator[Sandbox]:
    with Sandbox(sample=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"), *SALESFORCE_HOSTS)


@pytest.fixture
def https_org(certificate: tuple[Path, Path]) -> Iterator[Sandbox]:
    with Sandbox(sample=False, certificate=certificate[0], key=certificate[1]) as sandbox:
        yield sandbox


@dataclass(frozen=True)
class Salesforce:
    """A sandbox that stands where clients look for Salesforce.

    Attributes:
        environment: What leads a client that is started with it there, and nowhere else.
    """

    sandbox: Sandbox
    environment: dict[str, str]

    def config(self) -> dict[str, Any]:
        """Return the settings of a client that signs in by a refresh token."""
        names = ("client_id", "client_secret", "refresh_token")
        return {name: getattr(self.sandbox, name) for name in names}

    def change(self, path: str, values: dict[str, Any]) -> None:
        """Change a record over REST."""
        answer = requests.patch(
            f"{self.sandbox.url}/services/data/v68.0/sobjects/{path}",
            json=values,
            headers={"Authorization": f"Bearer {self.sandbox.access_token}"},
            verify=self.environment["REQUESTS_CA_BUNDLE"],
            timeout=30,
        )
        assert answer.ok, answer.text


@pytest.fixture
def salesforce(
    certificate: tuple[Path, Path],
) -> Callable[[Path | None], AbstractContextManager[Salesforce]]:
    """Open a Salesforce that holds the rows of a folder, with the objects of another one too."""

    @contextmanager
    def opened(data: Path | None = None, describe: Path | None = None) -> Iterator[Salesforce]:
        pem, key = certificate
        with Sandbox(data, describe, sample=False, certificate=pem, key=key) as sandbox:
            port = urlsplit(sandbox.url).port
            assert port is not None
            with Proxy(port, frozenset(SALESFORCE_HOSTS)) as proxy:
                yield Salesforce(sandbox, _led_to(proxy.url, pem))
            assert proxy.refused == []

    return opened


def _led_to(proxy: str, certificate: Path) -> dict[str, str]:
    # In lower case they come first where both are set.
    names = ("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY")
    nothing_past_it = {"no_proxy": "", "NO_PROXY": ""}
    return dict.fromkeys(names, proxy) | nothing_past_it | {"REQUESTS_CA_BUNDLE": str(certificate)}


def invoices() -> list[dict[str, Any]]:
    """Return the rows that the clients read which only read: every type, and awkward texts."""
    rows: list[dict[str, Any]] = json.loads((HERE / "invoices.json").read_text("utf-8"))
    absent = dict.fromkeys(rows[0])
    given = {"Status__c": "Draft", "Is_Disputed__c": False}
    return [absent | given | row for row in rows]


def write_invoices(folder: Path) -> Path:
    """Write the invoices, each last changed a day after the one before; return the folder."""
    folder.mkdir()
    with (folder / "Invoice__c.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = invoices()
        writer = csv.DictWriter(stream, [*rows[0], "SystemModstamp"])
        writer.writeheader()
        for day, row in enumerate(rows, start=1):
            cells = {
                name: str(value).lower() if isinstance(value, bool) else value
                for name, value in row.items()
            }
            writer.writerow(cells | {"SystemModstamp": f"2024-05-{day:02}T10:00:00.000Z"})
    return folder


def json_lines(text: str) -> list[dict[str, Any]]:
    """Return the messages that a connector writes, one a line; values may hold U+2028."""
    return [json.loads(line) for line in text.split("\n") if line]


def ready(sandbox: Sandbox) -> str:
    """Return the ready line, as a driver takes it."""
    return json.dumps(sandbox.ready_line())


def held(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return what the org holds of the rows, read past HTTP."""
    names = list(ROWS[0])
    query = sandbox.org.query(
        f"SELECT {', '.join(names)} FROM Account WHERE Ext_Id__c LIKE 'C-%' ORDER BY Ext_Id__c"  # noqa: S608 - constants
    )
    texts = ([str(value) for value in row] for row in query.rows())
    return [dict(zip(names, row, strict=True)) for row in texts]
