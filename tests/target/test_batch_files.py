"""BATCH messages: the records of their files are loaded like those of RECORD messages."""

from __future__ import annotations

import gzip
import json
import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from singer_sdk.contrib.batch_encoder_jsonl import JSONLinesBatcher
from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig, StorageTarget

from tests.faults.commands import forked
from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.target.support import Org, Run

ACCOUNTS = schema("Account", "Ext_Id__c", "Name", "AnnualRevenue", key="Ext_Id__c")
SECRET = "do-not-show-me"


def batch(*manifest: Any, form: str = "jsonl", compression: str | None = None) -> dict[str, Any]:
    encoding = {"format": form} | ({"compression": compression} if compression else {})
    return {"type": "BATCH", "stream": "Account", "encoding": encoding, "manifest": manifest}


def lines(path: Path, *texts: bytes) -> str:
    content = b"".join(text + b"\n" for text in texts)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path.as_uri()


def load(org: Org, *messages: dict[str, Any] | bytes, **settings: Any) -> Run:
    return org.load(ACCOUNTS, *messages, external_id="Ext_Id__c", **settings)


ROWS = (
    b'{"Ext_Id__c": "A-1", "Name": "One", "AnnualRevenue": 9.00719925474099301E17}',
    b'{"Ext_Id__c": "A-2", "Name": "Zo\xc3\xab", "AnnualRevenue": 1.5E1, "_sdc_batched_at": "x"}',
)
LANDED = [
    {"Ext_Id__c": "A-1", "Name": "One", "AnnualRevenue": Decimal(900719925474099301)},
    {"Ext_Id__c": "A-2", "Name": "Zo\u00eb", "AnnualRevenue": Decimal(15)},
]
QUERY = "SELECT Ext_Id__c, Name, AnnualRevenue FROM Account ORDER BY Ext_Id__c"


@pytest.mark.parametrize(
    ("name", "compression"),
    [("a.jsonl", None), ("a.jsonl", "none"), ("a.jsonl.gz", "gzip"), ("a b#%.gz", None)],
)
def test_records_of_lines_are_loaded_with_their_digits(
    org: Org, name: str, compression: str | None
) -> None:
    url = lines(org.folder / name, *ROWS)
    run = load(org, batch(url, compression=compression), state(done=1))
    assert run.code == 0, run.log
    assert org.query(QUERY) == LANDED
    assert run.states == [{"done": 1}]
    assert run.report("Account")["read"] == 2


def test_records_of_parquet_are_loaded_with_their_digits(org: Org) -> None:
    rows = [json.loads(row) | {"_sdc_batched_at": "x"} for row in ROWS]
    money = pl.Series([Decimal(900719925474099301), Decimal(15)], dtype=pl.Decimal(38, 6))
    table = pl.DataFrame(rows).with_columns(AnnualRevenue=money)
    table.write_parquet(org.folder / "a.parquet")
    url = (org.folder / "a.parquet").as_uri()
    run = load(org, batch(url, form="parquet", compression="gzip"), state(done=1))
    assert run.code == 0, run.log
    assert org.query(QUERY) == LANDED


def test_the_files_of_a_manifest_are_read_in_their_order_and_between_records(org: Org) -> None:
    first = lines(org.folder / "1.jsonl", b'{"Ext_Id__c": "A-1", "Name": "first"}')
    second = lines(org.folder / "2.jsonl", b'{"Ext_Id__c": "A-1", "Name": "second"}')
    run = load(
        org,
        record("Account", Ext_Id__c="A-1", Name="before"),
        batch(first, second),
        record("Account", Ext_Id__c="A-2", Name="after"),
    )
    assert run.code == 0, run.log
    assert [row["Name"] for row in org.query(QUERY)] == ["second", "after"]


def test_a_record_of_a_file_that_cannot_be_sent_is_rejected_by_name(org: Org) -> None:
    url = lines(org.folder / "a.jsonl", ROWS[0], b'{"Ext_Id__c":"A-2","AnnualRevenue":"much"}')
    run = load(org, batch(url), state(done=1), max_rejects=1)
    assert run.code == 0, run.log
    assert run.states == [{"done": 1}]
    (reject,) = run.rejects("Account")
    assert reject["record"] == {"Ext_Id__c": "A-2", "AnnualRevenue": "much"}
    assert reject["fields"] == ["AnnualRevenue"]


def test_stream_maps_apply_to_the_records_of_files(org: Org) -> None:
    url = lines(org.folder / "a.jsonl", ROWS[0])
    run = load(org, batch(url), stream_maps={"Account": {"Name": "Name + '!'"}})
    assert run.code == 0, run.log
    assert [row["Name"] for row in org.query(QUERY)] == ["One!"]


