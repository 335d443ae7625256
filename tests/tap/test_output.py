"""What leaves the tap beside RECORD lines: BATCH files, and versions of whole tables."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import duckdb
import pytest

from sfbulk_sandbox import Sandbox
from tests.tap.conftest import ACCOUNTS, CONTACTS, TapCommand
from tests.tap.test_run import full_table

if TYPE_CHECKING:
    from tests.tap.conftest import Run

VERSIONS = {"emit_activate_version_messages": True}


def kinds(run: Run, stream: str) -> list[str]:
    """The types of the messages of one stream, each run of equal ones once."""
    found: list[str] = []
    for message in run.messages:
        if message.get("stream") == stream and message["type"] not in found[-1:]:
            found.append(message["type"])
    return found


def files(run: Run, stream: str) -> list[Path]:
    manifests = [
        m["manifest"] for m in run.messages if m["type"] == "BATCH" and m["stream"] == stream
    ]
    return [Path(urlsplit(url).path) for manifest in manifests for url in manifest]


def batches(folder: Path, form: str, **config: Any) -> dict[str, Any]:
    return {
        "batch_config": {"encoding": {"format": form}, "storage": {"root": str(folder)}, **config}
    }


def test_the_version_of_a_whole_table_comes_after_its_last_row(
    tap: TapCommand,
) -> None:
    catalog = full_table(tap, "Contact")
    run = tap(catalog=catalog, **VERSIONS)
    assert run.code == 0, run.log
    assert kinds(run, "Contact") == ["SCHEMA", "RECORD", "ACTIVATE_VERSION"]
    of_contacts = {
        m["version"] for m in run.messages if m.get("stream") == "Contact" and "version" in m
    }
    assert len(of_contacts) == 1
    assert sum(m["type"] == "RECORD" and "version" in m for m in run.messages) == len(CONTACTS)
    # Accounts are read by windows: nothing says that older rows are gone.
    assert kinds(run, "Account") == ["SCHEMA", "RECORD"]


def test_without_the_setting_there_is_no_version(tap: TapCommand) -> None:
    run = tap(catalog=full_table(tap, "Account", "Contact"))
    assert run.code == 0, run.log
    assert not [message for message in run.messages if "version" in message]


def test_a_whole_table_without_rows_has_a_version_all_the_same(tap: TapCommand) -> None:
    gone = {"stream_options": {"Contact": {"where": "LastName = 'nobody'"}}}
    run = tap(catalog=full_table(tap, "Contact"), **VERSIONS, **gone)
    assert kinds(run, "Contact") == ["SCHEMA", "ACTIVATE_VERSION"]


def test_each_stream_that_a_map_makes_has_the_version(tap: TapCommand) -> None:
    maps = {"Contact": {"__alias__": "people"}, "copy": {"__source__": "Contact", "Name": None}}
    run = tap(catalog=full_table(tap, "Contact"), stream_maps=maps, **VERSIONS)
    assert run.code == 0, run.log
    for stream in ("people", "copy"):
        assert kinds(run, stream) == ["SCHEMA", "RECORD", "ACTIVATE_VERSION"]


def test_a_whole_table_that_was_not_read_to_its_end_has_no_version(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    catalog = full_table(tap, "Account", "Contact")
    sandbox.control.set_page_rows(2)
    header = {"Sforce-NumberOfRecords": "9", "Sforce-Locator": "null"}
    sandbox.control.add_fault(
        kind="answer", path="*/results", skip=1, times=2, status=200, headers=header, body=""
    )
    # The second page must be Account's, and not the first of a job ahead.
    run = tap(catalog=catalog, max_jobs_ahead=0, **VERSIONS)
    assert run.code == 1
    assert kinds(run, "Account") == ["SCHEMA", "RECORD"]
    assert kinds(run, "Contact") == ["SCHEMA", "RECORD", "ACTIVATE_VERSION"]


def test_parquet_files_hold_what_the_record_lines_do(tap: TapCommand, tmp_path: Path) -> None:
    lines, run = tap(), tap(**batches(tmp_path, "parquet", batch_size=2))
    assert run.code == 0, run.log
    assert [duckdb.from_parquet(str(each)).shape[0] for each in files(run, "Contact")] == [2, 2, 1]
    table = duckdb.from_parquet([str(each) for each in files(run, "Account")])
    types = dict(zip(table.columns, map(str, table.types), strict=True))
    assert types["AnnualRevenue"] == "DECIMAL(18,0)"
    assert types["NumberOfEmployees"] == "BIGINT"
    assert types["SystemModstamp"] == "TIMESTAMP WITH TIME ZONE"
    assert types["IsDeleted"] == "BOOLEAN"
    names = ["Id", "AnnualRevenue", "NumberOfEmployees", "IsDeleted", "Description"]
    read = table.project(", ".join(names)).fetchall()
    assert read == [tuple(each[name] for name in names) for each in lines.records("Account")]
    assert run.state == lines.state


def test_a_state_follows_the_files_of_its_rows(tap: TapCommand, tmp_path: Path) -> None:
    run = tap(**batches(tmp_path, "jsonl"))
    order = [(m["type"], m.get("stream")) for m in run.messages]
    for number, (kind, _) in enumerate(order):
        if kind == "STATE":
            done = set(run.messages[number]["value"].get("bookmarks", {}))
            written = {stream for each, stream in order[:number] if each == "BATCH"}
            moved = {
                n for n in done if "window_end" in run.messages[number]["value"]["bookmarks"][n]
            }
            assert moved <= written
    assert order[-1][0] == "STATE"


def test_batch_files_of_a_whole_table_have_its_version(tap: TapCommand, tmp_path: Path) -> None:
    run = tap(catalog=full_table(tap, "Contact"), **VERSIONS, **batches(tmp_path, "jsonl"))
    assert kinds(run, "Contact") == ["SCHEMA", "BATCH", "ACTIVATE_VERSION"]
    assert (
        len(
            {
                m["version"]
                for m in run.messages
                if m.get("stream") == "Contact" and m["type"] != "SCHEMA"
            }
        )
        == 1
    )


def test_each_stream_that_a_map_makes_has_batch_files_of_its_own(
    tap: TapCommand, tmp_path: Path
) -> None:
    maps = {
        "Account": {
            "__alias__": "big",
            "__filter__": "NumberOfEmployees and NumberOfEmployees > 1",
        },
        "names": {"__source__": "Account", "Id": "Id", "Name": "Name.lower()", "__else__": None},
        "Contact": None,
    }
    run = tap(stream_maps=maps, **batches(tmp_path, "jsonl"))
    assert run.code == 0, run.log
    read = {
        stream: [
            json.loads(x)
            for file in files(run, stream)
            for x in file.read_text("utf-8").split("\n")[:-1]
        ]
        for stream in ("big", "names", "Contact")
    }
    assert [row["NumberOfEmployees"] for row in read["big"]] == [47]
    assert read["names"] == [{"Id": a["Id"], "Name": a["Name"].lower()} for a in ACCOUNTS]
    assert read["Contact"] == []


FLAT = {"flattening_enabled": True, "flattening_max_depth": 1}


@pytest.mark.parametrize(
    "maps",
    [
        {},
        # The second one needs each row by itself.
        {"stream_maps": {"Account": {"__filter__": "True"}}},
    ],
)
def test_flattened_rows_have_the_members_of_each_compound(
    tmp_path: Path, maps: dict[str, Any]
) -> None:
    (tmp_path / "Account.csv").write_text(
        "Name,BillingCity,BillingLatitude,SystemModstamp\n"
        "Placed,Zürich,47.3769,2026-01-01T00:00:00.000Z\n"
        "Nowhere,,,2026-01-01T00:00:00.000Z\n",
        encoding="utf-8",
    )
    with Sandbox(data=tmp_path) as sandbox:
        tap = TapCommand(sandbox, tmp_path)
        tap.config["streams_to_discover"] = ["Account"]
        whole, run = tap(), tap(**FLAT, **maps)
    assert run.code == 0, run.log
    for before, after in zip(whole.records("Account"), run.records("Account"), strict=True):
        assert set(after) == set(run.schemas["Account"]["properties"])
        address = before["BillingAddress"] or {}
        found = {n.split("__")[1]: v for n, v in after.items() if n.startswith("BillingAddress")}
        assert set(address) <= set(found)
        assert found == {name: address.get(name) for name in found}
        assert {n: v for n, v in after.items() if n in before}.items() <= before.items()
    placed = run.records("Account")[0]
    assert placed["BillingAddress__city"] == "Zürich"
    assert placed["BillingAddress__latitude"] == Decimal("47.3769")


def test_a_connection_test_with_flattening_and_batches_succeeds(
    tap: TapCommand, tmp_path: Path
) -> None:
    run = tap("--test", **FLAT, **VERSIONS, **batches(tmp_path / "none", "parquet"))
    assert run.code == 0, run.log
    assert not (tmp_path / "none").exists()


def test_an_expression_that_fails_costs_its_stream_alone(tap: TapCommand) -> None:
    run = tap(stream_maps={"Account": {"size": "NumberOfEmployees + 1"}})
    assert run.code == 1
    assert "fails in `size: NumberOfEmployees + 1`: `NumberOfEmployees` is null" in run.reason
    assert "It is record 001000000000002AAA." in run.reason
    assert len(run.records("Contact")) == len(CONTACTS)
    assert "Traceback" not in run.log


def test_an_expression_that_fails_in_a_connection_test_is_one_line(tap: TapCommand) -> None:
    run = tap("--test", stream_maps={"Account": {"size": "Phone[:3]"}})
    assert run.code == 1
    assert "The stream map of `Account` fails in `size: Phone[:3]`: `Phone` is null" in run.reason
    assert "Traceback" not in run.log


def test_numbers_that_an_expression_reads_are_exact(tap: TapCommand) -> None:
    run = tap(stream_maps={"Account": {"AnnualRevenue": "AnnualRevenue and AnnualRevenue + 1"}})
    assert run.code == 0, run.log
    assert [each["AnnualRevenue"] for each in run.records("Account")] == [
        12345679,
        Decimal(123456789012345679),
        None,
    ]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"storage": {"root": "x"}}, "encoding.format is missing"),
        ({"encoding": {"format": "jsonl"}}, "storage.root is missing"),
        ({"encoding": {"format": "csv"}, "storage": {"root": "x"}}, "csv"),
        ({"encoding": {"format": "jsonl"}, "storage": {"root": "foo://x"}}, "foo"),
        ({"encoding": {"format": "jsonl"}, "storage": {"root": "s3://b/x"}}, "Install s3fs to"),
        (
            {"encoding": {"format": "parquet"}, "storage": {"root": "simplecache::gs://b/x"}},
            "install gcsfs to",
        ),
        (
            {"encoding": {"format": "jsonl"}, "storage": {"root": "x"}, "batch_size": 0},
            "batch_size",
        ),
        ({"encoding": {"format": "jsonl"}, "storage": {"rood": "x", "root": "x"}}, "storage.rood"),
        ({"encoding": {"format": "jsonl"}, "storage": {"root": "x"}, "size": 1}, "no size"),
    ],
)
def test_wrong_batch_settings_are_named_before_any_request(
    sandbox: Sandbox, tap: TapCommand, config: dict[str, Any], problem: str
) -> None:
    run = tap(batch_config=config, start_date="never")
    assert run.code == 1
    assert problem in run.reason
    assert "start_date" in run.reason
    assert sandbox.requests == []


def test_a_map_of_no_stream_is_a_warning(tap: TapCommand) -> None:
    maps = {"Acount": {"Name": None}, "Con*": {}, "copy": {"__source__": "Contact"}}
    run = tap(stream_maps={**maps, "__else__": "__NULL__"}, streams_to_discover=["Contact"])
    assert run.code == 0, run.log
    (line,) = [each for each in run.log.splitlines() if "WARNING" in each and "stream_maps" in each]
    assert "stream_maps, Acount: no such stream is read" in line
