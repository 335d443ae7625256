"""An org that lives in one file: what the file remembers besides rows, and who may open it.

The rows' tables are the store's. This module adds one small table with the seed and the describes
the org was made with, so that the next start needs neither and cannot contradict them.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.faults.errors import OrgFileError
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

_FACTS = '"~org"'
_VERSION = 68.0
_SEED, _DESCRIBES, _BEGUN = "seed", "describes", "begun"


class OrgFile:
    """The file of one org, held by this process until it is closed.

    Args:
        path: The file; it may be missing as yet.

    Raises:
        OrgFileError: Another process holds it, or it is no org's file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.parent.is_dir():
            raise OrgFileError(f"{path}: there is no folder {path.parent}")
        self._lock = _lock(path)
        try:
            self._facts = _read_facts(path) if path.exists() else {}
        except OrgFileError:
            self._unlock()
            raise

    @property
    def has_org(self) -> bool:
        """Whether an org lies in the file, be it empty of rows."""
        return _BEGUN in self._facts

    def resolve(self, seed: int | None, describe: Path | None) -> tuple[int, Schema]:
        """Return the org's seed and objects: those remembered, or for a new org those given.

        Args:
            seed: What the user said; None for no word.
            describe: A folder of describe JSON; None for no word.

        Raises:
            OrgFileError: What is given is not what the file remembers.
            SchemaError: The folder describes nothing.
        """
        if not self.has_org:
            self._facts = {_SEED: seed or 0, _DESCRIBES: _described(describe)}
        elif seed not in (None, self._facts[_SEED]):
            raise OrgFileError(
                f"{self.path}: its org was made with seed {self._facts[_SEED]}, not {seed}; "
                "leave the seed out, or name a new file"
            )
        elif describe is not None:
            self._refuse_other(_described(describe))
        return self._facts[_SEED], _schema(self._facts)

    def save(self) -> None:
        """Write down what the org was made with; until then closing removes a new file."""
        self._facts[_BEGUN] = True
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {_FACTS} (name TEXT PRIMARY KEY, value TEXT)"
            )
            rows = [(name, json.dumps(value)) for name, value in self._facts.items()]
            # A single statement, so that a file never remembers half of it.
            marks = ", ".join(["(?, ?)"] * len(rows))
            flat = [cell for row in rows for cell in row]
            connection.execute(f"REPLACE INTO {_FACTS} VALUES {marks}", flat)  # noqa: S608 - marks only

    def close(self) -> None:
        """Give the file back, and remove it when no org began in it."""
        if not self.has_org:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        self._unlock()

    def _unlock(self) -> None:
        self._lock.close()
        _lock_path(self.path).unlink(missing_ok=True)

    def _refuse_other(self, given: Mapping[str, Any]) -> None:
        kept = self._facts[_DESCRIBES]
        other = sorted(name for name in given if given[name] != kept.get(name))
        if other:
            raise OrgFileError(
                f"{self.path}: its org was made with other describes of {', '.join(other)}; leave "
                "the describes out to use the ones it remembers, or name a new file"
            )


def remembered_schema(path: Path) -> Schema:
    """Return the objects of the org in a file, which another process may be serving.

    Raises:
        OrgFileError: There is no org.
    """
    facts = _read_facts(path) if path.exists() else {}
    if _BEGUN not in facts:
        raise no_org(path)
    return _schema(facts)


def no_org(path: Path) -> OrgFileError:
    """The error of a command that needs an org in the file."""
    return OrgFileError(f"{path}: no org lies there; make one with load or serve")


def _described(folder: Path | None) -> dict[str, Any]:
    if folder is None:
        return {}
    schema = Schema.standard()
    names = schema.load_describes(folder)
    return {one.name: one.describe(_VERSION) for one in schema if one.name in names}


def _schema(facts: Mapping[str, Any]) -> Schema:
    schema = Schema.standard()
    for describe in facts[_DESCRIBES].values():
        schema.add_describe(describe)
    return schema


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        with closing(sqlite3.connect(path)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if not tables:
                return {}
            rows = connection.execute(f"SELECT name, value FROM {_FACTS}").fetchall()  # noqa: S608 - a constant
    except sqlite3.DatabaseError as error:
        raise OrgFileError(f"{path}: this is no file of a sandbox org ({error})") from None
    return {name: json.loads(value) for name, value in rows}


def _lock(path: Path) -> sqlite3.Connection:
    # SQLite's own lock on a file beside it: it works on every system and ends with the process,
    # while a lock on the org's file itself would shut out this process's own readers.
    lock = sqlite3.connect(
        _lock_path(path), timeout=0, isolation_level=None, check_same_thread=False
    )
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if "locked" not in str(error):
            raise OrgFileError(f"{path}: cannot be written here ({error})") from None
        raise OrgFileError(f"{path}: another sandbox is using this file; end it first") from None
    return lock


def _lock_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
