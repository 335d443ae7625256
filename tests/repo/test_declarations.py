"""What is declared in more than one place agrees: --about, meltano.yml and the docs."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub import definitions
from sfbulk.auth.flows import FLOWS, choose_flow
from tests.e2e.commands import BIN, succeed

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = {"tap-sfbulk": "extractors", "target-sfbulk": "loaders"}
# `number` is text, since Meltano cannot write its kind `decimal` where the value is text.
KINDS = {"string": "string", "boolean": "boolean", "integer": "integer", "array": "array"}
KINDS |= {"object": "object", "number": "string"}


@cache
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
    if "enum" in schema:
        return "options"
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
        assert declared[name]["kind"] == kind(schema), name
        choices = [option["value"] for option in declared[name].get("options", ())]
        assert choices == [each for each in schema.get("enum", ()) if each is not None], name
        assert bool(declared[name].get("sensitive")) == bool(schema.get("secret")), name


@pytest.mark.parametrize("command", PLUGINS)
def test_meltano_yml_declares_every_capability(command: str) -> None:
    assert sorted(plugin(command)["capabilities"]) == sorted(about(command)["capabilities"])


@pytest.mark.parametrize("command", PLUGINS)
def test_the_hub_and_meltano_yml_are_as_make_hub_writes_them(command: str) -> None:
    written = definitions.path_of(command).read_text("utf-8")
    assert written == definitions.as_yaml(definitions.definition(command, about(command)))
    project = definitions.PROJECT.read_text("utf-8")
    assert project == definitions.with_settings(project, command, about(command))


def test_the_hub_groups_the_settings_by_sign_in_flow() -> None:
    groups = definitions.sign_in_groups()
    for group in groups:
        given = dict.fromkeys(set(group) - {"login_url"}, "given")
        assert FLOWS[choose_flow(given)].missing(given) == []
    assert {choose_flow(dict.fromkeys(set(g) - {"login_url"}, "x")) for g in groups} == set(FLOWS)


@pytest.mark.parametrize("command", PLUGINS)
def test_every_setting_has_type_title_and_description_and_is_in_the_docs(command: str) -> None:
    page = (ROOT / "docs" / f"{command.split('-', maxsplit=1)[0]}.md").read_text("utf-8")
    _, _, table = page.partition("<!-- settings -->")
    rows = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    settings = about(command)["settings"]["properties"]
    assert settings
    for name, schema in settings.items():
        assert schema.get("type"), name
        assert schema.get("title"), name
        assert schema.get("description"), name
    assert rows == set(settings)
