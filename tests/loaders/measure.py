"""What a loader kept of the org's values, in the words of the table in docs/loaders.md."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.loaders.org_rows import Rows, Value

TYPES = {
    bool: "boolean",
    int: "integer",
    float: "double",
    Decimal: "decimal",
    datetime: "timestamp",
    date: "date",
    time: "time",
    str: "text",
}
# What stands in a text for itself, and not for the character: `\\n` of two characters.
ESCAPES = str.maketrans({"\n": r"\n", "\r": r"\r", "\t": r"\t"})


class Kept:
    """What a loader kept; compares row by row, field by field."""

    def __init__(self) -> None:
        self._rows = self._lost = 0
        self._forms: dict[str, set[str]] = defaultdict(set)
        self._changes: dict[str, Counter[str]] = defaultdict(Counter)

    def compare(self, rows: Rows, loaded: Iterable[dict[str, Any]]) -> None:
        """Compare the rows of an object with those of its table.

        Raises:
            AssertionError: The table has a row twice, a row of its own, or not all columns.
        """
        found: dict[str, dict[str, Any]] = {}
        for row in loaded:
            by_name = {folded(name): value for name, value in row.items()}
            assert by_name["id"] not in found
            found[by_name["id"]] = by_name
        assert found.keys() <= rows.keys()
        self._rows += len(rows)
        self._lost += len(rows) - len(found)
        for key, row in found.items():
            for name, value in rows[key].items():
                self._compare_value(value, row[folded(name)])

    def cells(self) -> dict[str, str]:
        """Return the cells of the loader's line in the table by column."""
        lost = f"{self._lost} of {self._rows} lost" if self._lost else "all"
        return {"Rows": lost} | {kind: self._cell(kind) for kind in sorted(self._forms)}

    def _cell(self, kind: str) -> str:
        changes = [f"{n} {how}" for how, n in sorted(self._changes[kind].items())]
        forms = " or ".join(sorted(self._forms[kind])).replace("` or text `", "` or `")
        return "; ".join([forms, *changes])

    def _compare_value(self, value: Value, loaded: Any) -> None:
        self._forms[value.kind].add(form(value, loaded))
        how = change(value, loaded)
        if how:
            self._changes[value.kind][how] += 1


def folded(name: str) -> str:
    """Return a name as all loaders write it, but for case and underscores: `isdeleted`."""
    return name.lower().replace("_", "")


def form(value: Value, loaded: Any) -> str:
    """Return as what a value is stored: its type, and how its text is spelt if not as it came."""
    if loaded is None or (value.given is None and loaded == ""):
        return "null" if loaded is None else "empty text"
    name = TYPES[type(loaded)]
    if name != "text" or value.kind not in {"Date", "Date and time", "Time", "Boolean"}:
        return name
    spelt = str(value.given).lower() if value.kind == "Boolean" else value.given
    return name if loaded == spelt else f"text `{pattern(loaded)}`"


def pattern(text: str) -> str:
    """Return a text with `0` for each digit."""
    return re.sub(r"\d", "0", text)


def change(value: Value, loaded: Any) -> str | None:
    """Return how a value was changed; None if it was not."""
    if value.given is None:
        return None if loaded in (None, "") else "filled"
    if loaded is None:
        return "emptied"
    if same(value, loaded):
        return None
    if value.kind in NUMBERS and float(loaded) == float(value.given):
        return "rounded"
    if value.kind == "Text" and loaded == value.given.translate(ESCAPES):
        return "escaped"
    return "changed"


def same(value: Value, loaded: Any) -> bool:
    """Return whether the loaded value is the org's, in whatever form."""
    return COMPARISONS[value.kind](value.given, loaded)


def _same_boolean(given: bool, loaded: Any) -> bool:
    return str(loaded).lower() in ({"true", "1"} if given else {"false", "0"})


def _same_instant(given: str, loaded: Any) -> bool:
    return instant(loaded) == instant(given)


def _same_time(given: str, loaded: Any) -> bool:
    return clock_time(loaded) == clock_time(given)


def _same_number(given: Decimal, loaded: Any) -> bool:
    return Decimal(str(loaded)) == given


def _same_text(given: str, loaded: Any) -> bool:
    return str(loaded) == given


NUMBERS = ("Whole number", "Number", "Over 15 digits")
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Boolean": _same_boolean,
    "Text": _same_text,
    "Date": _same_text,
    "Date and time": _same_instant,
    "Time": _same_time,
    **dict.fromkeys(NUMBERS, _same_number),
}
"""How values are compared, by kind. The text of a date is as the org has it."""


def instant(value: str | datetime) -> datetime:
    """Return an instant; one without a zone is in UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(_python_spelling(value))
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def clock_time(value: str | time) -> time:
    """Return a time of day without its zone, which is UTC."""
    if isinstance(value, str):
        value = time.fromisoformat(_python_spelling(value))
    assert value.utcoffset() in (None, timezone.utc.utcoffset(None))
    return value.replace(tzinfo=None)


def _python_spelling(text: str) -> str:
    """Return an ISO text as Python 3.10 reads it: `+00:00` for `Z`."""
    return text.replace("Z", "+00:00")
