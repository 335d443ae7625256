"""Settings and input that cannot be used: one clear line, exit code 1, nothing sent."""

from __future__ import annotations

import os
import subprocess
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigValidationError

from target_sfbulk import input_lines
from target_sfbulk.target import TargetSfbulk
from tests.target.support import COMMAND, as_lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.target.support import Org, Run

SECRET = "do-not-show-me"
ACCOUNTS = schema("Account", "Ext_Id__c", "Name", key="Ext_Id__c")
NO_FIELDS = b'{"type": "SCHEMA", "stream": "x", "schema": {"properties": {}}'
GOOD = record("Account", Ext_Id__c="A-1", Name="Good")


def feed(org: Org, *messages: dict[str, Any] | bytes) -> Run:
    run = org.load(*messages, state(done=1), external_id="Ext_Id__c")
    assert run.code == 1
    assert "Traceback" not in run.log
    assert SECRET not in run.log
    assert run.states == []
    assert org.jobs_created() == 0
    return run


def load_file(org: Org, path: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, "--config", org.config(external_id="Ext_Id__c"), "--input", path],
        env={**os.environ, **environment},
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f'{{"type": "RECORD", "x": "{SECRET}"'.encode(), "it is not JSON"),
        (f"{SECRET}".encode(), "it is not JSON"),
        (b'"' + SECRET.encode() + b'\xff"', "it is not UTF-8"),
        (f'["{SECRET}"]'.encode(), "it is not a JSON object"),
        (f'{{"x": "{SECRET}"}}'.encode(), "it lacks `type`"),
        (f'{{"type": "{SECRET}"}}'.encode(), "its `type` is not one of SCHEMA, RECORD"),
        (f'{{"type": "RECORD", "record": {{"x": "{SECRET}"}}}}'.encode(), "it lacks `stream`"),
        (
            f'{{"type": "RECORD", "stream": "Account", "record": "{SECRET}"}}'.encode(),
            "`record` is not an object",
        ),
        (f'{{"type": "SCHEMA", "stream": "x", "schema": {{"y": "{SECRET}"}}}}'.encode(), "lacks"),
        (b"", "it is not JSON"),
        (
            b'{"type": "RECORD", "stream": "Account", "record": {"Name": 1e99999999999999999999}}',
            "range",
        ),
        (
            b'{"type": "SCHEMA", "stream": "x", "schema": {"properties": []}}',
            "`properties` is not an object",
        ),
        (
            NO_FIELDS + b', "key_properties": "k"}',
            "`key_properties` is not an array of strings",
        ),
        (
            NO_FIELDS + b', "key_properties": [["k"]]}',
            "`key_properties` is not an array of strings",
        ),
        (b'{"type": "ACTIVATE_VERSION", "stream": "x", "version": 1}', "before its SCHEMA"),
    ],
)
def test_a_line_that_is_no_singer_message_is_named_by_its_number(
    org: Org, line: bytes, told: str
) -> None:
    run = feed(org, ACCOUNTS, GOOD, line)
    assert run.reason.startswith("Line 3 of the input is not a Singer message: ")
    assert told in run.reason


def test_a_record_before_its_schema_is_named_by_its_stream(org: Org) -> None:
    run = feed(org, record("Account", Name=SECRET), ACCOUNTS)
    assert run.reason.startswith("Line 1 of the input: A record for stream 'Account'")


def test_a_record_without_a_key_property_is_told_by_its_fields(org: Org) -> None:
    run = feed(org, ACCOUNTS, record("Account", Name=SECRET))
    assert run.reason.startswith(
        "Line 2 of the input, stream `Account`: Record is missing one or more key_prop"
    )
    assert "Ext_Id__c" in run.reason


