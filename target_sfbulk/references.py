"""Puts the parts of a SCHEMA that a `$ref` names in the place of the `$ref`."""

from __future__ import annotations

from typing import Any

_ALTERNATIVES = ("anyOf", "oneOf", "allOf")
_MOST_STEPS = 20
"""More references than that, one inside the other, are not followed."""


def resolved_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, its properties with the types that their references name.

    A type decides how a number is written in a text field. References inside of objects and
    arrays, whose values are sent as JSON, stay; so do those that name nothing in this schema.
    """
    properties = schema["properties"].items()
    followed = {name: _followed(about, schema, frozenset()) for name, about in properties}
    return {**schema, "properties": followed}


def _followed(about: Any, root: dict[str, Any], seen: frozenset[str]) -> Any:
    if not isinstance(about, dict):
        return about
    name = about.get("$ref")
    if isinstance(name, str) and name not in seen and len(seen) < _MOST_STEPS:
        target = _at(root, name)
        if isinstance(target, dict):
            others = {key: value for key, value in about.items() if key != "$ref"}
            return _followed({**target, **others}, root, seen | {name})
    choices = {
        key: [_followed(choice, root, seen) for choice in about[key]]
        for key in _ALTERNATIVES
        if isinstance(about.get(key), list)
    }
    return {**about, **choices}


def _at(root: Any, name: str) -> Any:
    """What a reference such as `#/definitions/id` names; None for anything else."""
    beginning, *steps = name.split("/")
    if beginning != "#" or not steps:
        return None
    for step in steps:
        key = step.replace("~1", "/").replace("~0", "~")
        root = root.get(key) if isinstance(root, dict) else None
    return root
