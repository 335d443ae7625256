"""Keeps the keys of rows, and finds those that may be repeated, with little memory per row."""

from __future__ import annotations

import io
from itertools import count
from typing import TYPE_CHECKING

import polars as pl

from sfbulk.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IN_MEMORY_ROWS = 500_000
"""So many keys are kept in memory; further ones go to files (18 bytes for each Id)."""

_LARGE_PAGE_ROWS = 10_000
_SMALL_PAGES = 100

_RUNS_AT_A_TIER = 8
_LARGEST_RUN_ROWS = 4_000_000
_HASHES_IN_MEMORY = 16_000_000
_SEED = 7


class KeptKeys:
    """The keys of all rows so far, in the order of their pages.

    Args:
        folder: Where files may be written; None for the system's folder. They are removed by
            `close`.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._files: RunFolder | None = None
        self._names = count()
        self._pages: list[bytes | str] = []
        self._small: list[pl.DataFrame] = []
        self._in_memory = 0

    def add(self, keys: pl.DataFrame) -> None:
        """Keep the keys of a page."""
        self._small.append(keys)
        if len(self._small) < _SMALL_PAGES and keys.height < _LARGE_PAGE_ROWS:
            return
        keys = pl.concat(self._small)
        self._small.clear()
        if self._in_memory + keys.height > IN_MEMORY_ROWS:
            self._pages.append(self.write(keys))
        else:
            self._in_memory += keys.height
            # A frame takes kilobytes, also that of a page with one row, and may hold on to the
            # memory of all columns of its page.
            copy = io.BytesIO()
            keys.write_ipc(copy)
            self._pages.append(copy.getvalue())

    def pages(self) -> Iterator[pl.DataFrame]:
        """The keys, page by page."""
        for page in self._pages:
            yield pl.read_ipc(page)
        yield from self._small

    def write(self, frame: pl.DataFrame) -> str:
        """Write a frame to a file of its own, and return the file's path."""
        if self._files is None:
            self._files = RunFolder("tap-sfbulk-keys-", self._folder)
        path = f"{self._files.path}/{next(self._names)}.arrow"
        frame.write_ipc(path)
        return path

    def close(self) -> None:
        """Remove the files."""
        if self._files is not None:
            self._files.remove()


class HashRuns:
    """The hashes of all keys so far, in sorted runs: 8 bytes for each row.

    Runs of about one size are merged, so that a page is compared with few of them. The oldest
    large runs lie on disk.
    """

    def __init__(self, kept: KeptKeys) -> None:
        self._kept = kept
        self._tiers: list[list[pl.Series]] = [[]]
        self._large: list[pl.Series | str] = []

    def add(self, keys: pl.DataFrame) -> pl.Series:
        """Add the keys of a page; return the hashes that are there more than once now."""
        hashes = hashes_of(keys).sort()
        found = [hashes.filter(hashes == hashes.shift())]
        for run in self._runs():
            at = run.search_sorted(hashes).clip(0, len(run) - 1)
            found.append(hashes.filter(run.gather(at) == hashes))
        if len(hashes):
            self._put(hashes)
        return pl.concat(found).unique()

    def _runs(self) -> Iterator[pl.Series]:
        for tier in self._tiers:
            yield from tier
        for run in self._large:
            yield pl.read_ipc(run).to_series() if isinstance(run, str) else run

    def _put(self, run: pl.Series) -> None:
        for tier in self._tiers:
            tier.append(run)
            if len(tier) < _RUNS_AT_A_TIER and sum(map(len, tier)) < _LARGEST_RUN_ROWS:
                return
            run = pl.concat(tier).sort()
            tier.clear()
            if len(run) >= _LARGEST_RUN_ROWS:
                self._put_large(run)
                return
        self._tiers.append([run])

    def _put_large(self, run: pl.Series) -> None:
        self._large.append(run)
        in_memory = [each for each in self._large if isinstance(each, pl.Series)]
        if sum(map(len, in_memory)) > _HASHES_IN_MEMORY:
            at = len(self._large) - len(in_memory)
            self._large[at] = self._kept.write(in_memory[0].to_frame())


def hashes_of(keys: pl.DataFrame) -> pl.Series:
    """A hash for each row."""
    return keys.hash_rows(_SEED)
