"""A setting that nobody knows ends both commands before the first request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.helpers import capabilities

from tap_sfbulk.tap import TapSfbulk
from target_sfbulk.target import TargetSfbulk

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

COMMANDS = ("tap-sfbulk", "target-sfbulk")
# Nothing listens there: a run that gets past its settings fails with another reason.
NOWHERE = {"instance_url": "http://127.0.0.1:1", "access_token": "t"}


def reason(
    command: str, folder: Path, *, variables: dict[str, str] | None = None, **config: Any
) -> str:
    """The last ERROR line of a command with these settings."""
    path = folder / "config.json"
    path.write_text(json.dumps({**NOWHERE, **config}))
    more = ["--config", "ENV"] if variables else []
    done = subprocess.run(
        [Path(sys.executable).parent / command, "--config", path, *more],
        input=b'{"type": "SCHEMA", "stream": "Lead", "schema": {"properties": {"Id": {}}},'
        b' "key_properties": []}\n',
        env={**os.environ, **(variables or {})},
        capture_output=True,
        timeout=60,
        check=False,
    )
    log = done.stderr.decode()
    assert done.returncode == 1, log
    assert "Traceback" not in log
    return [line for line in log.splitlines() if "| ERROR " in line][-1]


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_names_are_all_named_with_what_was_probably_meant(
    command: str, tmp_path: Path
) -> None:
    found = reason(command, tmp_path, api_versoin="68.0", dry_urn=True, Spool_dir="x")
    assert "There is no setting `api_versoin` (did you mean `api_version`?), `dry_urn`" in found
    assert "`Spool_dir` (did you mean `spool_dir`?)." in found
    assert "127.0.0.1" not in found


@pytest.mark.parametrize(
    ("command", "config", "problem"),
    [
        (
            "target-sfbulk",
            {"operation": "insert", "streams": {"Lead": {"field": {"a": "Title"}}}},
            "streams, Lead: there is no setting `field` (did you mean `fields`?).",
        ),
        (
            "tap-sfbulk",
            {"stream_options": {"Acc*": {"wher": "Name = 'x'"}}},
            "stream_options, Acc*: there is no setting `wher` (did you mean `where`?).",
        ),
        (
            "tap-sfbulk",
            {"queries": [{"name": "a", "soql": "SELECT Id FROM Account", "key": ["Id"]}]},
            "queries, entry 1: there is no setting `key`",
        ),
    ],
)
def test_unknown_names_inside_a_setting_are_named_with_their_place(
    command: str, config: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    found = reason(command, tmp_path, **config)
    assert problem in found
    assert found.count("there is no setting") == 1
    assert "dditional properties" not in found


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_environment_variables_are_named_where_they_give_settings(
    command: str, tmp_path: Path
) -> None:
    prefix = command.upper().replace("-", "_") + "_"
    variables = {f"{prefix}API_VERSOIN": "68.0", f"{prefix}LOGLEVEL": "info"}
    found = reason(command, tmp_path, variables=variables)
    assert f"variable `{prefix}API_VERSOIN` (did you mean `{prefix}API_VERSION`?)." in found
    assert "LOGLEVEL" not in found


@pytest.mark.parametrize("command", COMMANDS)
def test_numbers_of_environment_variables_are_numbers_and_empty_ones_not_given(
    empty_sandbox: Sandbox, command: str, tmp_path: Path
) -> None:
    prefix = command.upper().replace("-", "_") + "_"
    variables = {
        f"{prefix}QUOTA_PERCENT_TOTAL": "80.5",
        f"{prefix}MAX_JOB_MB": "50",
        f"{prefix}SPOOL_LIMIT_MB": "",
        f"{prefix}FLATTENING_MAX_DEPTH": "",
        f"{prefix}OPERATION": "",
        f"{prefix}STREAMS": '{"mart": {"lead": {"sobject": "Lead", "operation": "insert"}}}',
    }
    others = (
        {"MAX_JOB_MB", "STREAMS", "OPERATION"} if command == "tap-sfbulk" else {"SPOOL_LIMIT_MB"}
    )
    known = {k: v for k, v in variables.items() if k.removeprefix(prefix) not in others}
    found = reason(command, tmp_path, variables=known, instance_url=empty_sandbox.url)
    # The settings were right: only the token is wrong.
    assert "The access_token is expired or not valid" in found
    assert "is not of type" not in found


def test_a_setting_of_the_sdk_without_an_effect_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    config = {"operation": "insert", "add_record_metadata": False, "validate_records": True}
    path.write_text(json.dumps({**NOWHERE, **config}))
    done = subprocess.run(
        [Path(sys.executable).parent / "target-sfbulk", "--config", path],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    log = done.stderr.decode()
    assert done.returncode == 0, log
    assert "no effect here: `add_record_metadata` (no `_sdc_` field is sent; " in log
    assert "`validate_records` (every value is checked" in log


def test_a_setting_of_the_sdk_that_would_change_the_run_is_refused_by_name(tmp_path: Path) -> None:
    config: dict[str, Any] = {
        "operation": "insert",
        "load_method": "overwrite",
        "hard_delete": "true",
        "add_record_metadata": True,
        "validate_records": False,
        "process_activate_version_messages": False,
    }
    found = reason("target-sfbulk", tmp_path, **config)
    assert "load_method has no effect here: `operation` is its name: `insert` for append-" in found
    for name in set(config) - {"operation"}:
        assert f"{name} has no effect here: " in found
    assert "There is no setting" not in found


def test_a_setting_of_loaders_does_not_stop_the_tap(empty_sandbox: Sandbox, tmp_path: Path) -> None:
    config: dict[str, Any] = {"load_method": "upsert", "hard_delete": True}
    found = reason("tap-sfbulk", tmp_path, instance_url=empty_sandbox.url, **config)
    assert "The access_token is expired or not valid" in found


def test_each_setting_that_the_sdk_gives_loaders_is_known_here() -> None:
    names = {
        name
        for group in vars(capabilities).values()
        if isinstance(group, dict) and "properties" in group
        for name in group["properties"]
    }
    assert {"load_method", "hard_delete", "batch_config"} <= names
    own = {"emit_activate_version_messages", "use_singer_decimal"}
    for plugin in (TapSfbulk, TargetSfbulk):
        known = {**plugin.config_jsonschema["properties"], **plugin._built_in_settings()}
        assert names <= {*known, *plugin.sdk_settings, *own}
