"""`make demo`'s program, run twice: it keeps its promises, and again."""

from __future__ import annotations

import csv
import json
import re
import sys
from datetime import datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.e2e.commands import MELTANO, MELTANO_PROJECT, ROOT, run
from tests.locks import alone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAMPLE = ROOT / "sfbulk_sandbox" / "data" / "sample"
KEYS = {
    "Account": "Ext_Id__c",
    "Case": "Ext_Id__c",
    "Contact": "Ext_Id__c",
    "Invoice__c": "Ext_Id__c",
    "Opportunity": "Ext_Id__c",
    "User": "Username",
}
# Numbers that meltano.yml declares as text, so that the loader keeps all their digits.
DECLARED_AS_TEXT = {"Ledger_Number__c", "Amount", "Measurement__c"}
# What the sample's values must hold between them.
KINDS = {
    "comma": r",",
    "quote": r'"',
    "CR": r"\r(?!\n)",
    "LF": r"(?<!\r)\n",
    "CRLF": r"\r\n",
    "emoji": r"[\U0001F300-\U0001FAFF]",
    "leading zero": r"^0\d",
    "NA": r"^NA$",
    "18 digits": r"^\d{18}$",
    "exponent": r"^\d(\.\d+)?E\d+$",
    "empty": r"^$",
}


@pytest.mark.meltano
@pytest.mark.timeout(400)
def test_the_demo_moves_rows_both_ways_and_works_a_second_time(tmp_path: Path) -> None:
    output = tmp_path / "demo"
    command: list[str | Path] = [
        sys.executable,
        ROOT / "demo" / "demo.py",
        "--meltano",
        MELTANO,
        "--output",
        output,
    ]
    for _ in range(2):
        with alone(MELTANO_PROJECT):
            done = run(command)
        text = done.stdout.decode()
        assert done.returncode == 0, text + done.stderr.decode()
        assert "first full load  Account" in text
        assert str(output / "warehouse.duckdb") in text
    rejects = (output / "reverse-etl" / "contacts.rejects.jsonl").read_text("utf-8").splitlines()
    refused = [json.loads(line) for line in rejects]
    assert sorted((r["code"], r["record"]["contact_key"]) for r in refused) == [
        ("INVALID_EMAIL_ADDRESS", "R-C-012"),
        ("INVALID_FIELD", "R-C-011"),
        ("REQUIRED_FIELD_MISSING", "R-C-010"),
    ]
    for row in refused:
        told = f"contacts {row['record']['contact_key']}: {row['code']}: {row['message']}"
        assert told in text
    every_value_of_the_sample_arrived(output / "warehouse.duckdb")


def every_value_of_the_sample_arrived(warehouse: Path) -> None:
    texts: list[str] = []
    wrong = []
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for sobject, key in KEYS.items():
            arrived = rows_by_key(connection, sobject, key)
            for row in sample_rows(sobject):
                found = arrived[row[key]]
                # The demo itself has changed a few rows since.
                if not same("SystemModstamp", found["systemmodstamp"], row["SystemModstamp"]):
                    continue
                # A column `Parent.Key__c` names a parent; its id is the org's to choose.
                cells = {name: text for name, text in row.items() if "." not in name}
                texts += cells.values()
                wrong += [
                    (sobject, row[key], name)
                    for name, text in cells.items()
                    if not same(name, found[name.lower()], text)
                ]
    assert wrong == []
    assert [
        name for name, kind in KINDS.items() if not any(re.search(kind, t) for t in texts)
    ] == []


def sample_rows(sobject: str) -> Iterator[dict[str, str]]:
    with (SAMPLE / f"{sobject}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def rows_by_key(
    connection: duckdb.DuckDBPyConnection, sobject: str, key: str
) -> dict[str, dict[str, Any]]:
    result = connection.execute(f'SELECT * FROM salesforce."{sobject.lower()}"')  # noqa: S608 - our own names
    names = [column[0].lower() for column in result.description]
    rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return {row[key.lower()]: row for row in rows}


def same(name: str, cell: Any, text: str) -> bool:
    """Whether a cell of the warehouse is what the sample's CSV file says."""
    if text == "" or cell is None:
        return text == "" and cell is None
    if isinstance(cell, bool):
        return str(cell).lower() == text
    if isinstance(cell, (datetime, time)):
        return cell.isoformat(timespec="milliseconds") + "Z" == text
    if isinstance(cell, (int, float)) or name in DECLARED_AS_TEXT:
        return Decimal(str(cell)) == Decimal(text)
    return bool(cell == text)
