"""The files of a dry run: what would be sent, by stream, in a folder of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.load import remove_written

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "dry-run"
"""The folder, in the output folder, that has all files of a dry run."""


class DryRun:
    """The files of a dry run.

    Args:
        output: The output folder.
    """

    def __init__(self, output: Path) -> None:
        self.folder = output / FOLDER

    def begin(self, name: str) -> Path:
        """How the paths of a stream's files begin; removes the stream's files of earlier dry runs.

        Args:
            name: The stream's name in file names.

        Raises:
            OSError: A file cannot be removed; names it.
        """
        prefix = self.folder / name
        remove_written(prefix)
        return prefix
