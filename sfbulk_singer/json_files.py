"""Reads JSON files that a user names in an option, with errors that do not quote them."""

from __future__ import annotations

import json
from typing import IO, Any

import click


def json_object(what: str, file: IO[str]) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        click.UsageError: As `json_value`, or it is not a JSON object.
    """
    value = json_value(what, file)
    if not isinstance(value, dict):
        raise click.UsageError(f"{what} is not a JSON object.")
    return value


def json_value(what: str, file: IO[str]) -> Any:
    """The JSON value in a file.

    Args:
        what: Named in the error: an option and its file.
        file: The file, open as UTF-8; its text is not shown, it may hold secrets.

    Raises:
        click.UsageError: It is not UTF-8 or not JSON.
    """
    try:
        return json.load(file, parse_constant=_refuse)
    except UnicodeDecodeError:
        raise click.UsageError(f"{what} is not UTF-8.") from None
    except ValueError as error:
        raise click.UsageError(f"{what} is not JSON: {error}") from None
    except RecursionError:
        raise click.UsageError(f"{what} is nested too deeply.") from None


def _refuse(constant: str) -> Any:
    """Refuse what Python reads, but JSON and the SDK do not have."""
    raise ValueError(f"it has {constant}")
