"""What the page says about connecting is run as it stands, by tap, target and Python client."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml

from sfbulk_sandbox import Sandbox
from tests.sandbox_http.page_reader import block, page, text

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def sample() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def html(sample: Sandbox) -> str:
    return page(sample, "/page/connect")


def run(*command: str | Path, stdin: str = "") -> str:
    done = subprocess.run(
        [str(part) for part in command],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def plugins(html: str, kind: str) -> dict[str, Any]:
    (plugin,) = yaml.safe_load(block(html, "meltano"))["plugins"][kind]
    assert isinstance(plugin, dict)
    return plugin


def test_it_shows_what_the_ready_line_has(sample: Sandbox, html: str) -> None:
    ready = sample.ready_line()
    assert {key: text(block(html, f"fact-{key}")) for key in ready} == ready


def test_the_config_of_the_tap_reads_rows(html: str, tmp_path: Path) -> None:
    plugin = plugins(html, "extractors")
    assert {one["name"] for one in plugin["settings"]} == set(plugin["config"])
    assert json.loads(block(html, "tap")) == plugin["config"]
    (tmp_path / "tap.json").write_text(block(html, "tap"))
    lines = run(BIN / "tap-sfbulk", "--config", tmp_path / "tap.json").rstrip().split("\n")
    read = [json.loads(line) for line in lines]
    streams = {one["stream"] for one in read if one["type"] == "RECORD"}
    assert streams == set(plugin["config"]["streams_to_discover"])
    assert len(streams) == 3


def test_the_config_of_the_target_loads_rows(sample: Sandbox, html: str, tmp_path: Path) -> None:
    plugin = plugins(html, "loaders")
    config = plugin["config"]
    assert {one["name"] for one in plugin["settings"]} == set(config)
    key = config["external_id"]
    (tmp_path / "target.json").write_text(
        json.dumps(config | {"output_dir": str(tmp_path / config["output_dir"])})
    )
    schema = {"properties": {key: {"type": "string"}, "Name": {"type": "string"}}}
    messages = [
        {"type": "SCHEMA", "stream": "Account", "key_properties": [key], "schema": schema},
        {"type": "RECORD", "stream": "Account", "record": {key: "N-1", "Name": "New"}},
    ]
    before = sample.org.counts()["Account"]
    stdin = "".join(json.dumps(message) + "\n" for message in messages)
    run(BIN / "target-sfbulk", "--config", tmp_path / "target.json", stdin=stdin)
    assert sample.org.counts()["Account"] == before + 1


def test_the_python_lines_read_rows(html: str) -> None:
    assert len(run(sys.executable, "-c", block(html, "python")).split()) == 5


def test_the_call_of_curl_is_answered(sample: Sandbox, html: str) -> None:
    call = block(html, "curl")
    assert f"'{sample.url}/services/data/" in call
    url, token = call.split("'")[1], call.split("'")[3].partition(": ")[2]
    answer = requests.get(url, headers={"Authorization": token}, timeout=30)
    assert answer.json()["totalSize"] == 5


def test_an_org_without_rows_has_examples_too(sandbox: Sandbox) -> None:
    html = page(sandbox, "/page/connect")
    assert plugins(html, "extractors")["config"]["streams_to_discover"] == ["Account"]
