"""Opens an org: a new one with its first rows, or the one in a file."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk_sandbox.clock import SYSTEM_CLOCK
from sfbulk_sandbox.faults.errors import OrgFileError
from sfbulk_sandbox.org.org import Org
from sfbulk_sandbox.org.orgfile import OrgFile, sign_in_key
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk_sandbox.clock import Clock


@dataclass(frozen=True)
class OpenedOrg:
    """An open org.

    Attributes:
        seed: Decides its ids.
        key: Decides its credentials.
        loaded: The number of records per object that opening it has loaded.
    """

    org: Org
    seed: int
    key: str
    loaded: dict[str, int]


@dataclass(frozen=True)
class OrgOpener:
    """Opens an org. `Sandbox` documents the other settings.

    Attributes:
        add_to_existing: Whether `data` is added to an org that is already in the file. The default
            is an error.
    """

    data: Path | None = None
    describe: Path | None = None
    sample: bool = False
    seed: int | None = None
    db: Path | None = None
    add_to_existing: bool = False
    clock: Clock = SYSTEM_CLOCK

    @contextmanager
    def org(self, folder: Path) -> Iterator[OpenedOrg]:
        """Yield the org with its first rows.

        Args:
            folder: The folder of the rows, if the org has no file.

        Raises:
            LoadError, SchemaError: The given rows or describes are not valid.
            OrgFileError: The file cannot be used, or has another seed or other describes.
        """
        if self.db is None:
            schema = Schema.standard()
            if self.describe:
                schema.load_describes(self.describe)
            with self._org_at(folder / "org.sqlite", self.seed or 0, schema) as org:
                yield OpenedOrg(org, self.seed or 0, sign_in_key(self.seed), self._load_rows(org))
            return
        file = OrgFile(self.db)
        try:
            yield from self._from_file(file)
        finally:
            file.close()

    def reload(self, org: Org) -> None:
        """Put the rows back to their state at the start. The rows of an org in a file stay."""
        if self.db is None:
            org.reset()
            self._load_rows(org)

    def _from_file(self, file: OrgFile) -> Iterator[OpenedOrg]:
        seed, schema = file.resolve(self.seed, self.describe)
        key = file.sign_in_key(self.seed)
        if file.has_org and self.data and not self.add_to_existing:
            raise OrgFileError(
                f"{file.path}: this file already has an org; add rows with `sfbulk-sandbox load`"
            )
        with self._org_at(file.path, seed, schema) as org:
            loaded = {} if file.has_org and not self.add_to_existing else self._load_rows(org)
            # After loading: a new file whose rows are not valid must be removed.
            file.save()
            yield OpenedOrg(org, seed, key, loaded)

    @contextmanager
    def _org_at(self, path: Path, seed: int, schema: Schema) -> Iterator[Org]:
        org = Org(db=path, seed=seed, clock=self.clock, schema=schema)
        try:
            yield org
        finally:
            org.close()

    def _load_rows(self, org: Org) -> dict[str, int]:
        loaded = org.load_sample() if self.sample else {}
        return loaded | (org.load(self.data) if self.data else {})
