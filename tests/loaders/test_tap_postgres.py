"""`meltano run` carries the rows of PostgreSQL into an org, by an extractor we did not write."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from sfbulk_sandbox import Sandbox
from tests.clients.conftest import invoices, write_invoices
from tests.clients.installed import python_client, run
from tests.clients.meltano import plugin, write_project
from tests.clients.postgres import Postgres
from tests.e2e.commands import MELTANO, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

OBJECT = "Invoice__c"
COLUMNS = {
    "Ext_Id__c": "text PRIMARY KEY",
    "Status__c": "text",
    "Amount__c": "numeric(18, 2)",
    "Tax_Rate__c": "numeric(5, 2)",
    "Quantity__c": "double precision",
    "Issued_On__c": "date",
    "Due_At__c": "timestamptz",
    "Cut_Off__c": "time",
    "Is_Disputed__c": "boolean",
    "Contact_Email__c": "text",
    "Pickup__Latitude__s": "numeric",
    "Pickup__Longitude__s": "numeric",
    "Notes__c": "text",
    "customer": "text",
}
"""The invoices as a warehouse holds them."""
CUSTOMER = "A-1"


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(sample=False, data=write_invoices(tmp_path / "data")) as sandbox:
        rows = sandbox.org.query("SELECT Id FROM Invoice__c")
        sandbox.org.loader("hardDelete", OBJECT, ["Id"]).save(
            [[str(row[0])] for row in rows.rows()]
        )
        (customer,) = sandbox.org.loader("insert", "Account", ["Name", "Ext_Id__c"]).save(
            [["Acme", CUSTOMER]]
        )
        assert customer.success
        yield sandbox


@pytest.fixture
def server() -> Iterator[Postgres]:
    with Postgres(python_client("meltanolabs-target-postgres")) as server:
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        server.execute(f"CREATE TABLE invoices ({columns})")
        for row in invoices():
            server.execute(insert(row | {"customer": CUSTOMER}))
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
    source = plugin(
        "tap-postgres",
        python_client("meltanolabs-tap-postgres") / "tap-postgres",
        {"sqlalchemy_url": place, "filter_schemas": ["public"]},
    )
    settings = sign_in(org) | {
        "external_id": "Ext_Id__c",
        "streams": {
            "public-invoices": {"sobject": OBJECT, "lookups": {"customer": "Account__r.Ext_Id__c"}}
        },
        "output_dir": str(folder / "output"),
    }
    write_project(
        folder,
        extractor=source | {"capabilities": ["catalog", "state", "discover"]},
        loader=plugin("target-sfbulk", Path(sys.executable).with_name("target-sfbulk"), settings)
        | {"capabilities": ["structured-logging"]},
    )
    return folder


def stored(org: Sandbox) -> dict[str, dict[str, Any]]:
    """Return the org's rows by key, read past HTTP."""
    names = ["Account__r.Ext_Id__c" if name == "customer" else name for name in COLUMNS]
    found = org.org.query(f"SELECT {', '.join(names)} FROM {OBJECT}")  # noqa: S608 - our own names
    rows = [dict(zip(COLUMNS, map(typed, COLUMNS, row), strict=True)) for row in found.rows()]
    return {str(row["Ext_Id__c"]): row for row in rows}


def typed(column: str, text: Any) -> Any:
    """Return what a text of the org stands for."""
    kind = COLUMNS[column]
    if text is not None and kind.startswith(("numeric", "double")):
        return Decimal(text)
    return text == "true" if kind == "boolean" else text


def expected(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as Salesforce stores it: line breaks are LF."""
    notes = (row["Notes__c"] or "").replace("\r\n", "\n") or None
    numbers = {n: Decimal(str(v)) for n, v in row.items() if type(v) in (int, float)}
    return row | numbers | {"Notes__c": notes, "customer": CUSTOMER}


def test_rows_of_postgres_reach_the_org_by_meltano_value_by_value(
    org: Sandbox, server: Postgres, tmp_path: Path
) -> None:
    folder = project(tmp_path / "project", org, server)
    run(MELTANO, "run", "tap-postgres", "target-sfbulk", cwd=folder)
    assert stored(org) == {row["Ext_Id__c"]: expected(row) for row in invoices()}
