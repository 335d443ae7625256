"""An org for each client, over http and https, and what it must hold after a round trip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.sandbox_http.certificates import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROWS: list[dict[str, str]] = json.loads((HERE / "rows.json").read_text("utf-8"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("clients")
            # Two workers must not install into one folder.
            item.add_marker(pytest.mark.xdist_group("clients"))
            # The first test of a client installs it.
            item.add_marker(pytest.mark.timeout(720))


@pytest.fixture
def org() -> Iterator[Sandbox]:
    with Sandbox(sample=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    hosts = ("login.salesforce.com", "test.salesforce.com")
    return make_certificate(tmp_path_factory.mktemp("certificate"), *hosts)


@pytest.fixture
def https_org(certificate: tuple[Path, Path]) -> Iterator[Sandbox]:
    with Sandbox(sample=False, certificate=certificate[0], key=certificate[1]) as sandbox:
        yield sandbox


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
