"""Checks that the key of a stream identifies its rows: it is there, and no two rows share it.

A loader merges rows with the same key, and every count would still agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import polars as pl

from sfbulk.errors import DataError
from tap_sfbulk.emit.key_store import HashRuns, KeptKeys, hashes_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typing_extensions import Self


class KeyCheck:
    """The check of one pass over the rows of a stream; a window that overlaps begins another one.

    As long as the keys come in ascending order, which is how Salesforce splits a job, comparing
    each with the one before is enough. From the first page on that does not, hashes are compared.
    Two keys with the same hash are compared themselves before anything is refused.

    Args:
        stream: Named in errors.
        keys: The key properties; nothing is checked without any.
        folder: Where files may be written; None for the system's folder.
    """

    def __init__(self, stream: str, keys: Sequence[str], folder: Path | None = None) -> None:
        self._stream = stream
        self._keys = list(keys)
        self._kept = KeptKeys(folder)
        self._page: list[pl.DataFrame] = []
        self._last: str | None = None
        self._runs: HashRuns | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def track(self, block: pl.DataFrame) -> None:
        """Take the rows of a block into account.

        Raises:
            DataError: If a row has no key.
        """
        if not self._keys or block.is_empty():
            return
        keys = block.select(self._keys)
        for name, nulls in zip(self._keys, keys.null_count().row(0), strict=True):
            if nulls:
                rows = "row has" if nulls == 1 else "rows have"
                self._refuse(f"{nulls:,} {rows} no {name}")
        self._page.append(keys)

    def end_page(self) -> None:
        """Compare the keys of a page, which are complete now, with each other and those before.

        Raises:
            DataError: If two rows have the same key.
        """
        if not self._page:
            return
        page = pl.concat(self._page)
        self._page = []
        self._kept.add(page)
        if self._runs is not None:
            self._confirm(self._runs.add(page))
        elif not self._ascends(page):
            self._runs = HashRuns(self._kept)
            for each in self._kept.pages():
                self._confirm(self._runs.add(each))

    def _ascends(self, page: pl.DataFrame) -> bool:
        """Whether each key is greater than the one before, in this page and the ones before."""
        if len(self._keys) > 1:
            return False
        keys = page.to_series()
        before, self._last = self._last, keys[-1]
        follows = before is None or keys[0] > before
        return follows and bool((keys > keys.shift()).all())

    def _confirm(self, suspicious: pl.Series) -> None:
        if suspicious.is_empty():
            return
        found = pl.concat(
            page.filter(hashes_of(page).is_in(suspicious.implode())) for page in self._kept.pages()
        )
        repeated = found.filter(found.is_duplicated()).unique()
        if repeated.height:
            # The Id alone may be shown: other keys are values of records.
            shown = f", such as {repeated.item(0, 0)}," if self._keys == ["Id"] else ""
            self._refuse(f"several rows{shown} have the same {' and '.join(self._keys)}")

    def _refuse(self, what: str) -> NoReturn:
        raise DataError(
            f"{self._stream}: {what}, so the key does not identify rows, and a loader would merge "
            "them. Its state is not moved. If the rows have no ids of their own, give the stream "
            "no key: `key_properties` and `table-key-properties` of the catalog are then []."
        )
