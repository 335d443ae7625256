"""Real rows behind recorded describes: out to DuckDB, and back into an empty org, cell by cell."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import requests

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import BIN, messages, sign_in, succeed, tap, write_json
from tests.e2e.real_data import KEY_FIELD, LOOKUPS, SHARED, DataSet, expected_cells, load_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETS = ("dev-edition", "npsp", "dreamhouse", "cli-trees")
NUMBERS = {"currency", "double", "int", "percent"}
# Parents before the rows that look up to them.
LOAD_ORDER = (
    "Account",
    "Campaign",
    "Contact",
    "Lead",
    "Opportunity",
    "Case",
    "Product2",
    "PricebookEntry",
    "Broker__c",
    "Property__c",
    "AccountContactRelation",
    "CampaignMember",
    "Task",
    "npe01__OppPayment__c",
)

pytestmark = [
    pytest.mark.skipif(
        not SHARED.is_dir(),
        reason="the real sample data lies beside a developer's checkout; a user's clone lacks it",
    ),
    pytest.mark.meltano,
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module", params=SETS)
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Real:
    return Real(load_set(request.param), tmp_path_factory.mktemp(request.param))


class Real:
    """One data set, written as folders, and where its objects stand in load order."""

    def __init__(self, made: DataSet, folder: Path) -> None:
        self.made = made
        self.folder = folder
        self.data, self.describe = made.write(folder)
        self.sobjects = [name for name in LOAD_ORDER if name in made.rows]
        assert set(self.sobjects) == set(made.rows)

    def field(self, sobject: str, column: str) -> dict[str, Any]:
        fields = self.made.describes[sobject]["fields"]
        return next(f for f in fields if f["name"].lower() == column.lower())

    def catalog(self, config: dict[str, Any]) -> Path:
        """The discovered catalog with exactly the data's columns selected."""
        catalog = json.loads(tap(config, self.folder, "--discover"))
        for stream in catalog["streams"]:
            columns = {c.lower() for c in self.made.columns[stream["tap_stream_id"]]}
            for entry in stream["metadata"]:
                if entry["breadcrumb"]:
                    name = entry["breadcrumb"][1].lower()
                    entry["metadata"]["selected"] = name in columns
                else:
                    entry["metadata"]["selected"] = True
        return write_json(self.folder / "catalog.json", catalog)


def expected(kind: str, text: str) -> Any:
    """A cell of the CSV file as its field's type says it must arrive."""
    if text == "":
        return False if kind == "boolean" else None
    if kind == "boolean":
        return text.lower() == "true"
    if kind in NUMBERS:
        return Decimal(text)
    return text


def test_real_rows_reach_duckdb_value_for_value(real: Real, target_duckdb: Path) -> None:
    with Sandbox(data=real.data, describe=real.describe) as sandbox:
        config = {**sign_in(sandbox), "streams_to_discover": real.sobjects}
        lines = tap(config, real.folder, "--catalog", real.catalog(config))
    file = real.folder / "warehouse.duckdb"
    settings = {"filepath": str(file), "default_target_schema": "salesforce"}
    succeed(
        [target_duckdb, "--config", write_json(real.folder / "duck.json", settings)], stdin=lines
    )

    wrong = []
    compared = 0
    with duckdb.connect(str(file), read_only=True) as warehouse:
        rows = {name: rows_by_id(warehouse, name) for name in real.sobjects}
    for sobject, row_id, column, text in expected_cells(real.made):
        want = expected(real.field(sobject, column)["type"], text)
        # DuckDB's loader stores every number as a double.
        want = float(want) if isinstance(want, Decimal) else want
        compared += 1
        if rows[sobject][row_id][column.lower()] != want:
            wrong.append((sobject, row_id, column))
    assert wrong == []
    assert {name: len(found) for name, found in rows.items()} == {
        name: len(found) for name, found in real.made.rows.items()
    }
    assert compared > 0


def rows_by_id(warehouse: duckdb.DuckDBPyConnection, sobject: str) -> dict[str, dict[str, Any]]:
    result = warehouse.execute(f'SELECT * FROM salesforce."{sobject.lower()}"')  # noqa: S608 - our own names
    names = [column[0] for column in result.description]
    return {row["id"]: row for row in (dict(zip(names, r, strict=True)) for r in result.fetchall())}


def test_real_rows_go_back_into_an_empty_org_value_for_value(real: Real) -> None:
    with Sandbox(data=real.data, describe=real.describe) as full:
        config = {**sign_in(full), "streams_to_discover": real.sobjects}
        lines = tap(config, real.folder, "--catalog", real.catalog(config))
    with Sandbox(describe=real.describe) as empty:
        load(real, empty, parents_by_key(real, lines), first_pass=True)
        if any(row.get("ParentId") for row in real.made.rows.get("Account", [])):
            load(real, empty, parents_by_key(real, lines), first_pass=False)
        wrong = list(differences(real, empty))
    assert wrong == []


