"""Creates files and folders that only the user of this process can use, since they hold records.

They have their mode from the first moment. One that exists keeps the mode that its user gave it.
Where there are no POSIX modes, the folder decides who can read them.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Literal

from sfbulk.error_text import add_note

__all__ = ["make_private", "naming_file", "open_private", "private_folder"]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILE, _FOLDER = 0o600, 0o700


def open_private(path: Path, mode: Literal["wb", "xb", "ab", "a+b"]) -> IO[bytes]:
    """Open a file, as `Path.open`; if it does not exist, it is created with the mode 0600.

    Raises:
        OSError: it cannot be opened; names it.
    """
    return open(path, mode, opener=_opener)


def make_private(path: Path) -> None:
    """Create an empty file with the mode 0600 if there is none, for a library that then opens it.

    Raises:
        OSError: it cannot be created; names it.
    """
    open_private(path, "ab").close()


def private_folder(path: Path) -> Path:
    """Create a folder, and those above it, with the mode 0700 where there is none; return it.

    Raises:
        OSError: it cannot be created; names it.
    """
    # With `parents`, pathlib gives the folders above it the mode of the user's umask.
    for missing in [one for one in reversed(path.parents) if not one.exists()]:
        missing.mkdir(_FOLDER, exist_ok=True)
    path.mkdir(_FOLDER, exist_ok=True)
    return path


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags, _FILE)


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Name a file in an `OSError` that does not; that of a full disk is one.

    Raises:
        OSError: the same error with the file; of a full disk, it says what to do.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        named = OSError(error.errno, error.strerror, str(path))
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            add_note(
                named,
                f"Make room in {path.parent}, or name a folder with more of it: spool_dir, "
                "output_dir, ids_dir, files_dir and journal_path are settings, TMPDIR is the "
                "system's folder for temporary files.",
            )
        raise named from error
