"""`meltano run` carries the rows of PostgreSQL into an org, by an extractor we did not write."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.clients.installed import python_client, run
from tests.clients.meltano import plugin, write_project
from tests.clients.postgres import Postgres
from tests.e2e.commands import MELTANO
from tests.loaders.into_org import COLUMNS, empty_org, expected, settings, source, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox


@pytest.fixture
def org() -> Iterator[Sandbox]:
    with empty_org() as org:
        yield org


@pytest.fixture
def server() -> Iterator[Postgres]:
    with Postgres(python_client("meltanolabs-target-postgres")) as server:
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        server.execute(f"CREATE TABLE invoices ({columns})")
        for row in source():
            server.execute(insert(row))
        yield server


def insert(row: dict[str, Any]) -> str:
    """Return the statement on one line."""
    values = [literal(row[name]) for name in COLUMNS]
    return f"INSERT INTO invoices VALUES ({', '.join(values)})"  # noqa: S608 - our own rows


def literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if not isinstance(value, str):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return "E'" + escaped.replace("\r", "\\r").replace("\n", "\\n") + "'"


def project(folder: Path, org: Sandbox, server: Postgres) -> Path:
    """Write the project, and return its folder."""
    url = urlsplit(server.url)
    # The extractor wants a host and a password. The option names the socket that is used.
    place = f"postgresql+psycopg2://{url.username}:unused@localhost{url.path}?{url.query}"
    extractor = plugin(
        "tap-postgres",
        python_client("meltanolabs-tap-postgres") / "tap-postgres",
        {"sqlalchemy_url": place, "filter_schemas": ["public"]},
    )
    config = settings(org, "public-invoices", folder)
    write_project(
        folder,
        extractor=extractor | {"capabilities": ["catalog", "state", "discover"]},
        loader=plugin("target-sfbulk", Path(sys.executable).with_name("target-sfbulk"), config)
        | {"capabilities": ["structured-logging"]},
    )
    return folder


def test_rows_of_postgres_reach_the_org_by_meltano_value_by_value(
    org: Sandbox, server: Postgres, tmp_path: Path
) -> None:
    folder = project(tmp_path / "project", org, server)
    run(MELTANO, "run", "tap-postgres", "target-sfbulk", cwd=folder)
    assert stored(org) == expected()
