"""The loaders: how each is set up, and a reader of its own for what it wrote."""

from __future__ import annotations

import csv
import json
import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import duckdb

from tests.clients.installed import (
    TARGET_PARQUET,
    Given,
    find_python,
    pinned_version,
    python_client,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.clients.postgres import Postgres

SCHEMA = "salesforce"
Table = list[dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """Where a loader writes: a folder, and a server for those that need one."""

    folder: Path
    server: Postgres | None = None

    @property
    def database(self) -> Path:
        """The file of a database that is a file."""
        return self.folder / "warehouse.db"

    def postgres(self) -> Postgres:
        """Return the server."""
        assert self.server
        return self.server


@dataclass(frozen=True)
class Loader:
    """A loader.

    Attributes:
        package: Its file in `tests/clients/pinned`, without the ending.
        command: The command that the package installs.
        settings: Its settings.
        rows: What it wrote of a stream.
        given: How it is found if it is on no package index; None if it is.
        python: The version of Python that it needs; None for ours.
        on_server: Whether it needs a PostgreSQL server.
    """

    package: str
    command: str
    settings: Callable[[Place], dict[str, Any]]
    rows: Callable[[Place, str], Table]
    given: Given | None = None
    python: str | None = None
    on_server: bool = False

    @property
    def named(self) -> tuple[str, str]:
        """Its package and version."""
        if self.given:
            return self.given.name, self.given.version
        return pinned_version(self.package)

    def missing(self) -> str | None:
        """Return why it cannot run here; None if it can."""
        if self.given and not self.given.command():
            return f"{self.given.variable} gives no command"
        if self.python and not find_python(self.python):
            return f"{self.package} needs python{self.python}, which is not here"
        return None

    def installed(self) -> Path:
        """Return its command, installed on first use."""
        given = self.given.command() if self.given else None
        if given:
            return given
        return python_client(self.package, self.python) / self.command


def _jsonl_settings(place: Place) -> dict[str, Any]:
    return {"destination_path": str(place.folder), "do_timestamp_file": False}


def _jsonl_rows(place: Place, stream: str) -> Table:
    text = (place.folder / f"{stream}.jsonl").read_text("utf-8")
    lines = [line for line in text.split("\n") if line]
    return [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines]


def _csv_settings(place: Place) -> dict[str, Any]:
    return {"output_path": str(place.folder)}


def _csv_rows(place: Place, stream: str) -> Table:
    with (place.folder / f"{stream}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _duckdb_settings(place: Place) -> dict[str, Any]:
    return {"filepath": str(place.database), "default_target_schema": SCHEMA}


def _duckdb_rows(place: Place, stream: str) -> Table:
    with duckdb.connect(str(place.database), read_only=True) as warehouse:
        result = warehouse.execute(f"SELECT * FROM {SCHEMA}.{stream}")  # noqa: S608 - our own names
        return _named(result)


def _named(result: duckdb.DuckDBPyConnection) -> Table:
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _parquet_settings(place: Place) -> dict[str, Any]:
    return {"destination_path": str(place.folder / "files")}


def _parquet_rows(place: Place, stream: str) -> Table:
    files = f"{place.folder}/files/{stream}/*.parquet"
    with duckdb.connect() as memory:
        return _named(memory.execute("SELECT * FROM read_parquet(?)", [files]))


def _sqlite_settings(place: Place) -> dict[str, Any]:
    return {"database": str(place.folder / "warehouse")}


def _sqlite_rows(place: Place, stream: str) -> Table:
    warehouse = sqlite3.connect(place.database)
    warehouse.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in warehouse.execute(f"SELECT * FROM {stream}")]  # noqa: S608 - our own names
    finally:
        warehouse.close()


def _meltano_postgres_settings(place: Place) -> dict[str, Any]:
    return {"sqlalchemy_url": place.postgres().url, "default_target_schema": SCHEMA}


def _meltano_postgres_rows(place: Place, stream: str) -> Table:
    return place.postgres().rows(f'{SCHEMA}."{stream}"')


def _pipelinewise_settings(place: Place) -> dict[str, Any]:
    url = urlsplit(place.postgres().url)
    return {
        # A folder: that of the server's socket.
        "host": parse_qs(url.query)["host"][0],
        "port": 5432,
        "user": url.username,
        "password": "unused",
        "dbname": url.path.removeprefix("/"),
        "default_target_schema": SCHEMA,
    }


def _pipelinewise_rows(place: Place, stream: str) -> Table:
    return place.postgres().rows(f"{SCHEMA}.{stream}")


LOADERS = [
    Loader("target-jsonl", "target-jsonl", _jsonl_settings, _jsonl_rows),
    Loader("meltanolabs-target-csv", "target-csv", _csv_settings, _csv_rows),
    Loader("target-duckdb", "target-duckdb", _duckdb_settings, _duckdb_rows),
    Loader("target-duckdb@0.8.0", "target-duckdb", _duckdb_settings, _duckdb_rows),
    Loader("target-sqlite", "target-sqlite", _sqlite_settings, _sqlite_rows, python="3.9"),
    Loader(
        "meltanolabs-target-postgres",
        "target-postgres",
        _meltano_postgres_settings,
        _meltano_postgres_rows,
        on_server=True,
    ),
    Loader(
        "pipelinewise-target-postgres",
        "target-postgres",
        _pipelinewise_settings,
        _pipelinewise_rows,
        on_server=True,
    ),
    Loader(
        "target-parquet", "target-parquet", _parquet_settings, _parquet_rows, given=TARGET_PARQUET
    ),
]
