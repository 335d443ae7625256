"""Creates records that others of the same run need as parents, first without their own lookups.

Two new records that refer to each other by external id cannot be loaded one after the other:
Salesforce refuses each as long as the other is missing. So a parent that is missing, and whose row
waits too, is created by a row without the lookups to waiting rows. After that all rows are sent
whole, in their order. What became of the first rows is not reported: the whole row is a record's
outcome. They are not in a journal either: an upsert that is lost, or repeated, does no harm.
"""

from __future__ import annotations

import logging
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfbulk.csvio import CsvDecoder, CsvRows
from sfbulk.csvio.cells import NULL
from sfbulk.csvio.limits import MAX_BATCH_BYTES, MAX_BATCH_ROWS
from sfbulk.errors import ApiError
from sfbulk.jobs.files import read_chunks
from sfbulk.load.follow_ups import missing_key
from sfbulk.load.row_file import RowFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from sfbulk.clock import Clock
    from sfbulk.load.follow_ups import MissingKey
    from sfbulk.load.loader import Carrier, Flight, Loader
    from sfbulk.load.outcomes import RowOutcome
    from sfbulk.load.stub_maker import StubMaker

    Place = tuple[RowFile, int]

log = logging.getLogger(__name__)

_BLANK = ("", NULL)
_CSV = CsvRows()


@dataclass(frozen=True)
class _Form:
    """Where a file has its key and the keys of parents."""

    sobject: str
    key: str
    key_at: int
    parents: tuple[tuple[int, str, str], ...]
    """Position, object and field."""

    def own(self, cells: list[str]) -> MissingKey:
        return self.sobject, self.key, cells[self.key_at].casefold()

    def named(self, cells: list[str]) -> Iterator[tuple[int, MissingKey]]:
        for at, sobject, name in self.parents:
            if cells[at] not in _BLANK:
                yield at, (sobject, name, cells[at].casefold())


