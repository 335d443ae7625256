"""Makes the Meltano Hub definitions of both plugins from what their commands say of themselves.

`make hub` writes `hub/extractors/tap-sfbulk.yml` and `hub/loaders/target-sfbulk.yml`, and brings
the settings of both plugins in `meltano.yml` up to date; what stands beside them is kept.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from sfbulk.auth.flows import FLOWS

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "meltano.yml"
KINDS_OF_PLUGINS = {"tap-sfbulk": "extractors", "target-sfbulk": "loaders"}
KEYWORDS = {
    "tap-sfbulk": ["api", "meltano_sdk"],
    "target-sfbulk": ["api", "meltano_sdk", "reverse_etl"],
}
# How Meltano calls the JSON Schema types of settings. Its kind `decimal` cannot be written into the
# settings file where the value is text, as in an environment variable (Meltano 4.4); the connectors
# take a number as text too.
KINDS = {"boolean": "boolean", "integer": "integer", "array": "array", "object": "object"}


def about(command: str) -> dict[str, Any]:
    """What `COMMAND --about --format=json` prints."""
    path = Path(sys.executable).with_name(command)
    done = subprocess.run(  # noqa: S603 - our own command
        [path, "--about", "--format=json"], capture_output=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def definition(command: str, told: dict[str, Any]) -> dict[str, Any]:
    """A plugin in the form of Meltano Hub.

    Args:
        command: The plugin's name.
        told: What its `--about` says.
    """
    return {
        "name": command,
        "namespace": command.replace("-", "_"),
        "variant": "sfbulk",
        "label": "Salesforce (bulk)",
        "description": told["description"],
        "pip_url": "sfbulk",
        "executable": command,
        "domain_url": "https://www.salesforce.com/",
        "maintenance_status": "active",
        "keywords": KEYWORDS[command],
        "capabilities": sorted(told["capabilities"]),
        "settings_group_validation": sign_in_groups(),
        "settings": settings(told),
    }


def settings(told: dict[str, Any]) -> list[dict[str, Any]]:
    """The settings of a plugin as Meltano declares them, from what its `--about` says."""
    return [_setting(name, schema) for name, schema in told["settings"]["properties"].items()]


def _setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    made = {"name": name, "label": schema["title"], "description": schema["description"]}
    choices = [choice for choice in schema.get("enum", ()) if choice is not None]
    made["kind"] = "options" if choices else _kind(schema)
    if choices:
        made["options"] = [{"label": choice, "value": choice} for choice in choices]
    if (default := schema.get("default")) not in (None, {}):
        made["value"] = str(default) if made["kind"] == "string" else default
    if schema.get("secret"):
        made["sensitive"] = True
    return made


def _kind(schema: dict[str, Any]) -> str:
    if schema.get("format") == "date-time":
        return "date_iso8601"
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return KINDS.get(next(each for each in types if each != "null"), "string")


def sign_in_groups() -> list[list[str]]:
    """For each sign-in flow the settings it needs; of alternatives each one."""
    groups: list[list[str]] = []
    for name, flow in FLOWS.items():
        host = [] if name in ("access_token", "salesforce_cli") else ["login_url"]
        found = [host]
        for alternatives in flow.needs:
            found = [[*group, each] for group in found for each in alternatives]
        groups += found
    return groups


def as_yaml(value: Any) -> str:
    """YAML as Meltano writes it: keys in their order, a text on one line."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
    return text


def path_of(command: str) -> Path:
    """The file of a definition."""
    return ROOT / "hub" / KINDS_OF_PLUGINS[command] / f"{command}.yml"


def with_settings(project: str, command: str, told: dict[str, Any]) -> str:
    """The text of a `meltano.yml` with new settings and capabilities of a plugin.

    Args:
        project: The text before.
        command: The plugin, whose entry has capabilities, settings and a `config` in this order.
        told: What its `--about` says.
    """
    parts = {"capabilities": told["capabilities"], "settings": settings(told)}
    lines = as_yaml(parts).splitlines(keepends=True)
    pattern = rf"(?<=    executable: {command}\n)    capabilities:.*?(?=^    config:\n)"
    made, count = re.subn(
        pattern,
        lambda _: "".join(f"    {line}" for line in lines),
        project,
        flags=re.DOTALL | re.MULTILINE,
    )
    if count != 1:
        raise ValueError(f"{PROJECT.name} has {count} entries of {command} of the expected form")
    return made


def main() -> None:
    """Write the definitions and the settings in `meltano.yml`."""
    project = PROJECT.read_text("utf-8")
    for command in KINDS_OF_PLUGINS:
        told = about(command)
        path_of(command).parent.mkdir(exist_ok=True)
        path_of(command).write_text(as_yaml(definition(command, told)), "utf-8")
        project = with_settings(project, command, told)
    PROJECT.write_text(project, "utf-8")


if __name__ == "__main__":
    main()
