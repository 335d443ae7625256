"""Collects the problems of several checks, so that one error names all of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sfbulk.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "collecting",
]


@contextmanager
def collecting(problems: list[str]) -> Iterator[None]:
    """Catch a `ConfigError` of the block and add its problems to `problems`.

    The block then has not assigned its variables: raise for the problems before you use them.
    """
    try:
        yield
    except ConfigError as error:
        problems += error.problems
