"""Collects the problems that several checks find, so that one error names all of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sfbulk.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def collecting(problems: list[str]) -> Iterator[None]:
    """Add the problems of a `ConfigError` raised inside to `problems`, and go on.

    What the block assigns is missing then, so raise for the problems before using it.
    """
    try:
        yield
    except ConfigError as error:
        problems += error.problems
