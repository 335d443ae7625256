"""Creates files and folders that only the user of this process can use, since they hold records.

They have their mode from the first moment. One that exists keeps the mode that its user gave it.
Where there are no POSIX modes, the folder decides who can read them.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Literal

__all__ = ["make_private", "open_private", "private_folder"]

if TYPE_CHECKING:
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
