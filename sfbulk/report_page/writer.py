"""Writes pages that only the user of the process can read, and never lets a failure end a run."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sfbulk.private_files import open_private, private_folder

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

GENERATOR = b'<meta name="generator" content="sfbulk">'
"""Every page has it, among its first bytes."""
_FIRST_BYTES = 1024


class PageWriter:
    """Writes the pages of one run.

    Args:
        paths: The files; each is the same page.
        logger: Gets one WARNING if the page cannot be made or written.
    """

    def __init__(self, paths: Sequence[Path], logger: logging.Logger) -> None:
        self._paths = paths
        self._logger = logger
        self.has_failed = False
        """Whether something has failed, and the log says so."""

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """A block that works for the page; what it raises becomes the WARNING."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a page must never change the result of a run
            if not self.has_failed:
                self.has_failed = True
                self._logger.warning(
                    "The report page %s is incomplete or not written (%s). The run itself is not"
                    " affected",
                    self._paths[0],
                    _reason(error),
                )

    def write(self, make: Callable[[], str]) -> None:
        """Replace the files by a page.

        Args:
            make: Returns it.
        """
        with self.guarded():
            page = make().encode("utf-8", "replace")
            # Each by itself: what one path has must not cost the other.
            for path in self._paths:
                with self.guarded():
                    private_folder(path.parent)
                    _require_ours(path)
                    _replace(path, page)


def _reason(error: Exception) -> str:
    # The text of other errors may quote a record.
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return type(error).__name__


def _require_ours(path: Path) -> None:
    """Refuse to replace a file that is no page of a run: the folder may be one of documents.

    Raises:
        FileExistsError: Names it.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        if GENERATOR not in file.read(_FIRST_BYTES):
            raise FileExistsError(
                None, "a file that is no report of a run has this name", str(path)
            )


def _replace(path: Path, page: bytes) -> None:
    # A reader, or another run, must never see half of it.
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    # Left by a process that was killed; another with its number may have another mode.
    new.unlink(missing_ok=True)
    try:
        with open_private(new, "xb") as file:
            file.write(page)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
