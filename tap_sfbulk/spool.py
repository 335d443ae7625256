"""The folder for result pages of a run, and how much may lie in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sfbulk import SpoolBudget
from sfbulk.run_folder import RunFolder, remove_abandoned

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from sfbulk import ResultPage

log = logging.getLogger(__name__)

PREFIX = "tap-sfbulk-"
"""What the names of all temporary folders of the tap begin with."""


class SpoolFailed(Exception):  # noqa: N818 - says what happened to the run
    """Result pages cannot be written to disk."""


class Spool:
    """A temporary folder that all queries of a run share; those of killed runs are removed first.

    Args:
        folder: Where it is made; None for the system's folder for temporary files.
        limit_mb: How many megabytes (10^6 bytes) may lie there before no download is begun.
    """

    def __init__(self, folder: Path | None, limit_mb: int) -> None:
        self.budget = SpoolBudget(limit_mb * 1_000_000)
        if found := remove_abandoned(PREFIX, folder):
            log.info("Files of runs that were killed are removed: %d folders.", found)
        # The SDK's connection test ends without a word, so the folder must also go by itself.
        self._folder = RunFolder(PREFIX, folder)
        self.path = self._folder.path

    @property
    def has_room_ahead(self) -> bool:
        """Whether pages may be fetched before their stream is read; the rest is for the reader."""
        return self.budget.used < self.budget.limit / 2

    def guarded(
        self, pages: Generator[ResultPage, None, None]
    ) -> Generator[ResultPage, None, None]:
        """The same pages.

        Raises:
            SpoolFailed: If one of them cannot be written to the folder.
        """
        try:
            yield from pages
        except OSError as error:
            raise SpoolFailed(
                f"A result page cannot be written to {self.path.parent} ({error.strerror or error})"
                ". Make room there, set spool_dir to a folder with more of it, or lower "
                "spool_limit_mb."
            ) from error

    def close(self) -> None:
        """End all downloads and remove the folder."""
        self.budget.stop()
        self._folder.remove()