class Cycles:
    """Finds the parents that must be created first, and creates them.

    Memory: about 200 bytes for each row that waits.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tried: set[MissingKey] = set()
        self._waited: set[MissingKey] = set()

    def create(self, loaders: Iterable[Loader[Any]], orphans: Mapping[Place, RowOutcome]) -> bool:
        """API calls: create missing parents whose rows wait, each at most once.

        Args:
            loaders: the loads; nothing of them is in flight.
            orphans: the rows whose parent was not found, and their outcomes for now.

        Returns:
            Whether a record was created.

        Raises:
            SalesforceError: no usable answer. A refusal is logged, and nothing is created.
        """
        able = [(loader, loader.stubs) for loader in loaders if loader.stubs]
        places = _places(able)
        missing = _missing(able, orphans)
        # What waited at the last call, and does not any more, was loaded in between.
        loaded = self._waited - places.keys()
        self._waited = set(places)
        hopeless = _hopeless(places, missing, loaded)
        wanted = {key for place, key in missing.items() if place not in hopeless}
        wanted = wanted & places.keys() - self._tried
        # So each call has fewer to create, and the passes come to an end.
        self._tried |= wanted
        to_create = {places[key] for key in wanted}
        waiting = {key for key, place in places.items() if place not in hopeless}
        created = [self._create(*one, to_create, waiting) for one in able]
        return any(created)

    def _create(
        self,
        loader: Loader[Any],
        maker: StubMaker,
        to_create: set[Place],
        waiting: set[MissingKey],
    ) -> bool:
        """Create the records of one load."""
        stubs = [
            stub
            for file in loader.spool.unsettled()
            for stub in _stubs(file, maker, to_create, waiting)
        ]
        created = self._load(maker.carrier(), stubs) if stubs else set()
        loader.created_before |= created
        return bool(created)

    def _load(self, carrier: Carrier[Any], stubs: Iterable[RowFile]) -> set[int]:
        """Load files one after the other; the rows that created a record."""
        created: set[int] = set()
        try:
            for stub in stubs:
                outcome = carrier.read(self._ended(carrier, carrier.send(stub)))
                created.update(row.number for row in outcome.rows if row.created)
                stub.path.unlink()
            carrier.finish()
        except ApiError as error:
            # The rows are reported with the parents that they miss.
            log.warning("Records that refer to each other are not created: %s", error.message)
            carrier.abandon([])
        except BaseException:
            carrier.abandon([])
            raise
        return created

    def _ended(self, carrier: Carrier[Any], flight: Flight) -> Flight:
        """Wait until a file has an outcome."""
        while not carrier.look([flight]):
            wait = carrier.next_look([flight]) - self._clock.monotonic()
            self._clock.sleep(max(0.0, wait))
        if flight.error:
            raise flight.error
        return flight


def _places(able: Iterable[tuple[Loader[Any], StubMaker]]) -> dict[MissingKey, Place]:
    """The first row of each key, of all rows that are not settled."""
    places: dict[MissingKey, Place] = {}
    for loader, maker in able:
        for file in loader.spool.unsettled():
            file.write_out()
            form = _form(file, maker)
            for number, cells in _rows(file):
                # Later versions of the record come after the first one anyway.
                places.setdefault(form.own(cells), (file, number))
    return places


def _missing(
    able: Iterable[tuple[Loader[Any], StubMaker]], orphans: Mapping[Place, RowOutcome]
) -> dict[Place, MissingKey]:
    """The rows whose parent was not found, and its key."""
    keys = {place: missing_key(row) for place, row in orphans.items()}
    for loader, maker in able:
        for file in loader.spool.unsettled():
            form = _form(file, maker)
            for number, cells in _rows(file):
                row = orphans.get((file, number))
                if row and not keys[file, number]:
                    named = [key for _, key in form.named(cells)]
                    keys[file, number] = missing_key(row, named)
    return {place: key for place, key in keys.items() if key}


def _hopeless(
    places: Mapping[MissingKey, Place],
    missing: Mapping[Place, MissingKey],
    loaded: AbstractSet[MissingKey],
) -> set[Place]:
    """The rows that need a record which no row brings, or a row that does."""
    hopeless: set[Place] = set()
    decided: set[Place] = set()
    for start in missing:
        path: list[Place] = []
        place = start
        while place in missing and place not in decided:
            decided.add(place)
            path.append(place)
            key = missing[place]
            if key not in places:
                # If it was loaded, the row only has to be sent again.
                if key not in loaded:
                    hopeless.add(place)
                break
            place = places[key]
        if place in hopeless:
            hopeless.update(path)
    return hopeless


def _form(file: RowFile, maker: StubMaker) -> _Form:
    named = ((at, maker.columns.parent(name)) for at, name in enumerate(file.columns))
    return _Form(
        maker.columns.sobject.casefold(),
        maker.key.casefold(),
        file.columns.index(file.spelled(maker.key)),
        tuple((at, *parent) for at, parent in named if parent),
    )


def _stubs(
    file: RowFile, maker: StubMaker, to_create: set[Place], waiting: set[MissingKey]
) -> list[RowFile]:
    """Files with rows of a file, without the lookups to rows that wait."""
    form = _form(file, maker)
    head = _CSV.head(file.columns)
    stubs: list[RowFile] = []
    for number, cells in _rows(file):
        if (file, number) not in to_create:
            continue
        for at, key in form.named(cells):
            # Any other lookup stays: without its parent the record must not be created.
            if key in waiting:
                cells[at] = ""
        data = _CSV.row(file.columns, cells, ())
        full = not stubs or stubs[-1].rows >= MAX_BATCH_ROWS
        if full or stubs[-1].size + len(data) > MAX_BATCH_BYTES:
            path = file.path.with_name(f"{file.path.name}-parents-{len(stubs)}")
            stubs.append(RowFile(path, file.columns, level=0, numbers=array("Q")))
            stubs[-1].append(head)
        stubs[-1].append(data)
        stubs[-1].numbers.append(number)
    for stub in stubs:
        stub.write_out()
    return stubs


def _rows(file: RowFile) -> Iterator[tuple[int, list[str]]]:
    # As long as a file is not sent, it has rows in whose place others are sent.
    replaced = frozenset(file.replaced)
    for number, cells in zip(file.numbers, _cells(file), strict=True):
        if number not in replaced:
            yield number, cells


def _cells(file: RowFile) -> Iterator[list[str]]:
    decoder = CsvDecoder()
    for chunk in read_chunks(file.path):
        yield from decoder.feed(chunk)
    yield from decoder.flush()
