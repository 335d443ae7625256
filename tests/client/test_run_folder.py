"""What a killed run left on disk is removed; what a living run or somebody else has is not."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from sfbulk import file_lock
from sfbulk.run_folder import RunFolder, remove_abandoned

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from filelock import BaseFileLock

MAKE = """
import os, signal, sys
from pathlib import Path
from sfbulk.run_folder import RunFolder
folder = RunFolder("ours-", Path(sys.argv[1]))
(folder.path / "part").mkdir()
(folder.path / "part" / "page.csv").write_text("rows")
print(folder.path, flush=True)
os.kill(os.getpid(), getattr(signal, sys.argv[2]))
"""


def made_by_a_process_that_gets(signal_name: str, parent: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", MAKE, str(parent), signal_name]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(str(parent))
    return process


def test_the_folder_of_a_killed_process_is_removed_and_that_of_a_living_one_is_not(
    tmp_path: Path,
) -> None:
    with made_by_a_process_that_gets("SIGKILL", tmp_path) as killed:
        killed.wait()
    (left,) = tmp_path.iterdir()
    assert (left / "part" / "page.csv").exists()
    with made_by_a_process_that_gets("SIGSTOP", tmp_path) as living:
        try:
            own = RunFolder("ours-", tmp_path)
            assert len(list(tmp_path.iterdir())) == 3
            assert remove_abandoned("ours-", tmp_path) == 1
            assert not left.exists()
            assert len(list(tmp_path.iterdir())) == 2
            own.remove()
        finally:
            living.kill()
    assert remove_abandoned("ours-", tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_a_run_s_folder_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with made_by_a_process_that_gets("SIGKILL", elsewhere) as killed:
        killed.wait()
    (left,) = elsewhere.iterdir()
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "ours-without-lock").mkdir()
    (spool / "ours-without-lock" / "file").touch()
    (spool / "ours-file").write_text("a file of somebody else")
    (spool / "ours-link").symlink_to(left)
    left.rename(elsewhere / "theirs-1")
    assert remove_abandoned("ours-", spool) == remove_abandoned("ours-", elsewhere) == 0
    assert len(list(spool.iterdir())) == 3
    assert (elsewhere / "theirs-1" / "part" / "page.csv").exists()
    assert remove_abandoned("ours-", tmp_path / "no-such-folder") == 0


def test_a_folder_whose_process_was_killed_before_it_had_the_lock_is_removed(
    tmp_path: Path,
) -> None:
    (tmp_path / "ours-1").mkdir()
    (tmp_path / "ours-2").mkdir()
    (tmp_path / "ours-2" / ".lock").touch()
    assert remove_abandoned("ours-", tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_new_folder_is_taken_for_that_of_a_killed_one_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = file_lock.file_lock
    rivals = iter([True, False, False])

    def after_a_rival(path: Path) -> BaseFileLock:
        if next(rivals):
            remove_abandoned("ours-", tmp_path)
        return lock(path)

    monkeypatch.setattr("sfbulk.run_folder.file_lock", after_a_rival)
    folder = RunFolder("ours-", tmp_path)
    assert list(tmp_path.iterdir()) == [folder.path]
    assert remove_abandoned("ours-", tmp_path) == 0


def test_where_the_file_system_knows_no_locks_nothing_is_removed_but_by_its_own_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_number: int, _operation: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", refuse)
    folder = RunFolder("ours-", tmp_path)
    assert remove_abandoned("ours-", tmp_path) == 0
    (folder.path / "page.csv").write_text("rows")
    assert remove_abandoned("ours-", tmp_path) == 0
    folder.remove()
    assert list(tmp_path.iterdir()) == []
