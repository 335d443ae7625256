"""A loader that keeps numbers as doubles gets all their digits with `use_singer_decimal`."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import ROOT, sign_in, succeed, tap, write_json

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = ROOT / "sfbulk_sandbox" / "data" / "sample" / "Opportunity.csv"
COLUMNS = ("Amount", "Measurement__c")


@pytest.mark.slow
@pytest.mark.meltano
def test_a_loader_of_doubles_keeps_every_digit_of_numbers_that_are_text(
    target_duckdb: Path, tmp_path: Path
) -> None:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    sent = {r["Ext_Id__c"]: [Decimal(r[c]) if r[c] else None for c in COLUMNS] for r in rows}
    assert arrived(target_duckdb, tmp_path / "doubles", use_singer_decimal=False) != sent
    assert arrived(target_duckdb, tmp_path / "texts", use_singer_decimal=True) == sent


def arrived(loader: Path, folder: Path, **settings: Any) -> dict[str, list[Decimal | None]]:
    """The numbers of each opportunity in DuckDB, by its external id."""
    folder.mkdir()
    with Sandbox() as org:
        config = {**sign_in(org), "streams_to_discover": ["Opportunity"], **settings}
        lines = tap(config, folder)
    warehouse = {"filepath": str(folder / "w.duckdb"), "default_target_schema": "salesforce"}
    succeed([loader, "--config", write_json(folder / "duck.json", warehouse)], stdin=lines)
    with duckdb.connect(warehouse["filepath"], read_only=True) as connection:
        select = f"SELECT ext_id__c, {', '.join(COLUMNS)} FROM salesforce.opportunity"  # noqa: S608 - our own names
        found = connection.execute(select).fetchall()
    return {key: [None if n is None else Decimal(str(n)) for n in row] for key, *row in found}
