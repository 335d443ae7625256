"""Records and inputs at the edge of what Singer allows: taken, rejected by name, or a clear end."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import COMMAND, as_lines, record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org, Run

ACCOUNTS = schema("Account", "Ext_Id__c", "Name", key="Ext_Id__c")
GOOD = record("Account", Ext_Id__c="A-1", Name="Good")
NAMES = "SELECT Name FROM Account ORDER BY Name"


def load(org: Org, *messages: dict[str, Any] | bytes, **settings: Any) -> Run:
    return org.load(*messages, external_id="Ext_Id__c", **settings)


def test_a_record_without_a_required_property_is_rejected_by_name(org: Org) -> None:
    strict = {**ACCOUNTS, "schema": {**ACCOUNTS["schema"], "required": ["Ext_Id__c", "Name"]}}
    lacking = record("Account", Ext_Id__c="A-2")
    run = load(org, strict, GOOD, lacking, state(done=1))
    assert run.code == 1
    assert "1 of 2 rows were rejected" in run.reason
    (reject,) = run.rejects("Account")
    assert reject["record"] == {"Ext_Id__c": "A-2"}
    assert (reject["code"], reject["fields"]) == ("MISSING_PROPERTY", ["Name"])
    assert "`Name`, which its SCHEMA requires" in reject["message"]
    assert (
        "Account: line 3 of the input: MISSING_PROPERTY on Name: the record lacks `Name`" in run.log
    )
    assert org.query(NAMES) == [{"Name": "Good"}]
    assert run.states == [{"done": 1}]


def test_a_property_that_is_null_is_not_missing(org: Org) -> None:
    fields = {**ACCOUNTS["schema"]["properties"], "Site": {}}
    strict = {**ACCOUNTS, "schema": {"properties": fields, "required": ["Site"]}}
    run = load(org, strict, record("Account", Ext_Id__c="A-1", Name="Good", Site=None))
    assert run.code == 0, run.log


def test_a_record_without_its_key_ends_the_run_with_its_line_and_stream(org: Org) -> None:
    run = load(org, ACCOUNTS, GOOD, state(n=1), record("Account", Name="Keyless"), state(n=2))
    assert run.code == 1
    assert run.reason.startswith("Line 4 of the input, stream `Account`: Record is missing")
    assert "Ext_Id__c" in run.reason


def test_a_record_whose_key_is_null_is_rejected_by_name(org: Org) -> None:
    run = load(org, ACCOUNTS, GOOD, record("Account", Ext_Id__c=None, Name="Keyless"))
    assert run.code == 1
    assert [reject["code"] for reject in run.rejects("Account")] == ["MISSING_KEY"]
    assert org.query(NAMES) == [{"Name": "Good"}]


def test_a_lone_surrogate_rejects_one_record_by_name(org: Org) -> None:
    bad = rb'{"type":"RECORD","stream":"Account","record":{"Ext_Id__c":"A-2","Name":"a\ud83d!"}}'
    run = load(org, ACCOUNTS, bad, GOOD, state(done=1), max_rejects=1)
    assert run.code == 0, run.log
    (reject,) = run.rejects("Account")
    assert (reject["code"], reject["fields"]) == ("LONE_SURROGATE", ["Name"])
    assert reject["record"]["Name"] == "a\ud83d!"
    assert org.query(NAMES) == [{"Name": "Good"}]
    assert run.states == [{"done": 1}]


@pytest.mark.parametrize(
    "bad",
    [
        rb'{"type":"RECORD","stream":"Account","record":{"\udc00":1.50,"x":[{"y":1E5}]}}',
        rb'{"type":"RECORD","stream":"Account","record":{"Name":{"a":["\ud800"]}}}',
    ],
)
def test_a_lone_surrogate_anywhere_in_a_record_keeps_the_record(org: Org, bad: bytes) -> None:
    run = org.load(schema("Account", "Name"), bad, operation="insert", max_rejects=1)
    assert run.code == 0, run.log
    text = (run.output / "Account.rejects.jsonl").read_bytes()
    assert bad.partition(b'"record":')[2][:-1] in text


def test_a_schema_with_a_lone_surrogate_is_named_by_its_line(org: Org) -> None:
    bad = rb'{"type":"SCHEMA","stream":"x","schema":{"properties":{"\ud800":{}}}}'
    run = load(org, ACCOUNTS, bad)
    assert run.reason.startswith("Line 2 of the input is not a Singer message: it has a lone surr")


def test_a_byte_order_mark_at_the_beginning_is_ignored(org: Org) -> None:
    run = load(org, b"\xef\xbb\xbf" + as_lines([ACCOUNTS]).rstrip(), GOOD)
    assert run.code == 0, run.log
    assert org.query(NAMES) == [{"Name": "Good"}]


@pytest.mark.parametrize("depth", [300, 900, 2_000, 100_000])
def test_a_schema_that_is_nested_deeply_is_read_or_named(org: Org, depth: int) -> None:
    deep = b'{"items":' * depth + b"1" + b"}" * depth
    fields = b'{"Ext_Id__c":{},"Name":%s}' % deep
    message = b'{"type":"SCHEMA","stream":"Account","schema":{"properties":%s}}' % fields
    run = load(org, ACCOUNTS, message)
    assert "Traceback" not in run.log
    if run.code:
        assert run.reason.startswith("Line 2 of the input")


@pytest.mark.parametrize("depth", [300, 975, 2_000, 100_000])
def test_a_record_that_is_nested_deeply_is_loaded_or_named(org: Org, depth: int) -> None:
    deep = b'{"type":"RECORD","stream":"Account","record":{"Ext_Id__c":"A-2","Name":%s%s}}'
    run = load(org, ACCOUNTS, GOOD, deep % (b"[" * depth, b"]" * depth))
    assert "Traceback" not in run.log
    assert "Line 3 of the input" in run.reason or run.rejects("Account")


def test_a_stream_whose_name_is_too_long_for_a_file_has_its_files(org: Org) -> None:
    name = "accounts_" * 50
    run = org.load(
        {**ACCOUNTS, "stream": name},
        {**GOOD, "stream": name},
        record(name, Ext_Id__c=None),
        external_id="Ext_Id__c",
        streams={name: {"sobject": "Account"}},
        max_rejects=1,
    )
    assert run.code == 0, run.log
    (rejects,) = run.output.glob("accounts_*.rejects.jsonl")
    assert len(rejects.name) < 256


def shell(org: Org, words: str, *messages: dict[str, Any]) -> subprocess.CompletedProcess[bytes]:
    """Run the command by a shell, `words` behind it, with these messages in the file `input`."""
    (org.folder / "input").write_bytes(as_lines(messages))
    config = org.config(external_id="Ext_Id__c")
    return subprocess.run(
        ["/bin/sh", "-c", f"{COMMAND} --config {config} {words}"],
        cwd=org.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


def last_error(log: bytes) -> str:
    lines = [line for line in log.decode().splitlines() if "| ERROR " in line]
    assert lines, log
    return lines[-1]


def test_a_closed_standard_input_is_a_clear_error(org: Org) -> None:
    done = shell(org, "<&-")
    assert done.returncode == 1
    assert "There is no standard input to read." in last_error(done.stderr)
    assert b"Traceback" not in done.stderr


def test_a_closed_standard_output_is_a_clear_error(org: Org) -> None:
    done = shell(org, "<input >&-", ACCOUNTS, GOOD, state(done=1))
    assert done.returncode == 1
    assert "There is no standard output to write to." in last_error(done.stderr)
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")  # noqa: PTH110 - a device
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_standard_output_is_a_clear_error(
    org: Org, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    done = shell(org, "<input >/dev/full", ACCOUNTS, GOOD, state(done=1))
    assert done.returncode == 1
    assert "No space left on device" in last_error(done.stderr)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_about_onto_a_full_disk_is_a_clear_error(org: Org) -> None:
    done = shell(org, "--about >/dev/full")
    assert done.returncode == 1
    assert "No space left on device" in last_error(done.stderr)
    assert b"Exception ignored" not in done.stderr