def test_files_that_the_sdk_writes_are_loaded(org: Org) -> None:
    config = BatchConfig(
        BaseBatchFileEncoding("jsonl"), StorageTarget((org.folder / "sdk").as_uri()), batch_size=1
    )
    records = ({"Ext_Id__c": f"A-{at}", "Name": f"N{at}"} for at in (1, 2))
    manifests = list(JSONLinesBatcher("tap", "Account", config).get_batches(records))
    assert len(manifests) == 2
    run = load(org, *(batch(*manifest) for manifest in manifests))
    assert run.code == 0, run.log
    assert [row["Name"] for row in org.query(QUERY)] == ["N1", "N2"]
    # They belong to the tap or to whoever keeps its output.
    assert len(list((org.folder / "sdk").iterdir())) == 2


@pytest.mark.parametrize("encoding", [{"format": "jsonl"}, {"format": "parquet"}])
def test_files_that_our_tap_writes_are_loaded(org: Org, encoding: dict[str, str]) -> None:
    for at in (1, 2):
        org.create("Account", Ext_Id__c=f"A-{at}", Name=f"N{at}", AnnualRevenue=at + 0.25)
    config = {
        "instance_url": org.sandbox.url,
        "access_token": org.sandbox.access_token,
        # A query has no upper bound of time, which a row of the same second could miss.
        "streams_to_discover": ["User"],
        "queries": [
            {"name": "accounts", "soql": "SELECT Id, Ext_Id__c, Name, AnnualRevenue FROM Account"}
        ],
        "batch_config": {"encoding": encoding, "storage": {"root": (org.folder / "b").as_uri()}},
    }
    taken = forked("tap-sfbulk").run(org.folder, {"config": config})
    assert taken.code == 0, taken.log
    before = org.query(QUERY)
    org.sandbox.control.reset()
    assert org.query(QUERY) == []
    run = org.load(
        *(line for line in taken.messages if b'"stream":"accounts"' in line),
        external_id="Ext_Id__c",
        unknown_fields="drop",
        streams={"accounts": {"sobject": "Account"}},
    )
    assert run.code == 0, run.log
    assert org.query(QUERY) == before
    assert len(before) == 2


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (batch("file:///nowhere/a.jsonl"), "There is no file file:///nowhere/a.jsonl"),
        (batch("{folder}/cut.gz"), "cut.gz cannot be read: "),
        (batch("{folder}/bad.jsonl"), "bad.jsonl cannot be read: line 2 is not JSON"),
        (batch("{folder}/long.jsonl"), "long.jsonl cannot be read: line 2: it has more than 256,"),
        (batch("{folder}/list.jsonl"), "list.jsonl cannot be read: line 1 is not a JSON object"),
        (batch("{folder}/bad.jsonl", form="parquet"), "bad.jsonl cannot be read: "),
        (batch("nosuch://x/a.jsonl"), "nosuch://x/a.jsonl cannot be read: "),
        (batch("{folder}/keyless.jsonl"), "record 1 of the file {folder}/keyless.jsonl: Record"),
        (batch(form="csv"), "The format 'csv' is not one of jsonl, parquet."),
        (batch(compression="zstd"), "The compression 'zstd' is neither gzip nor none."),
        (batch(7), "The manifest has an entry that is not the URL of a file."),
    ],
)
def test_what_cannot_be_read_is_named_and_no_state_leaves(
    org: Org, message: dict[str, Any], told: str
) -> None:
    folder = org.folder.as_uri()
    good = b'{"Ext_Id__c": "A-1", "Name": "One"}'
    (org.folder / "cut.gz").write_bytes(gzip.compress(good * 100)[:-9])
    lines(org.folder / "bad.jsonl", good, SECRET.encode())
    lines(org.folder / "list.jsonl", b"[1]")
    lines(org.folder / "long.jsonl", good)
    os.truncate(org.folder / "long.jsonl", 400_000_000)
    lines(org.folder / "keyless.jsonl", b'{"Name": "One"}')
    message["manifest"] = [
        url.format(folder=folder) if isinstance(url, str) else url for url in message["manifest"]
    ]
    run = load(org, message, state(done=1))
    assert run.code == 1
    assert run.states == []
    assert run.reason.startswith("Line 2 of the input")
    assert told.format(folder=folder) in run.reason
    assert SECRET not in run.log
    assert "Traceback" not in run.log


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_byte_order_mark_at_the_beginning_of_a_file_is_ignored(org: Org, name: str) -> None:
    first, *others = ROWS
    url = lines(org.folder / name, b"\xef\xbb\xbf" + first, *others)
    run = load(org, batch(url), state(done=1))
    assert run.code == 0, run.log
    assert org.query(QUERY) == LANDED
