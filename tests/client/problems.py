"""The problems that the client finds in settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk.errors import ConfigError
from sfbulk.settings import parse_settings

if TYPE_CHECKING:
    from collections.abc import Mapping


def problems_of(settings: Mapping[str, Any]) -> list[str]:
    try:
        parse_settings(settings)
    except ConfigError as error:
        return error.problems
    return []
