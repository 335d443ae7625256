"""Understands settings in the forms that Meltano and environment variables have; no I/O.

- A number, boolean, list or object can be text, as from an environment variable.
- An empty text or `__NULL__`, the SDK's word for null, is null: Meltano drops a null inside an
  object.
- Meltano splits keys at their dots: of `mart.invoice` it makes `{"mart": {"invoice": ...}}`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NULLS = ("", "__NULL__")
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")


def in_own_types(
    config: Mapping[str, Any], own: Mapping[str, Any], built_in: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings with each value in the type of its JSON Schema, where it has a form of it.

    A value that has no such form stays as it is; the JSON Schema refuses it.

    Args:
        config: The settings as they are given.
        own: The JSON Schemas of the plugin's own settings, by name.
        built_in: Those of the SDK's settings. What is inside them is the SDK's to understand, but
            for the names of streams in `stream_maps`.
    """
    return {
        name: _typed(value, own[name]) if name in own else _of_the_sdk(name, value, built_in)
        for name, value in _without_dots(config, own).items()
    }


def _without_dots(config: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with `streams.people.sobject` inside `streams`."""
    dotted = {
        key: key.split(".") for key in config if "object" in _types(own.get(key.split(".")[0], {}))
    }
    dotted = {key: path for key, path in dotted.items() if len(path) > 1}
    nested = {key: value for key, value in config.items() if key not in dotted}
    for key, path in dotted.items():
        _put(nested, path, config[key])
    return nested


def _put(into: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        inside = into.get(key)
        into[key] = dict(inside) if isinstance(inside, dict) else {}
        into = into[key]
    into[path[-1]] = value


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    value = _parsed(value, schema)
    if isinstance(value, list) and "items" in schema:
        return [_typed(each, schema["items"]) for each in value]
    if not isinstance(value, dict):
        return value
    named, others = schema.get("properties", {}), schema.get("additionalProperties")
    if isinstance(others, dict):
        return {k: _typed(each, others) for k, each in _whole_keys(value, others).items()}
    return {k: _typed(each, named.get(k, {})) for k, each in value.items()}


def _of_the_sdk(name: str, value: Any, built_in: Mapping[str, Any]) -> Any:
    value = _parsed(value, built_in.get(name, {}))
    if name != "stream_maps" or not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for stream, entry in value.items():
        _collect_maps(stream, entry, found)
    return found


def _collect_maps(stream: str, entry: Any, found: dict[str, Any]) -> None:
    """Add the map of a stream, or those inside it whose names were split at their dots."""
    # A map has texts and nulls, never only objects.
    if not isinstance(entry, dict) or not entry or not all(map(_is_object, entry.values())):
        found[stream] = entry
        return
    for name, inner in entry.items():
        _collect_maps(f"{stream}.{name}", inner, found)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _parsed(value: Any, schema: Mapping[str, Any]) -> Any:
    """A text as the type that its schema has; any other value as it is."""
    types = _types(schema)
    if not isinstance(value, str) or not types:
        return value
    if value in _NULLS:
        return None
    return value if "string" in types else _other_than_text(value, types)


def _other_than_text(text: str, types: set[str]) -> Any:
    bare = text.strip()
    if "boolean" in types:
        return _BOOLEANS.get(bare.lower(), text)
    if _INTEGER.fullmatch(bare) and {"integer", "number"} & types:
        return int(bare)
    if _NUMBER.fullmatch(bare) and "number" in types:
        return float(bare)
    return _from_json(text, types) if {"array", "object"} & types else text


def _from_json(text: str, types: set[str]) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        # As the SDK reads a list of texts from an environment variable.
        return [part.strip() for part in text.split(",")] if "array" in types else text
    return value if isinstance(value, (list, dict)) else text


def _whole_keys(value: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a mapping by their keys, those with dots put together again."""
    named = others.get("properties")
    found: dict[str, Any] = {}
    for key, entry in value.items():
        if named is not None:
            _collect_entries(key, entry, named, found)
        elif "object" not in _types(others):
            _collect_leaves(key, entry, found)
        else:
            found[key] = entry
    return found


def _collect_entries(key: str, entry: Any, named: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Add an entry of settings, and entries inside it that were split off its key."""
    if not isinstance(entry, dict):
        # A key with nothing after it, as YAML reads it, is a stream without settings of its own.
        found[key] = {} if entry is None or entry in _NULLS else entry
        return
    split = {k: inner for k, inner in entry.items() if k not in named and _holds(inner, named)}
    own = {k: inner for k, inner in entry.items() if k not in split}
    if own or not split:
        found[key] = own
    for name, inner in split.items():
        _collect_entries(f"{key}.{name}", inner, named, found)


def _holds(entry: Any, named: Mapping[str, Any]) -> bool:
    """Whether it is, or holds at any depth, an entry with one of these settings."""
    if not isinstance(entry, dict):
        return False
    return any(k in named or _holds(inner, named) for k, inner in entry.items())


def _collect_leaves(key: str, value: Any, found: dict[str, Any]) -> None:
    if not isinstance(value, dict) or not value:
        found[key] = value
        return
    for name, inner in value.items():
        _collect_leaves(f"{key}.{name}", inner, found)


def _types(schema: Mapping[str, Any]) -> set[str]:
    types = schema.get("type", ())
    return {types} if isinstance(types, str) else set(types)
