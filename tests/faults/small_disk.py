"""A disk of its own for one folder, which can be filled."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTES = 16


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Put a disk at a folder during the block; skips the test where that is not allowed."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no command to mount a small disk")
    if done.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607 - as the user has it


def free_pages(folder: Path) -> int:
    """How many pages, of which a file takes whole ones, are free."""
    return os.statvfs(folder).f_bavail


def fill(folder: Path, pages: int) -> Path:
    """Fill the disk except for some pages; the file that fills it."""
    path = folder / "full"
    size = (free_pages(folder) - pages) * os.statvfs(folder).f_bsize
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    assert free_pages(folder) == pages
    return path


@contextmanager
def most_used(folder: Path) -> Iterator[list[int]]:
    """The most pages that are used at a time during the block, in a list of one."""
    before, most, is_over = free_pages(folder), [0], threading.Event()

    def look() -> None:
        while not is_over.wait(0.0005):
            most[0] = max(most[0], before - free_pages(folder))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        is_over.set()
        thread.join()
