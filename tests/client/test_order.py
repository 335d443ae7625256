"""The order of rows over several loads: one key in one file at a time, later versions later."""

from __future__ import annotations

from itertools import combinations, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from sfbulk.csvio import CsvRows
from sfbulk.load.backlog import Backlog
from sfbulk.load.row import RecordKey, Row
from sfbulk.load.spool import FileLimits, RowSpool, SpoolSettings
from tests.client.scripted import FakeClock

if TYPE_CHECKING:
    from sfbulk.load.row_file import RowFile

OBJECTS = ("account", "contact")
FIELDS = ("ext", "other", "id")


class Step(NamedTuple):
    """A row of one of the loads; a load has an object and a key field, or inserts."""

    sobject: str
    field: str | None
    text: str
    parent: str | None
    wide: bool


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(OBJECTS),
        st.sampled_from((*FIELDS, None)),
        st.sampled_from("abc"),
        st.sampled_from((None, "a", "b", "c")),
        st.booleans(),
    ),
    max_size=40,
)


def row_of(step: Step) -> Row:
    key = RecordKey(step.sobject, step.field, step.text) if step.field else None
    known_as = () if step.field else (RecordKey(step.sobject, "ext", step.text),)
    after = (RecordKey("account", "ext", step.parent),) if step.parent else ()
    columns = ("Key", "Wide") if step.wide else ("Key",)
    return Row(columns, [step.text, ""][: len(columns)], key, after, known_as=known_as)


def must_come_first(earlier: Step, later: Step) -> bool:
    """Whether the input's order must be kept, written independently of the engine."""
    if later.sobject == earlier.sobject:
        if later.field is None:
            return earlier.field is not None
        if earlier.field is None:
            return (later.field, later.text) == ("ext", earlier.text)
        if later.field != earlier.field or later.text == earlier.text:
            return True
    is_parent = later.parent and earlier.sobject == "account" and earlier.text == later.parent
    return bool(is_parent and earlier.field in ("ext", None))


class Engine:
    """Sends files as a group does; files end in an order that hypothesis draws."""

    def __init__(self, folder: Path, rows: int, in_flight: int, data: st.DataObject) -> None:
        self.backlog = Backlog()
        self.sent: dict[int, int] = {}
        self.settled: dict[int, int] = {}
        self.flying: list[RowFile] = []
        self._folder = folder
        self._limits = FileLimits(10**6, rows)
        self._in_flight = in_flight
        self._data = data
        self._spools: dict[tuple[str, str | None], RowSpool] = {}
        self._ticks = count()

    def add(self, number: int, step: Step) -> None:
        load = (step.sobject, step.field)
        if load not in self._spools:
            folder = self._folder / f"{step.sobject}-{step.field}"
            folder.mkdir()
            settings = SpoolSettings(folder, CsvRows(), self._limits, step.sobject, FakeClock())
            self._spools[load] = RowSpool(settings, self.backlog)
        self._spools[load].add(number, row_of(step))
        self.send()
        ends: bool = self._data.draw(st.booleans())
        if self.flying and ends:
            self.settle_one()

    def drain(self) -> None:
        for spool in self._spools.values():
            spool.seal_all()
        self.send()
        while self.flying:
            self.settle_one()

    def send(self) -> None:
        while len(self.flying) < self._in_flight and (file := self.backlog.next_file()):
            self.flying.append(file)
            self.sent.update((number, next(self._ticks)) for number in file.numbers)

    def settle_one(self) -> None:
        file = self.flying.pop(self._data.draw(st.integers(0, len(self.flying) - 1)))
        self.settled.update((number, next(self._ticks)) for number in file.numbers)
        owner = next(spool for spool in self._spools.values() if spool is file.owner)
        owner.settle(file)
        self.send()


@given(STEPS, st.integers(1, 4), st.integers(1, 5), st.data())
def test_rows_of_all_loads_are_settled_in_the_order_that_they_need(
    steps: list[Step], rows: int, in_flight: int, data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        engine = Engine(Path(folder), rows, in_flight, data)
        for number, step in enumerate(steps, start=1):
            engine.add(number, step)
        engine.drain()
    assert sorted(engine.settled) == list(range(1, len(steps) + 1))
    assert engine.backlog.bytes == 0
    for (earlier, first), (later, second) in combinations(enumerate(steps, start=1), 2):
        # Two new records with one key: the later one is the one that is known.
        repeated = first.field is None and any(
            (one.sobject, one.field, one.text) == (first.sobject, None, first.text)
            for one in steps[earlier : later - 1]
        )
        if must_come_first(first, second) and not repeated:
            assert engine.settled[earlier] < engine.sent[later], (earlier, later)
