"""The sample org that the loaders are fed from, its rows, and a PostgreSQL server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients.installed import python_client
from tests.clients.postgres import Postgres
from tests.loaders import org_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("loaders")
            # The first test of a loader installs it.
            item.add_marker(pytest.mark.timeout(720))


@pytest.fixture(scope="session")
def sample_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with org_rows.sample_org(tmp_path_factory.mktemp("org")) as org:
        yield org


@pytest.fixture(scope="session")
def sample_rows(sample_org: Sandbox) -> dict[str, org_rows.Rows]:
    return org_rows.read(sample_org)


@pytest.fixture
def server() -> Iterator[Postgres]:
    with Postgres(python_client("meltanolabs-target-postgres")) as server:
        yield server
