"""Reads the settings of the command: those of the connectors, from a file and the environment."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sfbulk.errors import ConfigError
from sfbulk.settings import CLIENT_SETTINGS, NUMBER_SETTINGS, SIGN_IN_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

PREFIX = "SFBULK_"
_NO_SETTINGS = (
    "There are no settings to sign in with. Give them in a file (--config FILE), or as environment "
    f"variables such as {PREFIX}CLIENT_ID: see docs/sign-in.md."
)
# A file may be that of a connector, with settings of its own; a name this much like one of the
# client's is a mistake.
_LIKENESS = 0.85


def read_settings(file: Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    """The settings of the client: those of the environment go before those of the file.

    Args:
        file: a JSON object; it may be the settings file of a connector.
        environment: has variables such as `SFBULK_CLIENT_ID`; an empty one is not given.

    Raises:
        ConfigError: the file is no JSON object, or a name is nearly that of a setting.
        OSError: the file cannot be read.
    """
    given = _from_file(file) if file else {}
    variables = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value
    }
    problems = [
        *_nearly_known("There is no setting", given, str),
        *_nearly_known(
            "No setting has the environment variable", variables, lambda n: PREFIX + n.upper()
        ),
    ]
    if problems:
        raise ConfigError(problems)
    own = {name: value for name, value in given.items() if name in CLIENT_SETTINGS}
    own |= {name: _typed(name, variables[name]) for name in CLIENT_SETTINGS if name in variables}
    if not any(name in own for name in SIGN_IN_SETTINGS):
        raise ConfigError([_NO_SETTINGS])
    return own


def _from_file(file: Path) -> dict[str, Any]:
    # What is wrong is not quoted: it may be a secret.
    try:
        settings = json.loads(file.read_text("utf-8-sig"))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ConfigError([f"--config {file} is not JSON: see {where}."]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"--config {file} is not UTF-8."]) from None
    except (ValueError, RecursionError):
        reason = "is nested too deeply, or has a number of thousands of digits"
        raise ConfigError([f"--config {file} {reason}."]) from None
    if not isinstance(settings, dict):
        raise ConfigError([f"--config {file} must be a JSON object of settings."])
    return settings


def _nearly_known(problem: str, names: Iterable[str], spelled: Any) -> Iterator[str]:
    for name in names:
        if name in CLIENT_SETTINGS:
            continue
        for close in get_close_matches(name, CLIENT_SETTINGS, n=1, cutoff=_LIKENESS):
            yield f"{problem} `{spelled(name)}` (did you mean `{spelled(close)}`?)."


def _typed(name: str, text: str) -> Any:
    """The value of an environment variable; most settings are texts."""
    if name not in NUMBER_SETTINGS:
        return text
    try:
        return float(text)
    except ValueError:
        # The client says what it must be.
        return text
