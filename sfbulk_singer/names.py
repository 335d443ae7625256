"""Names and globs of the settings, in any case, and the hint at a name that was probably meant."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WILDCARDS = frozenset("*?[")


def is_glob(pattern: str) -> bool:
    """Whether a pattern can match several names: it has `*`, `?` or `[`."""
    return not _WILDCARDS.isdisjoint(pattern)


def matches(name: str, pattern: str) -> bool:
    """Whether a name fits a name or glob, in any case, as in Salesforce."""
    return fnmatchcase(name.casefold(), pattern.casefold())


def matches_any(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name fits one of these names and globs."""
    return any(matches(name, pattern) for pattern in patterns)


def did_you_mean(wanted: str, names: Iterable[str]) -> str:
    """The closest name as a hint, ` (did you mean `Account`?)`, or an empty text.

    It follows a problem, inside its sentence.
    """
    closest = closest_name(wanted, names)
    return f" (did you mean `{closest}`?)" if closest else ""


def unknown_object(name: str, names: Iterable[str]) -> str:
    """The problem that an object does not exist, with a hint at those that do; no full stop."""
    return f"the org shows this user no object `{name}`{did_you_mean(name, names)}"


def closest_name(wanted: str, names: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """The name most like the one wanted, in any case; None if no name is close.

    Args:
        wanted: The name that does not exist.
        names: Those that exist.
        likeness: How close it must be, from 0 to 1; 1 is the same name.
    """
    spelled = {name.casefold(): name for name in names}
    close = get_close_matches(wanted.casefold(), spelled, n=1, cutoff=likeness)
    return spelled[close[0]] if close else None
