"""Rows with few fields, of refreshed formulas and of deletions, empty nothing in a warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.clients.conftest import invoices, write_invoices
from tests.e2e.commands import sign_in
from tests.loaders.loaders import LOADERS, Loader, Place
from tests.loaders.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM = "Invoice__c"
WITH_UPSERT = {"target-duckdb", "meltanolabs-target-postgres"}


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(sample=False, data=write_invoices(tmp_path / "data")) as sandbox:
        yield sandbox


def config(org: Sandbox, folder: Path) -> dict[str, Any]:
    """Return the settings of a tap that refreshes formulas and looks for lost records."""
    return sign_in(org) | {
        "streams_to_discover": [STREAM],
        "stream_options": {STREAM: {"refresh_formulas": 1, "hard_deletes": "sweep"}},
        "ids_dir": str(folder / "ids"),
    }


def make_refresh_due(pipeline: Pipeline) -> None:
    """Set the last refresh of the formulas back by days."""
    bookmark = pipeline.state["bookmarks"][STREAM]
    bookmark["formulas_refreshed"] = "2024-01-01T00:00:00.000Z"


def leave_the_org(org: Sandbox, key: str) -> str:
    """Delete an invoice without the recycle bin; return its id."""
    found = org.org.query(f"SELECT Id FROM {STREAM} WHERE Ext_Id__c = '{key}'")  # noqa: S608 - our own names
    record_id = str(next(iter(found.rows()))[0])
    (result,) = org.org.loader("hardDelete", STREAM, ["Id"]).save([[record_id]])
    assert result.success
    return record_id


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the rows by id, names in lower case, without what the tap and loaders add."""
    folded = ({name.lower(): value for name, value in row.items()} for row in rows)
    return {
        row["id"]: {n: v for n, v in row.items() if not n.startswith("_sdc_")} for row in folded
    }


@pytest.mark.parametrize(
    "loader",
    [loader for loader in LOADERS if loader.package in WITH_UPSERT],
    ids=lambda loader: loader.package,
)
def test_formulas_and_deletions_empty_no_column(
    loader: Loader, org: Sandbox, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("server") if loader.on_server else None
    place = Place(tmp_path, server)
    pipeline = Pipeline(tmp_path, config(org, tmp_path), loader.installed(), loader.settings(place))
    assert len(pipeline.run()) == len(invoices())
    before = by_id(loader.rows(place, STREAM))
    gone = leave_the_org(org, "I-3")
    make_refresh_due(pipeline)
    read = pipeline.run()
    assert {frozenset(record) for record in read if record["Id"] == gone} == {
        frozenset({"Id", "_sdc_deleted_at"})
    }
    assert {frozenset(record) for record in read if record["Id"] != gone} == {
        frozenset({"Id", "Amount_With_Tax__c"})
    }
    assert len(read) == len(invoices())
    after = loader.rows(place, STREAM)
    assert by_id(after) == before
    folded = ({name.lower(): value for name, value in row.items()} for row in after)
    assert {row["id"] for row in folded if row["_sdc_deleted_at"] is not None} == {gone}
