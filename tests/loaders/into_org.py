"""The org that extractors fill by target-sfbulk, and what it holds then."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox import Sandbox
from tests.clients.conftest import invoices
from tests.e2e.commands import sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OBJECT = "Invoice__c"
CUSTOMER = "A-1"
"""The key of the account that every invoice has, in the column `customer`."""
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


@contextmanager
def empty_org() -> Iterator[Sandbox]:
    """Open an org that has the account, and no invoice."""
    with Sandbox(sample=False) as org:
        (customer,) = org.org.loader("insert", "Account", ["Name", "Ext_Id__c"]).save(
            [["Acme", CUSTOMER]]
        )
        assert customer.success
        yield org


def source() -> list[dict[str, Any]]:
    """Return the rows that an extractor reads."""
    return [row | {"customer": CUSTOMER} for row in invoices()]


def settings(org: Sandbox, stream: str, folder: Path) -> dict[str, Any]:
    """Return the settings of target-sfbulk for these rows from a stream."""
    mapping = {"sobject": OBJECT, "lookups": {"customer": "Account__r.Ext_Id__c"}}
    return sign_in(org) | {
        "external_id": "Ext_Id__c",
        "streams": {stream: mapping},
        "output_dir": str(folder / "output"),
    }


def stored(org: Sandbox) -> dict[str, dict[str, Any]]:
    """Return the org's rows by key, read past HTTP."""
    names = ["Account__r.Ext_Id__c" if name == "customer" else name for name in COLUMNS]
    found = org.org.query(f"SELECT {', '.join(names)} FROM {OBJECT}")  # noqa: S608 - our own names
    rows = [dict(zip(COLUMNS, map(_typed, COLUMNS, row), strict=True)) for row in found.rows()]
    return {str(row["Ext_Id__c"]): row for row in rows}


def expected() -> dict[str, dict[str, Any]]:
    """Return the rows by key as Salesforce stores them: line breaks are LF."""
    return {row["Ext_Id__c"]: _as_stored(row) for row in source()}


def _typed(column: str, text: Any) -> Any:
    """Return what a text of the org stands for."""
    kind = COLUMNS[column]
    if text is not None and kind.startswith(("numeric", "double")):
        return Decimal(text)
    return text == "true" if kind == "boolean" else text


def _as_stored(row: dict[str, Any]) -> dict[str, Any]:
    notes = (row["Notes__c"] or "").replace("\r\n", "\n") or None
    numbers = {n: Decimal(str(v)) for n, v in row.items() if type(v) in (int, float)}
    return row | numbers | {"Notes__c": notes}