def test_a_file_given_as_input_is_utf_8_in_any_locale(org: Org) -> None:
    path = org.folder / "input.jsonl"
    name = "Zoë 😀"
    line = '{"type": "RECORD", "stream": "Account", "record": {"Ext_Id__c": "A-1", "Name": "%s"}}\n'
    path.write_bytes(as_lines([ACCOUNTS]) + (line % name).encode())
    done = load_file(org, path, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0, done.stderr
    assert org.query("SELECT Name FROM Account") == [{"Name": name}]


def test_a_file_given_as_input_that_is_not_utf_8_is_named_by_its_line(org: Org) -> None:
    path = org.folder / "input.jsonl"
    path.write_bytes(as_lines([ACCOUNTS, b'"\xff' + SECRET.encode() + b'"']))
    done = load_file(org, path)
    assert done.returncode == 1
    assert b"Line 2 of the input is not a Singer message: it is not UTF-8" in done.stderr
    assert b"Traceback" not in done.stderr
    assert SECRET.encode() not in done.stderr


def test_a_line_without_end_is_read_to_the_bound_and_named(org: Org) -> None:
    path = org.folder / "input.singer"
    path.write_bytes(as_lines([ACCOUNTS, GOOD]))
    # The rest of the file is one line of NUL.
    os.truncate(path, 400_000_000)
    done = load_file(org, path)
    assert done.returncode == 1
    assert b"Line 3 of the input is not a Singer message: it has more than 256,000," in done.stderr
    assert b"Traceback" not in done.stderr
    assert org.jobs_created() == 0


@pytest.mark.parametrize("size", [1, 2, 99, 100])
def test_lines_up_to_the_bound_pass_wherever_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(input_lines, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(input_lines, "_BLOCK_BYTES", 7)
    path = tmp_path / "lines"
    path.write_bytes(b"x" * size + b"\n" + b"y" * 100 + b"\nz")
    with path.open("rb") as file:
        assert [len(line) for line in input_lines.input_lines(file)] == [size, 100, 1]
    assert [len(line) for line in input_lines.lines_of(BytesIO(path.read_bytes()))][1:] == [100, 1]
    path.write_bytes(b"x\n" + b"y" * 108)
    read: list[bytes] = []
    with path.open("rb") as file, pytest.raises(input_lines.LongLineError):
        read.extend(input_lines.input_lines(file))


def test_a_field_first_seen_in_a_record_is_checked_like_one_of_the_schema(org: Org) -> None:
    run = feed(org, ACCOUNTS, GOOD, record("Account", Ext_Id__c="A-2", Nonsense=SECRET))
    assert "record field `Nonsense`: `Account` has no field `Nonsense`" in run.reason


def test_an_output_folder_that_cannot_be_made_is_a_clear_line(org: Org) -> None:
    (org.folder / "file").write_text("in the way")
    run = org.load(
        ACCOUNTS, GOOD, external_id="Ext_Id__c", output_dir=str(org.folder / "file" / "output")
    )
    assert run.code == 1
    assert "Traceback" not in run.log
    assert run.reason.startswith(f"output_dir: {org.folder / 'file' / 'output'} cannot be written")
    assert org.jobs_created() == 0


WRONG = {
    "access_token": "",
    "api_version": "68",
    "operation": "merge",
    "max_rejects": "a few",
    "max_job_mb": 101,
    "batch_wait_limit_seconds": 10**400,
    "nulls": "keep",
    "streams": {
        "a": {"operation": "upsert", "fields": {"x": "A", "y": "a", "z": "Account.Ext__c"}},
        "b": {"operation": "delete", "new_only": True, "lookups": {"p": "Name"}},
        "c": {"sobjct": "Account"},
        "d": {"operation": "insert", "external_id": "E__c"},
        "e": {"external_id": "E__c", "fields": {"x": "A"}, "lookups": {"x": "B.C"}},
    },
}


def test_all_wrong_settings_are_named_at_once_before_any_request(org: Org) -> None:
    run = org.load(ACCOUNTS, **WRONG)
    assert run.code == 1
    for problem in (
        "access_token for access_token",
        'api_version must look like "68.0"',
        "'merge' is not one of",
        'max_rejects must be a count such as "10" or a share such as "2%", not "a few".',
        "101 is greater than the maximum of 100",
        "is greater than the maximum of 1000000000",
        "'keep' is not one of ['clear', 'ignore']",
        "streams, a: external_id is missing",
        "streams, a: fields: Account.Ext__c is a relationship column. Move it to lookups.",
        "streams, a: 2 record fields fill the column a.",
        "streams, b: new_only is not used by delete",
        "streams, b: lookups are not used by delete",
        "streams, b: lookups: Name is not a relationship column",
        "streams, c: there is no setting `sobjct` (did you mean `sobject`?)",
        "streams, d: external_id is not used by insert",
        "streams, e: x is in both fields and lookups",
    ):
        assert problem in run.reason, problem
    assert "Traceback" not in run.log
    assert org.sandbox.requests == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "external_id is missing: operation upsert needs it."),
        ({"operation": "insert", "external_id": "E__c"}, "external_id is not used by insert"),
        ({"operation": "insert", "max_rejects": "101%"}, "max_rejects must be"),
        ({"operation": "insert", "max_rejects": -1}, "max_rejects must be"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, Any], told: str
) -> None:
    sign_in = {"instance_url": "http://127.0.0.1:1", "access_token": "t"}
    with pytest.raises(ConfigValidationError, match="The settings are wrong") as refused:
        TargetSfbulk(config={**sign_in, **settings})
    assert told in str(refused.value)


def test_the_sdk_still_checks_settings_through_the_hook_we_override() -> None:
    with pytest.raises(ConfigValidationError) as refused:
        TargetSfbulk(config={"operation": "insert"})
    assert "Sign-in settings are missing" in str(refused.value)


def test_a_config_file_that_is_no_json_is_named(org: Org) -> None:
    path = org.config()
    path.write_text(f"{SECRET}: [")
    with org.start_with(path) as process:
        _, log = process.communicate(b"", timeout=30)
    assert process.returncode == 1
    assert str(path) in log.decode()
    assert SECRET not in log.decode()
