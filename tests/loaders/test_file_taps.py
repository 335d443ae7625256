"""Extractors that read files, joined with target-sfbulk as a shell joins them, fill an org."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.installed import (
    RUN_SECONDS,
    TAP_CSV,
    python_client,
    run,
    without_python_settings,
)
from tests.e2e.commands import write_json
from tests.loaders.into_org import COLUMNS, empty_org, expected, settings, source, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox

STREAM = "invoices"
TARGET = Path(sys.executable).with_name("target-sfbulk")


@pytest.fixture
def org() -> Iterator[Sandbox]:
    with empty_org() as org:
        yield org


def pipe(tap: Path, config: dict[str, Any], org: Sandbox, folder: Path) -> None:
    """Run the extractor, and load what it writes, both to their good end."""
    lines = run(tap, "--config", write_json(folder / "tap.json", config))
    target = write_json(folder / "target.json", settings(org, STREAM, folder))
    done = subprocess.run(
        [TARGET, "--config", target],
        input=lines.encode(),
        capture_output=True,
        check=False,
        timeout=RUN_SECONDS,
        env=without_python_settings(),
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]


def test_rows_of_tap_jsonl_reach_the_org_value_by_value(org: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "invoices.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in source()), "utf-8")
    config = {"path": str(file), "stream_name": STREAM, "primary_keys": ["Ext_Id__c"]}
    pipe(python_client("tap-jsonl") / "tap-jsonl", config, org, tmp_path)
    assert stored(org) == expected()


def test_rows_of_tap_csv_reach_the_org_value_by_value(org: Sandbox, tmp_path: Path) -> None:
    command = TAP_CSV.command()
    if not command:
        pytest.skip(f"{TAP_CSV.variable} gives no command")
    file = tmp_path / "invoices.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(source())
    config = {"files": [{"entity": STREAM, "path": str(file), "keys": ["Ext_Id__c"]}]}
    pipe(command, config, org, tmp_path)
    assert stored(org) == expected()
