"""The rows that a journal knows from earlier runs, so that they are not sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.load.journal_digest import is_keyed, same_key
from sfbulk.load.outcomes import RowStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfbulk.load.journal_tables import Tables

# The digests of rows with keys are those from `K` to before `L`; see `RowDigests`.
_KEYED = "known.digest >= x'4b' AND known.digest < x'4c'"
_BY_ID = "(loads.operation IN ('delete', 'hardDelete') AND lower(loads.key) = 'id')"


class KnownRows:
    """The rows that earlier runs have sent, and that no STATE or end of a run has covered.

    Rows without a key are a multiset: each is found as often as it was sent. Of the rows with a
    key, only the last one of each key counts. When another version of its record is sent, it is
    forgotten: from then on it may no longer be what Salesforce has.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._any = False
        self.look()

    def look(self) -> None:
        """Find out whether there are any."""
        self._any = bool(self._tables.read("SELECT 1 FROM known LIMIT 1"))

    def add(self, load: int, digests: Iterable[bytes], status: RowStatus) -> None:
        """Add rows with this outcome; later ones replace earlier ones with the same key."""
        values = ((load, digest, status.value) for digest in digests)
        self._tables.run_many("INSERT INTO known (load, digest, status) VALUES (?, ?, ?)", values)
        self._any = True

    def forget_keys(self, org: str, digests: Iterable[bytes]) -> None:
        """Forget what is known of the records of an org with the keys of these rows."""
        keys = ((*same_key(digest), org) for digest in digests if is_keyed(digest))
        self._tables.run_many(
            "DELETE FROM known WHERE digest BETWEEN ? AND ?"
            " AND load IN (SELECT id FROM loads WHERE org = ?)",
            keys,
        )

    def keep_the_last(self, org: str) -> None:
        """Forget all but the last row of each key, and those whose order is not known.

        That is so for rows of one object with keys of different fields. A record that was deleted
        by its Id stays deleted.
        """
        run = self._tables.run
        of_org = "load IN (SELECT id FROM loads WHERE org = ?)"
        run(
            f"DELETE FROM known WHERE {_KEYED} AND {of_org} AND id NOT IN (SELECT max(id)"  # noqa: S608 - no value in it
            f" FROM known WHERE {_KEYED} AND {of_org} GROUP BY substr(digest, 1, 9))",
            *(org, org),
        )
        mixed = (
            "SELECT sobject FROM loads WHERE org = ? AND key <> '' AND id IN"
            " (SELECT load FROM known) GROUP BY sobject HAVING count(DISTINCT lower(key)) > 1"
        )
        run(
            f"DELETE FROM known WHERE {_KEYED} AND load IN (SELECT id FROM loads"  # noqa: S608 - as above
            f" WHERE org = ? AND NOT {_BY_ID} AND sobject IN ({mixed}))",
            *(org, org),
        )
        run("UPDATE known SET taken = NULL WHERE taken IS NOT NULL")
        self.look()

    def forget_other_keys(self, load: int) -> None:
        """Rows of this load are sent: what is known by another key field may no longer be so."""
        if self._any:
            self._tables.run(
                f"DELETE FROM known WHERE {_KEYED} AND load IN (SELECT loads.id FROM loads, loads"  # noqa: S608 - no value in it
                " AS this WHERE this.id = ? AND this.key <> '' AND loads.org = this.org AND"
                f" loads.sobject = this.sobject AND lower(loads.key) <> lower(this.key) AND NOT"
                f" {_BY_ID})",
                load,
            )

    def take(self, org: str, load: int, number: int, digest: bytes) -> RowStatus | None:
        """The outcome of a row, which is now in the input again; None for a row to be sent."""
        # In most runs nothing is known, and this is called for every row.
        if not self._any:
            return None
        if is_keyed(digest):
            return self._take_keyed(org, load, number, digest)
        found = self._tables.read(
            "SELECT id, status FROM known WHERE digest = ? AND load = ? AND taken IS NULL LIMIT 1",
            *(digest, load),
        )
        return self._taken(number, *found[0]) if found else None

    def covered(self, load: int, number: int) -> None:
        """Forget the rows that were taken up to this number: they do not come again."""
        if self._any:
            self._tables.run("DELETE FROM known WHERE load = ? AND taken <= ?", load, number)

    def end(self, load: int) -> int:
        """Forget all rows of a load; how many of them were never taken."""
        ((left,),) = self._tables.read(
            "SELECT count(*) FROM known WHERE load = ? AND taken IS NULL", load
        )
        self._tables.run("DELETE FROM known WHERE load = ?", load)
        return int(left)

    def forget_name(self, org: str, name: str) -> int:
        """Forget all rows of the loads with this name; how many there were."""
        loads = "load IN (SELECT id FROM loads WHERE org = ? AND name = ?)"
        cursor = self._tables.run(f"DELETE FROM known WHERE {loads}", org, name)  # noqa: S608 - no value in it
        return cursor.rowcount

    def _take_keyed(self, org: str, load: int, number: int, digest: bytes) -> RowStatus | None:
        found = self._tables.read(
            "SELECT known.id, status, load, digest FROM known JOIN loads ON load = loads.id"
            " WHERE digest BETWEEN ? AND ? AND org = ?",
            *(*same_key(digest), org),
        )
        for at, status, known_load, known in found:
            if (known_load, known) == (load, digest):
                return self._taken(number, at, status)
        self.forget_keys(org, [digest] if found else ())
        return None

    def _taken(self, number: int, at: int, status: str) -> RowStatus:
        self._tables.run("UPDATE known SET taken = ? WHERE id = ?", number, at)
        return RowStatus(status)
