"""`meltano run` carries every type into warehouses by loaders we did not write.

The values in each warehouse are compared with the rows of the org, type by type.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, datetime, time, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from sfbulk_sandbox import Sandbox
from tests.clients.conftest import invoices, json_lines, write_invoices
from tests.clients.installed import ROOT, python_client, run, without_python_settings
from tests.clients.meltano import plugin, write_project
from tests.clients.postgres import Postgres
from tests.e2e.commands import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MELTANO = ROOT / ".venv-meltano" / "bin" / "meltano"
STREAM = "Invoice__c"
# A loader that is on no package index in a version that installs: its command may be given here.
TARGET_PARQUET = os.environ.get("SFBULK_TARGET_PARQUET", "")


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(sample=False, data=write_invoices(tmp_path / "data")) as sandbox:
        yield sandbox


class Project:
    """A Meltano project of the tap and one loader; both are installed already."""

    def __init__(self, folder: Path, org: Sandbox, loader: Path, settings: dict[str, Any]) -> None:
        self._folder = folder
        self._loader = loader.name
        sign_in = {
            "login_url": org.url,
            "client_id": org.client_id,
            "client_secret": org.client_secret,
        }
        config = sign_in | {"streams_to_discover": [STREAM]}
        tap = Path(sys.executable).with_name("tap-sfbulk")
        capabilities = ["catalog", "state", "discover", "about", "structured-logging"]
        write_project(
            folder,
            extractor=plugin("tap-sfbulk", tap, config) | {"capabilities": capabilities},
            loader=plugin(self._loader, loader, settings),
        )

    def run(self) -> None:
        """Run tap and loader to their good end."""
        run(MELTANO, "run", "tap-sfbulk", self._loader, cwd=self._folder)


def by_key(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the rows by key, with names in lower case, without what is not compared."""
    names = list(invoices()[0])
    return {
        row["ext_id__c"]: {name: row[name.lower()] for name in names} for row in map(folded, rows)
    }


def expected() -> dict[str, dict[str, Any]]:
    """Return the rows as a database with types holds them."""
    return {row["Ext_Id__c"]: {n: _typed(n, v) for n, v in row.items()} for row in invoices()}


def _typed(name: str, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, float):
        return Decimal(str(value))
    if name == "Issued_On__c":
        return date.fromisoformat(value)
    if name == "Due_At__c":
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value


def as_decimal(value: Any) -> Any:
    """Return a number with its digits, and a datetime without a zone as one in UTC."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=timezone.utc)
    return value


def found(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {k: {n: as_decimal(v) for n, v in row.items()} for k, row in by_key(rows).items()}


def duckdb_rows(warehouse: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    """Return all rows of a table by column name."""
    result = warehouse.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own names
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def written(**forms: Callable[[Any], Any]) -> dict[str, dict[str, Any]]:
    """Return the expected rows with some columns as a loader is known to write them."""
    return {
        key: {
            name: forms[name](value) if name in forms and value is not None else value
            for name, value in row.items()
        }
        for key, row in expected().items()
    }


def as_time(value: str) -> time:
    """Return Salesforce's text of a time as a time."""
    return time.fromisoformat(value.removesuffix(".000Z"))


