"""Settings that both connectors have beside those of the client, with their checks."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def spool_dir(
    content: str, otherwise: str = "the system's folder for temporary files"
) -> th.Property[str]:
    """The setting `spool_dir`.

    Args:
        content: What lies there, such as `result pages`.
        otherwise: Where it lies without the setting.
    """
    return th.Property(
        "spool_dir",
        th.StringType,
        title="Spool Folder",
        description=f"Folder for {content}. Without it: {otherwise}.",
    )


def spool_dir_problems(folder: Any) -> Iterator[str]:
    """Why no file can be written to the folder that `spool_dir` names; tries it with one."""
    return folder_problems("spool_dir", folder)


def folder_problems(setting: str, folder: Any) -> Iterator[str]:
    """Why no file can be written to the folder that a setting names; tries it with one."""
    if not folder or not isinstance(folder, str):
        return
    if not Path(folder).is_dir():
        yield f"{setting}: there is no folder {folder}."
        return
    try:
        # Where the system can, a file without a name: a kill leaves none.
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield f"{setting}: {folder} cannot be written ({error.strerror})."


def of_right_type(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that their JSON Schema accepts, and of a list the entries that it accepts.

    Further checks then need not ask for the type of each value again.
    """
    kept: dict[str, Any] = {}
    for name, value in config.items():
        part = schema["properties"].get(name, {})
        if _is_valid(value, part):
            kept[name] = value
        elif isinstance(value, list) and "items" in part:
            kept[name] = [each for each in value if _is_valid(each, part["items"])]
    return {name: value for name, value in kept.items() if value or value == config[name]}


def _is_valid(value: Any, schema: Mapping[str, Any]) -> bool:
    valid: bool = DEFAULT_JSONSCHEMA_VALIDATOR(schema).is_valid(value)
    return valid


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of settings with null among the choices of a setting that can be null.

    The SDK lets every optional setting be null, but not one with `allowed_values`.
    """
    if "enum" in schema and "null" in schema["type"] and None not in schema["enum"]:
        schema = {**schema, "enum": [*schema["enum"], None]}
    parts: dict[str, Any] = {}
    if "properties" in schema:
        parts["properties"] = {key: nullable(part) for key, part in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        parts["additionalProperties"] = nullable(schema["additionalProperties"])
    return schema | parts
