"""An error of a full disk names the file, its folder and the settings that choose it.

Whatever writes to a file by `open_private` or `open_database` has it.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from sqlite3 import DatabaseError, OperationalError
from typing import TYPE_CHECKING, Literal

import pytest

from sfbulk.error_text import one_line
from sfbulk.jobs.files import GrowingFile
from sfbulk.private_database import open_database
from sfbulk.private_files import flush_to_disk, naming_file, open_private
from tap_sfbulk.emit.batch_files import _whole
from tap_sfbulk.failures import ends_the_run
from tap_sfbulk.known_ids import KnownIds
from target_sfbulk.mirror_keys import VersionKeys

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Connection

# Each write to it fails as on a full disk, also for a user without rights.
FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def said(error: OSError) -> str:
    assert error.errno == errno.ENOSPC
    text = one_line(error)
    assert "spool_dir" in text
    return text


def test_a_file_of_rows_is_named() -> None:
    rows = GrowingFile(FULL)
    rows.append(b"Name\n")
    with pytest.raises(OSError, match="No space left") as full:
        rows.write_out()
    assert "'/dev/full'" in said(full.value)


@pytest.mark.parametrize("mode", ["wb", "ab", "a+b"])
def test_a_private_file_is_named_whichever_write_fails(mode: Literal["wb", "ab", "a+b"]) -> None:
    for size in (1, 100_000):
        with (
            pytest.raises(OSError, match="No space left") as full,
            open_private(FULL, mode) as file,
        ):
            file.write(b"x" * size)
        assert "Make room in /dev," in said(full.value)


def test_a_private_file_can_be_read_and_cut_as_any_file(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    with open_private(path, "a+b") as file:
        file.write(b"one\ntwo\n")
        file.seek(0)
        assert file.readlines() == [b"one\n", b"two\n"]
        file.truncate(4)
        flush_to_disk(file)
    with open_private(path, "ab") as file:
        file.write(b"three\n")
    assert path.read_bytes() == b"one\nthree\n"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError, match="rows"):
        open_private(path, "xb")


def test_an_error_that_names_its_file_already_keeps_it_and_says_what_to_do() -> None:
    with pytest.raises(OSError, match="other") as kept, naming_file(FULL):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "there/other")
    assert kept.value.filename == "there/other"
    assert "Make room in there," in said(kept.value)


DATABASES: dict[str, Callable[[Path], None]] = {
    "ids": lambda folder: fill(KnownIds(folder / "x.sqlite", None)._db, "INSERT INTO known"),
    "keys": lambda folder: fill(VersionKeys(folder / "x.sqlite", "Id")._sqlite, "INSERT INTO key"),
}


def fill(database: Connection, insert: str) -> None:
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    rows = ((f"{number:018d}",) for number in range(10_000))
    database.executemany(f"{insert} VALUES (?)", rows)


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_is_named_and_ends_the_run(tmp_path: Path, kind: str) -> None:
    with pytest.raises(OSError, match="full") as full:
        DATABASES[kind](tmp_path)
    assert str(tmp_path / "x.sqlite") in said(full.value)
    assert ends_the_run(full.value)


def test_rows_of_a_damaged_database_are_an_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    database = open_database(path)
    database.execute("CREATE TABLE t (x)")
    database.executemany("INSERT INTO t VALUES (?)", [(f"{n:0500d}",) for n in range(1_000)])
    database.commit()
    database.execute("PRAGMA cache_size = 1")
    rows = iter(database.execute("SELECT x FROM t"))
    next(rows)
    os.truncate(path, 8_192)
    with pytest.raises((OSError, DatabaseError)) as broken:
        list(rows)
    assert not isinstance(broken.value, OperationalError)


def test_a_batch_file_that_finds_no_room_is_named_and_leaves_no_half(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"half")
    with pytest.raises(OSError, match="No space left") as full, _whole(path.as_uri()):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "elsewhere", None, str(path))
    assert f"Make room in {tmp_path}," in said(full.value)
    assert not path.exists()