def iso_utc(value: datetime) -> str:
    """Return a datetime as the tap writes it."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_rows_reach_duckdb_by_meltano_type_by_type(org: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    settings = {"filepath": str(file), "default_target_schema": "salesforce"}
    Project(
        tmp_path / "project", org, python_client("target-duckdb") / "target-duckdb", settings
    ).run()
    with duckdb.connect(str(file), read_only=True) as warehouse:
        rows = duckdb_rows(warehouse, "salesforce.invoice__c")
    # The loader keeps dates as text.
    assert found(rows) == written(Issued_On__c=date.isoformat, Cut_Off__c=as_time)


def test_rows_reach_jsonl_by_meltano_value_by_value(org: Sandbox, tmp_path: Path) -> None:
    settings = {"destination_path": str(tmp_path), "do_timestamp_file": False}
    Project(
        tmp_path / "project", org, python_client("target-jsonl") / "target-jsonl", settings
    ).run()
    rows = json_lines((tmp_path / f"{STREAM}.jsonl").read_text("utf-8"))
    assert found(rows) == written(Issued_On__c=date.isoformat, Due_At__c=iso_utc)


def test_rows_reach_postgres_by_meltano_type_by_type(org: Sandbox, tmp_path: Path) -> None:
    commands = python_client("meltanolabs-target-postgres")
    with Postgres(commands) as server:
        settings = {"sqlalchemy_url": server.url, "default_target_schema": "salesforce"}
        Project(tmp_path / "project", org, commands / "target-postgres", settings).run()
        rows = server.rows('salesforce."Invoice__c"')
    assert found(rows) == written(Cut_Off__c=as_time)


class Pipeline:
    """The tap and one loader, joined as a shell joins them; the state goes from run to run."""

    def __init__(self, folder: Path, org: Sandbox, loader: Path, settings: dict[str, Any]) -> None:
        self._folder, self._loader = folder, loader
        self._settings = write_json(folder / "loader.json", settings)
        options = {"refresh_formulas": 1, "hard_deletes": "sweep"}
        sign_in = {
            "login_url": org.url,
            "client_id": org.client_id,
            "client_secret": org.client_secret,
        }
        self._config = write_json(
            folder / "tap.json",
            sign_in
            | {
                "streams_to_discover": [STREAM],
                "stream_options": {STREAM: options},
                "ids_dir": str(folder / "ids"),
            },
        )
        self.state: dict[str, Any] = {}

    def run(self) -> list[dict[str, Any]]:
        """Load what a run reads, and return its records."""
        tap = Path(sys.executable).with_name("tap-sfbulk")
        state = write_json(self._folder / "state.json", self.state)
        lines = run(tap, "--config", self._config, "--state", state)
        file = self._folder / "lines.jsonl"
        file.write_text(lines, "utf-8")
        with file.open("rb") as stdin:
            subprocess.run(
                [self._loader, "--config", self._settings],
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                check=True,
                timeout=300,
                env=without_python_settings(),
            )
        messages = json_lines(lines)
        self.state = [message["value"] for message in messages if message["type"] == "STATE"][-1]
        return [message["record"] for message in messages if message["type"] == "RECORD"]

    def make_refresh_due(self) -> None:
        """Set the last refresh of the formulas back by days."""
        self.state["bookmarks"][STREAM]["formulas_refreshed"] = "2024-01-01T00:00:00.000Z"


def leave_the_org(org: Sandbox, key: str) -> str:
    """Delete an invoice without the recycle bin; return its id."""
    found = org.org.query(f"SELECT Id FROM {STREAM} WHERE Ext_Id__c = '{key}'")  # noqa: S608 - our own names
    record_id = str(next(iter(found.rows()))[0])
    (result,) = org.org.loader("hardDelete", STREAM, ["Id"]).save([[record_id]])
    assert result.success
    return record_id


def check_parts(pipeline: Pipeline, org: Sandbox, rows: Callable[[], list[dict[str, Any]]]) -> None:
    """Refresh formulas and find a deleted row: neither may empty the other columns of a row."""
    assert len(pipeline.run()) == len(invoices())
    before = by_key(rows())
    gone = leave_the_org(org, "I-3")
    pipeline.make_refresh_due()
    read = pipeline.run()
    assert {frozenset(record) for record in read if record["Id"] == gone} == {
        frozenset({"Id", "_sdc_deleted_at"})
    }
    assert {frozenset(record) for record in read if record["Id"] != gone} == {
        frozenset({"Id", "Amount_With_Tax__c"})
    }
    assert len(read) == len(invoices())
    after = rows()
    assert by_key(after) == before
    marked = {row["id"] for row in map(folded, after) if row["_sdc_deleted_at"] is not None}
    assert marked == {gone}


def folded(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its names in lower case."""
    return {name.lower(): value for name, value in row.items()}


def test_formulas_and_deletions_empty_no_column_in_duckdb(org: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    settings = {"filepath": str(file), "default_target_schema": "salesforce"}
    loader = python_client("target-duckdb") / "target-duckdb"

    def rows() -> list[dict[str, Any]]:
        with duckdb.connect(str(file), read_only=True) as warehouse:
            return duckdb_rows(warehouse, "salesforce.invoice__c")

    check_parts(Pipeline(tmp_path, org, loader, settings), org, rows)


def test_formulas_and_deletions_empty_no_column_in_postgres(org: Sandbox, tmp_path: Path) -> None:
    commands = python_client("meltanolabs-target-postgres")
    with Postgres(commands) as server:
        settings = {"sqlalchemy_url": server.url, "default_target_schema": "salesforce"}
        pipeline = Pipeline(tmp_path, org, commands / "target-postgres", settings)
        check_parts(pipeline, org, lambda: server.rows('salesforce."Invoice__c"'))


@pytest.mark.skipif(not TARGET_PARQUET, reason="SFBULK_TARGET_PARQUET gives no command")
def test_rows_reach_parquet_by_meltano_value_by_value(org: Sandbox, tmp_path: Path) -> None:
    settings = {"destination_path": str(tmp_path / "out")}
    Project(tmp_path / "project", org, Path(TARGET_PARQUET), settings).run()
    files = f"read_parquet('{tmp_path}/out/**/*.parquet')"
    rows = duckdb_rows(duckdb.connect(), files)
    # The loader writes every date and time as text of its own form.
    assert found(rows) == written(
        Issued_On__c=date.isoformat,
        Due_At__c=lambda value: value.strftime("%Y-%m-%d %H:%M:%S.000000Z"),
        Cut_Off__c=lambda value: value.replace(".000Z", ".000000"),
    )
