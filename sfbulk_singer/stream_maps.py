"""Checks the expressions of `stream_maps` before the first request, and explains one that fails.

The SDK evaluates them with simpleeval. It names neither the stream nor the property of one that
fails, and lets the error of a null through as it is.
"""

from __future__ import annotations

import ast
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MapExpressionError
from singer_sdk.mapper import CustomStreamMap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NULL = "__NULL__"
_FILTER = "__filter__"
_ELSE = "__else__"
_NO_FAKER = (
    "{setting} needs the package Faker, which is not installed. Install sfbulk[faker] (with"
    " Meltano: pip_url: sfbulk[faker])."
)


def map_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong in `stream_maps` and `faker_config`, one sentence each.

    What has another type is the JSON Schema's to refuse.
    """
    expressions = list(_expressions(config.get("stream_maps")))
    trees = {place: _parsed(expression) for place, expression in expressions}
    for place, expression in expressions:
        if trees[place] is None:
            yield f"{place}: `{expression}` is not an expression."
    if find_spec("faker"):
        return
    if config.get("faker_config"):
        yield _NO_FAKER.format(setting="faker_config")
    for place, tree in trees.items():
        if tree and _uses_faker(tree):
            yield _NO_FAKER.format(setting=f"{place}: `fake`")


def else_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Where `__else__` is neither null nor `__NULL__`, on which the SDK's check fails itself."""
    maps = config.get("stream_maps")
    if not isinstance(maps, dict):
        return
    each = {"stream_maps": maps, **{f"stream_maps, {name}": part for name, part in maps.items()}}
    for place, part in each.items():
        if isinstance(part, dict) and part.get(_ELSE) not in (None, _NULL):
            yield f"{place}: {_ELSE} must be null or {_NULL}: what is not named is left out."


def _expressions(maps: Any) -> Iterator[tuple[str, str]]:
    """The expressions of `stream_maps`, each with its place."""
    for stream, part in maps.items() if isinstance(maps, dict) else ():
        for name, value in part.items() if isinstance(part, dict) else ():
            is_option = name.startswith("__") and name != _FILTER
            if isinstance(value, str) and value != _NULL and not is_option:
                yield f"stream_maps, {stream}, {name}", value


def _parsed(expression: str) -> ast.expr | None:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _uses_faker(tree: ast.expr) -> bool:
    """Whether an expression calls a method of `fake`; a field may have that name too."""
    calls = (each.func for each in ast.walk(tree) if isinstance(each, ast.Call))
    owners = (each.value for each in calls if isinstance(each, ast.Attribute))
    return any(isinstance(each, ast.Name) and each.id == "fake" for each in owners)


@dataclass(frozen=True)
class FailedExpression:
    """An expression that failed on a record."""

    stream: str
    name: str
    """The property, or `__filter__`."""
    expression: str
    nulls: tuple[str, ...]
    """The fields in the expression that are null in the record."""
    reason: str

    @classmethod
    def of(cls, error: Exception) -> FailedExpression | None:
        """The expression whose evaluation raised the error; None for other errors."""
        for frame, _ in walk_tb(error.__traceback__):
            # The SDK knows only there which expression it evaluates; tests fail when it moves.
            if frame.f_code is CustomStreamMap._eval.__code__:  # noqa: SLF001 - see above
                found = frame.f_locals
                name, expression = found["property_name"] or _FILTER, found["expr"]
                used = _used_names(expression, found["names"])
                nulls = tuple(each for each, value in used.items() if value is None)
                stream = found["self"].stream_alias
                return cls(stream, name, expression, nulls, _reason(error, used))
        return None

    def __str__(self) -> str:
        """One or two sentences: stream, map, what happened and what helps."""
        what = f"The stream map of `{self.stream}` fails in `{self.name}: {self.expression}`"
        if not self.nulls:
            return f"{what}: {self.reason.rstrip('.')}."
        first = self.nulls[0]
        names = " and ".join(f"`{name}`" for name in self.nulls)
        verb = "is" if len(self.nulls) == 1 else "are"
        better = f"None if {first} is None else …"
        if self.name == _FILTER:
            better = f"{first} is not None and …"
        return f"{what}: {names} {verb} null here. Write `{better}`."


def _used_names(expression: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """The names in an expression that have a value, each with it."""
    tree = _parsed(expression)
    used = [each.id for each in ast.walk(tree) if isinstance(each, ast.Name)] if tree else []
    return {name: names[name] for name in used if name in names}


def _reason(error: Exception, used: Mapping[str, Any]) -> str:
    exact = next((name for name, value in used.items() if isinstance(value, Decimal)), None)
    # Python's text for two types that do not go together has no value.
    if exact and isinstance(error, TypeError) and "'float'" in str(error):
        return (
            f"`{exact}` is an exact decimal, and Python computes no float with it."
            f" Write `float({exact})`"
        )
    # simpleeval quotes the expression only; the text of another error may quote a value.
    if isinstance(error, MapExpressionError) and error.__cause__:
        return str(error.__cause__)
    return type(error).__name__


@contextmanager
def explained_map_errors() -> Iterator[None]:
    """Let the error of an expression say which one it is, and on what it failed.

    Raises:
        MapExpressionError: In the place of any error of an expression.
    """
    try:
        yield
    except Exception as error:
        if failed := FailedExpression.of(error):
            raise MapExpressionError(str(failed)) from error
        raise
