"""What a journal keeps of a row, so that the row is known when a later run gets it again."""

from __future__ import annotations

from hashlib import blake2b
from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk.load.row import Row

DIGEST_BYTES = 17
_KEYED, _PLAIN = b"K", b"P"
_KEY_BYTES = 8


class _Ordered:
    """The columns of some rows in the order of their names."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        order = sorted(range(len(columns)), key=columns.__getitem__)
        # With one position, an itemgetter would return the cell itself.
        self._cells = itemgetter(*order) if len(order) > 1 else tuple
        self._names = tuple(columns[at] for at in order)
        self._all = "\0".join(self._names)

    def sent(self, cells: Sequence[str]) -> str:
        """The cells that are not empty, after the names of their columns."""
        values = self._cells(cells)
        if "" not in values:
            return f"{self._all}\1" + "\0".join(values)
        # Both run in C: this is done for every row of a load.
        names = "\0".join(compress(self._names, values))
        return f"{names}\1" + "\0".join(filter(None, values))


class RowDigests:
    """Makes the digests of the rows of one load.

    A digest is of the cells that are not empty, with their columns, in any order. So fields that
    are not sent do not count, and a field that a record lacks is as an empty one. The digest of
    a row with a key starts with the key's own, so that versions of one record can be found.
    """

    def __init__(self) -> None:
        self._ordered: dict[tuple[str, ...], _Ordered] = {}

    def digest(self, row: Row) -> bytes:
        """The digest of a row, of `DIGEST_BYTES`."""
        ordered = self._ordered.get(row.columns)
        if ordered is None:
            ordered = self._ordered[row.columns] = _Ordered(row.columns)
        # Texts from JSON may have lone surrogates; such a row is refused later, by its name.
        data = ordered.sent(row.cells).encode("utf-8", "surrogatepass")
        if row.key is None:
            return _PLAIN + blake2b(data, digest_size=DIGEST_BYTES - 1).digest()
        # Half of the digest is the key's: among the versions of one record, 8 bytes are enough.
        key = "\0".join(row.key).encode("utf-8", "surrogatepass")
        return (
            _KEYED
            + blake2b(key, digest_size=_KEY_BYTES).digest()
            + blake2b(data, digest_size=DIGEST_BYTES - 1 - _KEY_BYTES).digest()
        )


def is_keyed(digest: bytes) -> bool:
    """Whether it is the digest of a row with a key."""
    return digest.startswith(_KEYED)


def same_key(digest: bytes) -> tuple[bytes, bytes]:
    """The lowest and the highest digest of a row with the same key."""
    start = digest[: 1 + _KEY_BYTES]
    rest = DIGEST_BYTES - len(start)
    return start + b"\0" * rest, start + b"\xff" * rest


def divided(digests: bytes) -> list[bytes]:
    """Digests that were written one after the other."""
    return [digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES)]
