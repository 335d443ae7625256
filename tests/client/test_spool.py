"""Rows sorted into files: one set of columns, no file beyond a limit, versions in order."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.csvio import CsvRows
from sfbulk.errors import OversizeRow
from sfbulk.jobs.files import ALL_BUFFERS_BYTES
from sfbulk.load import order
from sfbulk.load.backlog import Backlog
from sfbulk.load.row import RecordKey, Row
from sfbulk.load.spool import FileLimits, RowSpool, SpoolSettings
from tests.client.scripted import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk.load.row_file import RowFile

NAMES = ("Key", "Value")


def new_spool(folder: Path, *, size: int = 10**8, rows: int = 10**8) -> RowSpool:
    limits = FileLimits(bytes=size, rows=rows)
    return RowSpool(SpoolSettings(folder, CsvRows(), limits, "Account", FakeClock()), Backlog())


def key(text: str) -> RecordKey:
    return RecordKey("account", "key", text)


def taken(spool: RowSpool) -> Iterator[RowFile]:
    while file := spool._backlog.next_file():
        yield file


def drained(spool: RowSpool) -> list[RowFile]:
    """All files, each taken when those it waits for are settled; the files stay on the disk."""
    spool.seal_all()
    files: list[RowFile] = []
    while wave := list(taken(spool)):
        files += wave
        for file in wave:
            spool._backlog.settle(file)
    return files


def read(file: RowFile) -> list[list[str]]:
    with file.path.open(newline="\n", encoding="utf-8") as text:
        return list(csv.reader(text, strict=True))


def test_rows_with_the_same_columns_share_a_file(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    spool.add(1, Row(NAMES, ["1", "a"], key("1")))
    spool.add(2, Row(("Key",), ["2"], key("2")))
    spool.add(3, Row(NAMES, ["3", 'say "c"'], key("3")))
    one, both = sorted(drained(spool), key=lambda file: file.rows)
    assert read(both) == [["Key", "Value"], ["1", "a"], ["3", 'say "c"']]
    assert read(one) == [["Key"], ["2"]]
    assert (list(both.numbers), both.size) == ([1, 3], both.path.stat().st_size)


def test_a_file_is_split_at_its_size_in_bytes_not_characters(tmp_path: Path) -> None:
    spool = new_spool(tmp_path, size=30)
    for number in range(1, 5):
        spool.add(number, Row(("A",), ["éé"]))
    files = drained(spool)
    # '"A"\n' has 4 bytes and '"éé"\n' has 7 (5 characters): three rows fit into 30.
    assert [(file.rows, file.size) for file in files] == [(3, 25), (1, 11)]
    assert [file.path.stat().st_size for file in files] == [25, 11]


def test_a_file_may_be_filled_to_the_last_byte_and_the_last_row(tmp_path: Path) -> None:
    for limits in ({"size": 25}, {"rows": 3}):
        (folder := tmp_path / str(limits)).mkdir()
        spool = new_spool(folder, **limits)
        for number in range(1, 4):
            spool.add(number, Row(("A",), ["éé"]))
        assert list(taken(spool)) == []
        assert [file.size for file in drained(spool)] == [25]


def test_a_row_too_large_for_any_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    spool = new_spool(tmp_path, size=10)
    with pytest.raises(OversizeRow, match="more than the 10 bytes that Salesforce accepts"):
        spool.add(1, Row(("A",), ["xxxxxx"]))
    assert (spool.rows, spool.bytes, spool.oldest) == (0, 0, None)
    spool.add(2, Row(("A",), ["x"]))
    assert [list(file.numbers) for file in drained(spool)] == [[2]]


def test_a_full_file_can_be_sent_while_rows_are_added(tmp_path: Path) -> None:
    spool = new_spool(tmp_path, rows=2)
    for number in range(1, 6):
        spool.add(number, Row(("A",), ["x"]))
    assert [list(file.numbers) for file in taken(spool)] == [[1, 2], [3, 4]]
    assert [list(file.numbers) for file in drained(spool)] == [[5]]


def test_a_later_version_waits_for_the_file_of_the_earlier(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    spool.add(1, Row(NAMES, ["k", "old"], key("k")))
    spool.add(2, Row(NAMES, ["k", "new"], key("k")))
    spool.seal_all()
    (first,) = taken(spool)
    assert read(first)[1:] == [["k", "old"]]
    spool.settle(first)
    (second,) = taken(spool)
    assert read(second)[1:] == [["k", "new"]]


def test_a_child_waits_for_the_file_of_its_parent(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    spool.add(1, Row(NAMES, ["parent", ""], key("parent")))
    spool.add(2, Row(NAMES, ["child", "parent"], key("child"), after=(key("parent"),)))
    spool.seal_all()
    assert [list(file.numbers) for file in taken(spool)] == [[1]]


def test_a_version_of_a_settled_key_waits_for_nothing(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    spool.add(1, Row(("A",), ["1"], key("1")))
    spool.seal_all()
    (first,) = taken(spool)
    spool.settle(first)
    assert (spool.rows, spool.bytes, spool.oldest) == (0, 0, None)
    assert not first.path.exists()
    spool.add(2, Row(("A",), ["1"], key("1")))
    (second,) = drained(spool)
    assert second.level == 0
    assert second.path != first.path


def test_the_oldest_file_is_that_of_the_lowest_number_without_outcome(tmp_path: Path) -> None:
    spool = new_spool(tmp_path, rows=1)
    for number in range(1, 4):
        spool.add(number, Row(("A",), ["x"]))
    first, second = taken(spool)
    spool.settle(second)
    assert spool.oldest is first
    spool.settle(first)
    assert spool.oldest
    assert list(spool.oldest.numbers) == [3]


def test_keys_of_settled_files_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "_MOST_KEYS", 10)
    spool = new_spool(tmp_path, rows=5)
    for number in range(1, 1001):
        spool.add(number, Row(("A",), [str(number)], key(str(number))))
        for file in list(taken(spool)):
            spool.settle(file)
    assert len(spool._order._last) <= 20


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.lists(st.sampled_from("xy\n")))),
    st.integers(1, 4),
    st.integers(0, 12),
)
def test_no_key_is_twice_at_a_time_and_the_record_is_as_if_each_version_had_been_sent(
    records: list[tuple[str, bool, list[str]]], rows: int, kept: int
) -> None:
    sent: dict[str, list[int]] = defaultdict(list)
    replaced: list[int] = []
    org: dict[str, dict[str, str]] = defaultdict(dict)
    with TemporaryDirectory() as folder:
        spool = new_spool(Path(folder), rows=rows)
        for number, (text, wide, values) in enumerate(records, start=1):
            columns = ("Key", "Number", "A", "B", "Wide") if wide else ("Key", "Number", "A", "B")
            cells = [text, str(number), *[*values, "", ""][:2], ""][: len(columns)]
            spool.add(number, Row(columns, cells, key(text)))
        assert spool.drop_after(kept, []) == len(records[kept:])
        del records[kept:]
        spool.seal_all()
        while wave := list(taken(spool)):
            for file in wave:
                spool.remove_replaced(file)
            keys = [row[0] for file in wave for row in read(file)[1:]]
            assert len(keys) == len(set(keys))
            for file in wave:
                header, *lines = read(file)
                for row in lines:
                    sent[row[0]].append(int(row[1]))
                    org[row[0]] |= {n: v for n, v in zip(header, row, strict=True) if v}
                replaced += file.replaced
                spool.settle(file)
    everything = [number for of_key in sent.values() for number in of_key]
    assert sorted(everything + replaced) == list(range(1, len(records) + 1))
    assert all(numbers == sorted(numbers) for numbers in sent.values())
    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for number, (text, _, values) in enumerate(records, start=1):
        named = zip("AB", values, strict=False)
        wanted[text] |= {"Key": text, "Number": str(number), **dict(named)}
    assert org == wanted


def test_many_versions_of_one_record_are_two_files(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    for number in range(1, 1001):
        spool.add(number, Row(NAMES, ["k", str(number)], key("k")))
    spool.add(1001, Row(NAMES, ["other", "x"], key("other")))
    spool.seal_all()
    (first,) = taken(spool)
    spool.remove_replaced(first)
    assert read(first)[1:] == [["k", "1"], ["other", "x"]]
    spool.settle(first)
    # All versions but the last are settled only with the last one.
    assert [spool.first] == [2]
    (second,) = taken(spool)
    spool.remove_replaced(second)
    assert read(second)[1:] == [["k", "1000"]]
    assert sorted(second.replaced) == list(range(2, 1000))
    spool.settle(second)
    assert (spool.first, spool.rows, spool.bytes) == (None, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_divided_files_keep_the_rows_that_they_were_sent_in_the_place_of(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    for version in range(3):
        for at, text in enumerate("abc", 1):
            spool.add(3 * version + at, Row(NAMES, [text, str(version)], key(text)))
    spool.seal_all()
    (first,) = taken(spool)
    spool.settle(first)
    (second,) = taken(spool)
    spool.remove_replaced(second)
    parts = [*spool.divide(second, FileLimits(10_000, rows=1)), second]
    assert [(list(one.numbers), list(one.replaced)) for one in parts] == [
        ([7], [4]),
        ([8], [5]),
        ([9], [6]),
    ]
    assert spool.rows == 6
    # The third row of `c` stands for one that is dropped too.
    assert spool.drop_after(5, []) == 2
    assert [list(file.numbers) for file in spool.unsettled()] == [[7], [8]]
    assert (spool.first, spool.rows) == (4, 4)


def test_memory_holds_buffers_not_rows(tmp_path: Path) -> None:
    spool = new_spool(tmp_path)
    cells = ["x" * 2_000] * 100
    most = 0
    for number in range(120):
        columns = tuple(f"C{number}_{position}" for position in range(len(cells)))
        spool.add(number + 1, Row(columns, cells))
        most = max(most, sum(len(file._buffer) for file in spool.unsettled()))
    assert spool.bytes > 1.4 * ALL_BUFFERS_BYTES
    assert most <= ALL_BUFFERS_BYTES
    assert sum(file.path.stat().st_size for file in drained(spool)) == spool.bytes


def test_rows_after_a_number_are_dropped_and_the_others_are_sent(tmp_path: Path) -> None:
    spool = new_spool(tmp_path, rows=3)
    for number in range(1, 6):
        spool.add(number, Row(NAMES, [str(number), "a"], key(str(number))))
    spool.add(6, Row(("Key",), ["6"], key("6")))
    assert spool.drop_after(4, []) == 2
    files = drained(spool)
    assert [list(file.numbers) for file in files] == [[1, 2, 3], [4]]
    assert [read(file)[1:] for file in files] == [
        [["1", "a"], ["2", "a"], ["3", "a"]],
        [["4", "a"]],
    ]
    assert spool.rows == 4
    assert spool.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())


def test_rows_that_are_sent_are_not_dropped_and_what_waited_for_dropped_rows_no_longer_waits(
    tmp_path: Path,
) -> None:
    spool = new_spool(tmp_path)
    spool.add(1, Row(NAMES, ["1", "sent"], key("1")))
    spool.seal_all()
    (sent,) = taken(spool)
    spool.add(2, Row(NAMES, ["1", "dropped"], key("1")))
    assert spool.drop_after(0, [sent]) == 1
    assert spool.first == 1
    spool._backlog.settle(sent)
    spool.add(3, Row(NAMES, ["1", "new"], key("1")))
    (file,) = drained(spool)
    assert read(file)[1:] == [["1", "new"]]
