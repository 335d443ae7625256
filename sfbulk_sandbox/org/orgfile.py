"""The file of an org: what it stores besides rows, and its lock.

`Store` owns the tables of rows. This module adds one small table with the seed and the describes
the org was created with, so that the next start needs neither and cannot use different ones, and
with the key of its credentials, which stay valid as long as the file.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.faults.errors import OrgFileError
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

# "~" cannot be in an object name, so this is never the table of an object.
_FACTS = '"~org"'
_VERSION = 68.0
_SEED, _DESCRIBES, _BEGUN, _KEY = "seed", "describes", "begun", "sign_in_key"
_KEY_BYTES = 32


class OrgFile:
    """The file of one org, locked by this process until it is closed.

    Args:
        path: The file. It need not exist.

    Raises:
        OrgFileError: Another process uses the file, or it is not the file of an org.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.parent.is_dir():
            raise OrgFileError(f"{path}: there is no folder {path.parent}")
        self._lock = _lock(path)
        try:
            self._facts = _read_facts(path) if path.exists() else {}
            _make_private(path)
        except OrgFileError:
            self._unlock()
            raise

    @property
    def has_org(self) -> bool:
        """Whether the file has an org, even one without rows."""
        return _BEGUN in self._facts

    def resolve(self, seed: int | None, describe: Path | None) -> tuple[int, Schema]:
        """Return the org's seed and objects: those of the file, or the given ones for a new org.

        Args:
            seed: The seed that was asked for, if any.
            describe: The folder of describe JSON that was asked for, if any.

        Raises:
            OrgFileError: The file was created with another seed or other describes.
            SchemaError: The folder has no describe.
        """
        if not self.has_org:
            self._facts = {_SEED: seed or 0, _DESCRIBES: _described(describe)}
        elif seed not in (None, self._facts[_SEED]):
            raise OrgFileError(
                f"{self.path}: its org was created with seed {self._facts[_SEED]}, not {seed}; "
                "leave the seed out, or use a new file"
            )
        elif describe is not None:
            self._refuse_other(_described(describe))
        return self._facts[_SEED], _schema(self._facts)

    def sign_in_key(self, seed: int | None) -> str:
        """Return what decides the credentials: the seed that was asked for, or the file's key.

        The key is of the seed that the org was created with, or random if it was created without.
        """
        kept: str = self._facts.setdefault(_KEY, sign_in_key(seed))
        return kept if seed is None else sign_in_key(seed)

    def save(self) -> None:
        """Store the seed and the describes. Before that, `close` removes a new file."""
        self._facts[_BEGUN] = True
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {_FACTS} (name TEXT PRIMARY KEY, value TEXT)"
            )
            rows = [(name, json.dumps(value)) for name, value in self._facts.items()]
            # One statement, so that a kill cannot leave half of the facts in the file.
            marks = ", ".join(["(?, ?)"] * len(rows))
            flat = [cell for row in rows for cell in row]
            connection.execute(f"REPLACE INTO {_FACTS} VALUES {marks}", flat)  # noqa: S608 - marks only

    def close(self) -> None:
        """Unlock the file, and remove it if it has no org."""
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
                f"{self.path}: its org was created with other describes of {', '.join(other)}; "
                "leave the describes out to use those of the file, or use a new file"
            )


def remembered_schema(path: Path) -> Schema:
    """Return the objects of the org in a file. Another process may use the file.

    Raises:
        OrgFileError: The file has no org.
    """
    facts = _read_facts(path) if path.exists() else {}
    if _BEGUN not in facts:
        raise no_org(path)
    return _schema(facts)


def sign_in_key(seed: int | None) -> str:
    """Return what decides an org's credentials: the seed, or a random text without a seed."""
    return secrets.token_hex(_KEY_BYTES) if seed is None else str(seed)


def no_org(path: Path) -> OrgFileError:
    """The error of a command that needs a file with an org."""
    return OrgFileError(f"{path}: there is no org in this file; create one with load or serve")


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
            # An empty file, for example one that a killed process has created.
            if not tables:
                return {}
            rows = connection.execute(f"SELECT name, value FROM {_FACTS}").fetchall()  # noqa: S608 - a constant
    except sqlite3.DatabaseError as error:
        raise OrgFileError(f"{path}: this is not the file of a sandbox org ({error})") from None
    return {name: json.loads(value) for name, value in rows}


def _make_private(path: Path) -> None:
    """Create a file that only this user can read; one that exists keeps its mode.

    SQLite gives its -wal and -shm files the mode of the file.

    Raises:
        OrgFileError: It cannot be created.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise OrgFileError(f"{path}: the file cannot be written ({error.strerror})") from None


def _lock(path: Path) -> sqlite3.Connection:
    _make_private(_lock_path(path))
    # SQLite's lock, on a second file: it works on every system and ends with the process. A lock
    # on the org's file itself would lock out this process's own read connections.
    lock = sqlite3.connect(
        _lock_path(path), timeout=0, isolation_level=None, check_same_thread=False
    )
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if "locked" not in str(error):
            raise OrgFileError(f"{path}: the file cannot be written ({error})") from None
        raise OrgFileError(f"{path}: another sandbox uses this file; stop it first") from None
    return lock


def _lock_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
