"""Keeps how far a query is beside its output, so that a run after a kill reads on."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from filelock import Timeout

from sfbulk.cli.session import LOGGER
from sfbulk.errors import ConfigError
from sfbulk.file_lock import file_lock
from sfbulk.private_files import naming_file

if TYPE_CHECKING:
    from collections.abc import Iterator

# Another form of the file is not read on from.
_VERSION = 1
_STATE = ".state.json"


def digest(*parts: object) -> str:
    """What identifies a query. Its text may have values of records, and is not kept."""
    return hashlib.sha256(json.dumps([_VERSION, *map(str, parts)]).encode()).hexdigest()


@dataclass(frozen=True)
class QueryState:
    """Up to where the rows of a query are in the unfinished file."""

    query: str
    """What identifies the query and its output; see `digest`."""
    api: str
    """The API that runs it."""
    job_id: str
    """Its job; empty for REST."""
    locator: str | None = None
    """Where the next page begins; None for the first one."""
    rows: int = 0
    bytes: int = 0
    """Bytes of the unfinished file that have these rows."""
    done: bool = False
    """Whether all rows are in the file."""


class StateFile:
    """The file beside the output.

    Args:
        output: the file that the query is written to.
    """

    def __init__(self, output: Path) -> None:
        self.part = output.with_name(f"{output.name}.part")
        """The unfinished file."""
        self._path = output.with_name(f"{output.name}{_STATE}")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs from writing the same file while the block runs.

        Raises:
            ConfigError: another run writes it.
        """
        # Beside the output it would stay when the query is done.
        name = f"sfbulk-{digest(self._path.resolve())}.lock"
        lock = file_lock(Path(gettempdir()) / name)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            output = self._path.name.removesuffix(_STATE)
            raise ConfigError(
                [f"Another run writes {output}. Wait for its end, or give another file with -o."]
            ) from None
        except OSError as error:
            # Such as a lock that another user has left; it is no reason not to run.
            LOGGER.debug("%s cannot be locked: %s", self.part, error)
        try:
            yield
        finally:
            if lock.is_locked:
                with suppress(OSError):
                    # While it is held: a process that has opened it sees that it is gone.
                    Path(lock.lock_file).unlink()
                lock.release()

    def load(self, query: str) -> QueryState | None:
        """Where an earlier run has stopped; None if there is no such run of this query."""
        try:
            state = QueryState(**json.loads(self._path.read_text("utf-8")))
            there = self.part.stat().st_size
        except (FileNotFoundError, ValueError, TypeError, RecursionError):
            return None
        # Of fewer bytes than were written, it is not known which rows they have.
        return state if state.query == query and there >= state.bytes else None

    def save(self, state: QueryState) -> None:
        """Keep where the query is; what was kept before is replaced as a whole.

        Raises:
            OSError: the file cannot be written.
        """
        # A kill in between leaves the state before, which the rows on the disk still have.
        new = self._path.with_name(f"{self._path.name}.new")
        with naming_file(new), new.open("w", encoding="utf-8") as file:
            json.dump(asdict(state), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

    def remove(self) -> None:
        """The query is done."""
        self._path.unlink(missing_ok=True)
