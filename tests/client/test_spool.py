"""Rows sorted into job files."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.errors import OversizeRow
from sfbulk.jobs.files import ALL_BUFFERS_BYTES
from sfbulk.jobs.spool import JobFile, JobSpool

NAMES = ("Key", "Value")


def read(file: JobFile) -> list[list[str]]:
    with file.path.open(newline="\n", encoding="utf-8") as text:
        return list(csv.reader(text, strict=True))


def test_rows_with_the_same_columns_share_a_job(tmp_path: Path) -> None:
    spool = JobSpool(tmp_path)
    spool.add(NAMES, ["1", "a"], key="1")
    spool.add(("Key",), ["2"], key="2")
    spool.add(NAMES, ["3", 'say "c"'], key="3")
    both, one = spool.drain()
    assert read(both) == [["Key", "Value"], ["1", "a"], ["3", 'say "c"']]
    assert read(one) == [["Key"], ["2"]]
    assert (both.rows, both.size) == (2, both.path.stat().st_size)


def test_a_job_is_split_at_its_size_in_bytes_not_characters(tmp_path: Path) -> None:
    spool = JobSpool(tmp_path, max_job_bytes=30)
    for _ in range(4):
        spool.add(("A",), ["éé"], key=None)
    files = spool.drain()
    # '"A"\n' has 4 bytes and '"éé"\n' has 7 (5 characters): three rows fit into 30.
    assert [(file.rows, file.size) for file in files] == [(3, 25), (1, 11)]
    assert [file.path.stat().st_size for file in files] == [25, 11]


def test_a_file_may_be_filled_to_the_last_byte(tmp_path: Path) -> None:
    spool = JobSpool(tmp_path, max_job_bytes=25)
    for _ in range(3):
        spool.add(("A",), ["éé"], key=None)
    assert [file.size for file in spool.drain()] == [25]


def test_a_row_too_large_for_any_job_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    spool = JobSpool(tmp_path, max_job_bytes=10)
    with pytest.raises(OversizeRow, match="more than the 10 of a job"):
        spool.add(("A",), ["xxxxxx"], key=None)
    spool.add(("A",), ["x"], key=None)
    assert [file.rows for file in spool.drain()] == [1]


def test_draining_leaves_the_spool_empty_and_numbers_files_on(tmp_path: Path) -> None:
    spool = JobSpool(tmp_path)
    spool.add(("A",), ["1"], key="1")
    assert (spool.size, spool.keys) == (4, 1)
    (first,) = spool.drain()
    assert (spool.size, spool.keys, spool.drain()) == (0, 0, [])
    spool.add(("A",), ["1"], key="1")
    (second,) = spool.drain()
    assert second.group.wave == 0
    assert first.path != second.path


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.booleans())))
def test_no_key_is_twice_in_a_wave_and_later_versions_come_later(
    records: list[tuple[str, str, bool]],
) -> None:
    with TemporaryDirectory() as folder:
        spool = JobSpool(Path(folder))
        for number, (key, _, wide) in enumerate(records):
            columns = ("Key", "Number", "Wide") if wide else ("Key", "Number")
            cells = [key, str(number), ""][: len(columns)]
            spool.add(columns, cells, key=key)
        files = spool.drain()
        rows = [(file.group.wave, row[0], int(row[1])) for file in files for row in read(file)[1:]]
    versions = defaultdict(list)
    for wave, key, number in rows:
        versions[key].append((wave, number))
    assert sorted(number for *_, number in rows) == list(range(len(records)))
    for found in versions.values():
        assert [wave for wave, _ in found] == list(range(len(found)))
        assert [number for _, number in found] == sorted(number for _, number in found)


def test_memory_holds_buffers_not_rows(tmp_path: Path) -> None:
    spool = JobSpool(tmp_path)
    cells = ["x" * 2_000] * 100
    most = 0
    for number in range(120):
        columns = tuple(f"C{number}_{position}" for position in range(len(cells)))
        spool.add(columns, cells, key=None)
        most = max(most, sum(len(file._buffer) for file in spool._files))
    assert spool.size > 1.4 * ALL_BUFFERS_BYTES
    assert most <= ALL_BUFFERS_BYTES
    assert sum(file.path.stat().st_size for file in spool.drain()) > spool.size