def parents_by_key(real: Real, lines: bytes) -> dict[str, list[dict[str, Any]]]:
    """The tap's records by stream, lookups holding the parent's key instead of its id."""
    keys = {row["Id"]: row[KEY_FIELD] for rows in real.made.rows.values() for row in rows}
    records: dict[str, list[dict[str, Any]]] = {name: [] for name in real.sobjects}
    for message in messages(lines, "RECORD"):
        record = message["record"]
        for lookup in LOOKUPS.keys() & record.keys():
            record[lookup] = keys[record[lookup]] if record[lookup] else None
        records[message["stream"]].append(record)
    return records


def load(
    real: Real, sandbox: Sandbox, records: dict[str, list[dict[str, Any]]], *, first_pass: bool
) -> None:
    """Upsert everything but self lookups, or nothing but the self lookups."""
    streams: dict[str, dict[str, Any]] = {}
    singer: list[dict[str, Any]] = []
    for sobject in real.sobjects if first_pass else ["Account"]:
        columns = [c for c in real.made.columns[sobject] if sendable(real, sobject, c)]
        columns = [c for c in columns if c == KEY_FIELD or first_pass == (c != "ParentId")]
        streams[sobject] = {"lookups": relationships(real, sobject, columns)}
        schema: dict[str, Any] = {"properties": {c: {} for c in columns}}
        singer.append(
            {"type": "SCHEMA", "stream": sobject, "schema": schema, "key_properties": [KEY_FIELD]}
        )
        singer += [
            {"type": "RECORD", "stream": sobject, "record": {c: r[c] for c in columns if c in r}}
            for r in records[sobject]
        ]
    config = {
        **sign_in(sandbox),
        "external_id": KEY_FIELD,
        "streams": streams,
        "output_dir": str(real.folder / "output"),
    }
    path = write_json(real.folder / "target.json", config)
    succeed(
        [BIN / "target-sfbulk", "--config", path],
        stdin="".join(json.dumps(m) + "\n" for m in singer).encode(),
    )


def sendable(real: Real, sobject: str, column: str) -> bool:
    """Whether a target can write the column: not read-only, and its parent of one object."""
    field = real.field(sobject, column)
    # A relationship header names one object, and these rows point to several.
    one_parent = column not in LOOKUPS or len(field["referenceTo"]) == 1
    return bool(field["createable"] and field["updateable"] and one_parent)


def relationships(real: Real, sobject: str, columns: list[str]) -> dict[str, str]:
    """Lookup columns as relationship headers that name the parent's key."""
    return {
        column: f"{real.field(sobject, column)['relationshipName']}.{KEY_FIELD}"
        for column in columns
        if column in LOOKUPS
    }


def differences(real: Real, sandbox: Sandbox) -> Iterator[tuple[str, str, str]]:
    """(object, key, column) wherever the org does not hold what the CSV file says."""
    keys = {row["Id"]: row[KEY_FIELD] for rows in real.made.rows.values() for row in rows}
    for sobject in real.sobjects:
        columns = [c for c in real.made.columns[sobject] if sendable(real, sobject, c)]
        parents = relationships(real, sobject, columns)
        selected = [parents.get(column, column) for column in columns]
        found = {row[KEY_FIELD]: row for row in rest_rows(sandbox, sobject, selected)}
        assert len(found) == len(real.made.rows[sobject])
        for row in real.made.rows[sobject]:
            for column in columns:
                want = expected(real.field(sobject, column)["type"], row.get(column, "") or "")
                if isinstance(want, str):
                    # Salesforce stores line breaks inside text as LF.
                    want = want.replace("\r\n", "\n").replace("\r", "\n")
                if column in parents:
                    want = keys[want] if want else None
                if value_at(found[row[KEY_FIELD]], parents.get(column, column)) != want:
                    yield sobject, row[KEY_FIELD], column


def value_at(record: dict[str, Any], path: str) -> Any:
    """The value of `Name` or `Parent.Name` in a REST record; an empty parent has none."""
    parent, _, name = path.rpartition(".")
    if parent and record[parent] is None:
        return None
    return record[parent][name] if parent else record[name]


def rest_rows(sandbox: Sandbox, sobject: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    """All rows of an object over REST, numbers with all their digits."""
    select = ", ".join(dict.fromkeys(columns))
    path = "/services/data/v68.0/query"
    params: dict[str, str] | None = {"q": f"SELECT {select} FROM {sobject}"}  # noqa: S608 - our own names
    while path:
        answer = requests.get(
            sandbox.url + path,
            params=params,
            headers={"Authorization": f"Bearer {sandbox.access_token}"},
            timeout=60,
        )
        answer.raise_for_status()
        body = answer.json(parse_float=Decimal, parse_int=Decimal)
        yield from body["records"]
        path, params = body.get("nextRecordsUrl"), None
