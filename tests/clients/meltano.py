"""A Meltano project of one extractor and one loader, both installed already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def write_project(folder: Path, *, extractor: dict[str, Any], loader: dict[str, Any]) -> None:
    """Make the folder and its meltano.yml."""
    folder.mkdir()
    project = {
        "default_environment": "dev",
        "send_anonymous_usage_stats": False,
        "environments": [{"name": "dev"}],
        "plugins": {"extractors": [extractor], "loaders": [loader]},
    }
    # JSON is YAML.
    (folder / "meltano.yml").write_text(json.dumps(project), "utf-8")


def plugin(name: str, command: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Return how the project names a plugin, and its settings."""
    return {
        "name": name,
        "namespace": name.replace("-", "_"),
        "executable": str(command),
        "config": config,
        "settings": [{"name": setting, "kind": _kind(value)} for setting, value in config.items()],
    }


def _kind(value: object) -> str:
    kinds = {list: "array", dict: "object", bool: "boolean", int: "integer"}
    return kinds.get(type(value), "string")
