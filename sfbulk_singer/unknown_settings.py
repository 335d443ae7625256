"""Finds settings that nobody knows, so that none is ignored, with the name probably meant."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sfbulk_singer.names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def unknown_settings(
    config: Mapping[str, Any], schema: Mapping[str, Any], others: Iterable[str]
) -> Iterator[str]:
    """The settings that do not exist, one sentence for each object of settings.

    Args:
        config: The settings.
        schema: The JSON Schema of those that have an effect.
        others: The names of settings of the SDK that have none here.
    """
    known = schema["properties"]
    unknown = [name for name in config if name not in {*known, *others}]
    if unknown:
        yield f"There is no setting {_with_hints(unknown, known)}."
    for name, value in config.items():
        yield from _inside(name, value, known.get(name, {}))


def unknown_variables(prefix: str, known: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The environment variables with the plugin's prefix that are not one of its settings.

    Args:
        prefix: Such as `TAP_SFBULK_`.
        known: The settings with their JSON Schemas, by name.
    """
    variables = [prefix + name.upper() for name in known]
    # Meltano also sets a variable for each key inside an object.
    objects = tuple(f"{prefix}{n.upper()}_" for n, s in known.items() if "object" in s["type"])
    unknown = [
        name
        for name in sorted(os.environ)
        if name.startswith(prefix) and name not in {*variables, f"{prefix}LOGLEVEL"}
        if not name.startswith(objects)
    ]
    if unknown:
        yield f"No setting has the environment variable {_with_hints(unknown, variables)}."


def _inside(path: str, value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(value, list):
        for number, each in enumerate(value, start=1):
            yield from _inside(f"{path}, entry {number}", each, schema.get("items", {}))
    if not isinstance(value, dict):
        return
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    if others is False:
        unknown = [name for name in value if name not in known]
        if unknown:
            yield f"{path}: there is no setting {_with_hints(unknown, known)}."
    for name, each in value.items():
        inner = known.get(name) or (others if isinstance(others, dict) else {})
        yield from _inside(f"{path}, {name}", each, inner)


def _with_hints(unknown: Iterable[str], known: Iterable[str]) -> str:
    names = list(known)
    return ", ".join(f"`{name}`{did_you_mean(name, names)}" for name in unknown)
