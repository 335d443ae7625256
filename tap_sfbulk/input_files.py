"""Checks the files of `--catalog` and `--state` before the SDK reads them."""

from __future__ import annotations

from typing import IO, Any

import click
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from sfbulk_singer.json_files import json_object

_OBJECTS = {"type": "object", "additionalProperties": {"type": "object"}}

_SCHEMA = {"type": "object", "required": ["properties"], "properties": {"properties": _OBJECTS}}

_STREAM = {
    "type": "object",
    "required": ["tap_stream_id", "schema"],
    "properties": {"tap_stream_id": {"type": "string"}, "schema": _SCHEMA},
}

_SHAPES: dict[str, dict[str, Any]] = {
    "--catalog": {
        "required": ["streams"],
        "properties": {"streams": {"type": "array", "items": _STREAM}},
    },
    "--state": {"properties": {"bookmarks": _OBJECTS}},
}
"""What the SDK relies on in these files (Singer specification: Catalog, State)."""

_ADVICE = {
    "--catalog": "Make it with --discover.",
    "--state": "Give the last STATE of an earlier run.",
}


def check_file(option: str, file: IO[str]) -> None:
    """Check the file of an option, and leave it at its start.

    Raises:
        click.UsageError: It is not a JSON object of the option's shape.
    """
    what = f"{option} {file.name}"
    given = json_object(what, file)
    file.seek(0)
    validator = DEFAULT_JSONSCHEMA_VALIDATOR(_SHAPES[option])
    for wrong in validator.iter_errors(given):
        raise click.UsageError(f"{what}: {_problem(wrong)}. {_ADVICE[option]}")


def _problem(wrong: Any) -> str:
    # jsonschema's own text quotes the wrong value, which may be the whole file.
    if wrong.validator == "required":
        missing = [name for name in wrong.validator_value if name not in wrong.instance]
        return f"{wrong.json_path} lacks {', '.join(missing)}"
    return f"{wrong.json_path} must be of type {wrong.validator_value}"
