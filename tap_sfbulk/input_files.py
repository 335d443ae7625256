"""Checks the files of `--catalog` and `--state` before the SDK reads them.

The SDK gets the state in the one form that it reads, whichever form the file has.
"""

from __future__ import annotations

import io
import json
from typing import IO, Any

import click
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from sfbulk_singer.json_files import json_object, json_value
from tap_sfbulk.state_forms import normalized_state

_OBJECTS = {"type": "object", "additionalProperties": {"type": "object"}}

_SCHEMA = {"type": "object", "required": ["properties"], "properties": {"properties": _OBJECTS}}

_TEXT = {"type": ["string", "null"]}
_METADATA = {
    "type": "object",
    "required": ["breadcrumb", "metadata"],
    "properties": {
        "breadcrumb": {"type": "array", "items": {"type": "string"}},
        "metadata": {"type": "object"},
    },
}
_STREAM = {
    "type": "object",
    "required": ["tap_stream_id", "schema"],
    "properties": {
        "tap_stream_id": {"type": "string"},
        "schema": _SCHEMA,
        "key_properties": {"type": ["array", "null"], "items": {"type": "string"}},
        "replication_key": _TEXT,
        "replication_method": _TEXT,
        "metadata": {"type": ["array", "null"], "items": _METADATA},
    },
}

_CATALOG = {
    "required": ["streams"],
    "properties": {"streams": {"type": "array", "items": _STREAM}},
}
"""What the SDK relies on in a catalog (Singer specification: Catalog)."""


def check_catalog(file: IO[str]) -> None:
    """Check the file of `--catalog`, and leave it at its start.

    Raises:
        click.UsageError: It is not a JSON object of a catalog's shape.
    """
    what = f"--catalog {file.name}"
    given = json_object(what, file)
    file.seek(0)
    for wrong in DEFAULT_JSONSCHEMA_VALIDATOR(_CATALOG).iter_errors(given):
        raise click.UsageError(f"{what}: {_problem(wrong)}. Make it with --discover.")


def normalized_state_file(file: IO[str]) -> IO[str]:
    """The state in the file of `--state` as a file of the form that the SDK reads.

    Raises:
        click.UsageError: It is not JSON, or not a state of a known form.
    """
    what = f"--state {file.name}"
    try:
        state = normalized_state(json_value(what, file))
    except ValueError as error:
        reason = f"{what}: {error}. Give the last STATE of an earlier run."
        raise click.UsageError(reason) from None
    return io.StringIO(json.dumps(state))


def _problem(wrong: Any) -> str:
    # jsonschema's own text quotes the wrong value, which may be the whole file.
    if wrong.validator == "required":
        missing = [name for name in wrong.validator_value if name not in wrong.instance]
        return f"{wrong.json_path} lacks {', '.join(missing)}"
    types = wrong.validator_value
    named = types if isinstance(types, str) else " or ".join(types)
    return f"{wrong.json_path} must be of type {named}"
