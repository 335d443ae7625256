"""Creates files and folders that only the user of this process can use, since they hold records.

They have their mode from the first moment. One that exists keeps the mode that its user gave it.
Where there are no POSIX modes, the folder decides who can read them.
"""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

__all__ = ["flush_to_disk", "make_private", "naming_file", "open_private", "private_folder"]

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE, _FOLDER = 0o600, 0o700


def open_private(path: Path, mode: Literal["wb", "xb", "ab", "a+b"]) -> IO[bytes]:
    """Open a file, as `Path.open`; if it does not exist, it is created with the mode 0600.

    Raises:
        OSError: it cannot be opened; names it, as each later error of the file does.
    """
    file = _NamedFile(path, mode, opener=_opener)
    return io.BufferedRandom(file) if "+" in mode else io.BufferedWriter(file)


def flush_to_disk(file: IO[bytes]) -> None:
    """Let what was written survive a power failure: a STATE that covers it may leave next.

    Args:
        file: of `open_private`.

    Raises:
        OSError: not all of it fits on the disk, or the disk fails; names the file.
    """
    file.flush()
    with naming_file(Path(os.fsdecode(file.name))):
        os.fsync(file.fileno())


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


class _NamedFile(io.FileIO):
    """A file that errors of writing name, such as that of a full disk; by itself it does not."""

    def write(self, *given: Any) -> int:
        with naming_file(self._path):
            return super().write(*given)

    def truncate(self, *given: Any) -> int:
        with naming_file(self._path):
            return super().truncate(*given)

    @property
    def _path(self) -> Path:
        return Path(os.fsdecode(self.name))


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Name a file in an `OSError` that does not, for a file that `open_private` has not opened.

    Raises:
        OSError: the same error with the file.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
