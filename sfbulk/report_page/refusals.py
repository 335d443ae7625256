"""Groups refused records by code and fields, and keeps the first ones of each group.

Memory is bounded, however many records are refused and however large they are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Cells = Iterable[tuple[str, str | None]]

MOST_GROUPS = 200
"""More would be a page that nobody reads."""
MOST_SAMPLES = 3
MOST_CELLS = 40
MOST_CHARACTERS = 300
"""Of one value."""
_MOST_MESSAGE = 500
_MOST_NAME = 120


@dataclass(frozen=True)
class Refusal:
    """Why one record was refused.

    Attributes:
        kind: As in the rejects file.
        message: Salesforce's, which may quote the record, or ours.
        fields: The wrong fields, if they are known.
        job_id: The job that had the row; None if it was not sent.
    """

    stream: str
    kind: str
    code: str
    message: str
    fields: tuple[str, ...] = ()
    job_id: str | None = None


@dataclass(frozen=True)
class Shown:
    """A text, or the beginning of one.

    Attributes:
        text: What is shown; None for a null.
        length: Of the whole text, in characters.
    """

    text: str | None
    length: int = 0

    @classmethod
    def of(cls, text: str | None, most: int) -> Shown:
        """At most so many characters of a text."""
        return cls(None) if text is None else cls(text[:most], len(text))

    @property
    def is_cut(self) -> bool:
        """Whether it is only the beginning."""
        return self.text is not None and self.length > len(self.text)


@dataclass(frozen=True)
class Sample:
    """One refused record.

    Attributes:
        cells: Names and values of its fields; the wrong ones first.
        more: How many fields it has beside them.
    """

    message: Shown
    job_id: str | None
    cells: Sequence[tuple[Shown, Shown]]
    more: int


@dataclass
class Group:
    """The records that were refused for the same reason."""

    stream: str
    kind: str
    code: Shown
    fields: tuple[Shown, ...]
    count: int = 0
    samples: list[Sample] = field(default_factory=list)


class Refusals:
    """The refused records of a run."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], Group] = {}
        self.count = 0
        """All records."""
        self.ungrouped: Counter[str] = Counter()
        """Those beyond the groups that are kept, by stream."""

    def add(self, refusal: Refusal, cells: Callable[[], Cells]) -> None:
        """Count a record.

        Args:
            refusal: Why it was refused.
            cells: Returns names and values of its fields; called only for the first records of a
                group.
        """
        self.count += 1
        group = self._group(refusal)
        # Codes and fields are Salesforce's, so there may be any number of them.
        if group is None:
            self.ungrouped[refusal.stream] += 1
            return
        group.count += 1
        if len(group.samples) < MOST_SAMPLES:
            group.samples.append(_sample(refusal, cells()))

    def groups(self) -> list[Group]:
        """The groups, the largest first."""
        return sorted(self._groups.values(), key=lambda group: -group.count)

    def _group(self, refusal: Refusal) -> Group | None:
        key = (refusal.stream, refusal.kind, refusal.code, *refusal.fields)
        if key not in self._groups and len(self._groups) < MOST_GROUPS:
            code = Shown.of(refusal.code, _MOST_NAME)
            fields = tuple(Shown.of(name, _MOST_NAME) for name in refusal.fields[:MOST_CELLS])
            self._groups[key] = Group(refusal.stream, refusal.kind, code, fields)
        return self._groups.get(key)


def _sample(refusal: Refusal, cells: Cells) -> Sample:
    wrong = {name.casefold() for name in refusal.fields}
    first: list[tuple[Shown, Shown]] = []
    others: list[tuple[Shown, Shown]] = []
    count = 0
    # One after the other: each may be large, and only its beginning is kept.
    for name, value in cells:
        count += 1
        into = first if name.casefold() in wrong else others
        if len(into) < MOST_CELLS:
            into.append((Shown.of(name, _MOST_NAME), Shown.of(value, MOST_CHARACTERS)))
    shown = list(islice((*first, *others), MOST_CELLS))
    message = Shown.of(refusal.message, _MOST_MESSAGE)
    return Sample(message, refusal.job_id, shown, count - len(shown))
