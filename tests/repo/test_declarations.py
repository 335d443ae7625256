"""What is declared in more than one place agrees: --about, meltano.yml and the docs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.commands import BIN, succeed

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = {"tap-sfbulk": "extractors", "target-sfbulk": "loaders"}
# How Meltano calls the JSON Schema types of settings. Its kind `decimal` cannot be written into the
# settings file where the value is text, as in an environment variable (Meltano 4.4); the connectors
# take a number as text too.
KINDS = {"string": "string", "boolean": "boolean", "integer": "integer", "array": "array"}
KINDS |= {"object": "object", "number": "string"}


def about(command: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(succeed([BIN / command, "--about", "--format=json"]))
    return told


def plugin(command: str) -> dict[str, Any]:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
    found: dict[str, Any] = next(
        p for p in project["plugins"][PLUGINS[command]] if p["name"] == command
    )
    return found


def kind(schema: dict[str, Any]) -> str:
    if schema.get("format") == "date-time":
        return "date_iso8601"
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return KINDS[next(t for t in types if t != "null")]


@pytest.mark.parametrize("command", PLUGINS)
def test_meltano_yml_declares_every_setting_with_its_kind(command: str) -> None:
    # Meltano spreads the SDK's nested groups of settings into dotted names by itself.
    said = about(command)["settings"]["properties"]
    declared = {s["name"]: s for s in plugin(command)["settings"]}
    assert sorted(declared) == sorted(said)
    for name, schema in said.items():
        assert declared[name].get("kind", "string") == kind(schema), name
        assert bool(declared[name].get("sensitive")) == bool(schema.get("secret")), name


@pytest.mark.parametrize("command", PLUGINS)
def test_meltano_yml_declares_every_capability(command: str) -> None:
    assert sorted(plugin(command)["capabilities"]) == sorted(about(command)["capabilities"])


@pytest.mark.parametrize("command", PLUGINS)
def test_every_setting_has_type_and_description_and_is_in_the_docs(command: str) -> None:
    page = (ROOT / "docs" / f"{command.split('-', maxsplit=1)[0]}.md").read_text("utf-8")
    _, _, table = page.partition("<!-- settings -->")
    rows = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    settings = about(command)["settings"]["properties"]
    assert settings
    for name, schema in settings.items():
        assert schema.get("type"), name
        assert schema.get("description"), name
    assert rows == set(settings)
