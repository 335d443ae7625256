"""An error of a full disk names the file, its folder and the settings that choose it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sfbulk.error_line import one_line
from sfbulk.jobs.files import GrowingFile, save_chunks
from sfbulk.private_files import naming_file
from tap_sfbulk.failures import ends_the_run
from tap_sfbulk.known_ids import KnownIds

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


def test_a_downloaded_file_is_named() -> None:
    with pytest.raises(OSError, match="No space left") as full:
        save_chunks([b"x" * 100_000], FULL)
    assert "Make room in /dev," in said(full.value)


def test_a_file_that_an_error_names_already_keeps_its_name() -> None:
    with pytest.raises(OSError, match="other") as kept, naming_file(FULL):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "other")
    assert kept.value.filename == "other"


def test_a_database_of_ids_is_named_and_ends_the_run(tmp_path: Path) -> None:
    ids = KnownIds(tmp_path / "org" / "Account.sqlite", None)
    pages = ids._db.execute("PRAGMA page_count").fetchone()[0]
    ids._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OSError, match="full") as full:
        ids._db.executemany(
            "INSERT INTO known VALUES (?)", ((f"{number:018d}",) for number in range(10_000))
        )
    ids.close()
    assert str(tmp_path / "org" / "Account.sqlite") in said(full.value)
    assert ends_the_run(full.value)
