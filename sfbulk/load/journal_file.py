"""The journal of loads in a file: what each run has begun, and what is known of its rows."""

from __future__ import annotations

import json
from array import array
from pathlib import Path
from typing import TYPE_CHECKING

from sfbulk.load.journal_digest import RowDigests, divided
from sfbulk.load.journal_entries import LoadName, LostFile, Phase
from sfbulk.load.journal_known import KnownRows
from sfbulk.load.journal_lock import JournalLock
from sfbulk.load.journal_tables import Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from sfbulk.clock import Clock
    from sfbulk.load.outcomes import RowStatus
    from sfbulk.load.row_file import RowFile


class JournalFile:
    """The journal of a program, locked as long as it is open.

    Args:
        path: its file; it is created if it does not exist.
        clock: the time.

    Raises:
        JournalError: another run uses it, it is damaged, or it cannot be written.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        # Before the database is opened: a second run must not even read it.
        self._lock = JournalLock(path, clock)
        try:
            self.tables = Tables(path)
            self.known = KnownRows(self.tables)
        except BaseException:
            self._lock.release()
            raise
        self.path = path
        self.clock = clock

    def close(self) -> None:
        """Let other runs use the journal."""
        try:
            self.tables.close()
        finally:
            self._lock.release()

    def record_folder(self, org: str, folder: Path) -> None:
        """Record a folder of this run; a later run removes it, if this one does not."""
        since = self.clock.now().isoformat(timespec="seconds")
        self.tables.run(
            "INSERT INTO runs (org, folder, since) VALUES (?, ?, ?)", org, str(folder), since
        )
        self.tables.commit()

    def forget_folder(self, folder: Path) -> None:
        """A folder was removed."""
        self.tables.run("DELETE FROM runs WHERE folder = ?", str(folder))
        self.tables.commit()

    def folders(self, org: str) -> list[Path]:
        """The folders of runs that did not remove them."""
        return [
            Path(one) for (one,) in self.tables.read("SELECT folder FROM runs WHERE org = ?", org)
        ]

    def load(
        self,
        org: str,
        name: LoadName,
        folder: Path,
        before_sending: Callable[[], None] = lambda: None,
    ) -> LoadJournal:
        """The journal of one load of this run.

        Args:
            org: names the org.
            name: names the load.
            folder: where the load keeps its files.
            before_sending: called before a file is sent.
        """
        # The row numbers of each run begin with 1, so what was covered says nothing about this one.
        self.tables.run(
            "INSERT INTO loads (org, name, sobject, operation, key, folder)"
            " VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET folder = excluded.folder, covered = 0",
            *(org, *name, str(folder)),
        )
        ((number,),) = self.tables.read(
            "SELECT id FROM loads WHERE (org, name, sobject, operation, key) = (?, ?, ?, ?, ?)",
            *(org, *name),
        )
        self.tables.commit()
        return LoadJournal(self, org, number, name, before_sending)

    def lost(self, org: str) -> Iterator[LostFile]:
        """The files of earlier runs in the order in which they were begun, one by one."""
        entries = self.tables.read(
            "SELECT files.id FROM files JOIN loads ON files.load = loads.id WHERE org = ?"
            " ORDER BY files.id",
            org,
        )
        # One at a time: the digests of a large job are megabytes.
        for (entry,) in entries:
            yield self._lost(entry)

    def has_unsettled(self, org: str) -> bool:
        """Whether rows were sent of which the outcome is not known, or not reported."""
        query = (
            "SELECT 1 FROM files JOIN loads ON files.load = loads.id"
            " WHERE org = ? AND phase <> 'settled' LIMIT 1"
        )
        return bool(self.tables.read(query, org))

    def sent_later(self, file: LostFile) -> set[int]:
        """The numbers of the rows that the same load has sent again, after this file."""
        later = self.tables.read(
            "SELECT numbers FROM files WHERE load = ? AND id > ?", file.load, file.entry
        )
        return set(file.numbers).intersection(*([n for (one,) in later for n in array("Q", one)],))

    def batches(self, org: str) -> dict[str, set[str]]:
        """The jobs of Bulk API 1.0 that earlier runs have used, each with its known batches."""
        found: dict[str, set[str]] = {}
        query = "SELECT job, batch FROM batches WHERE org = ?"
        for job, batch in self.tables.read(query, org):
            found.setdefault(job, set()).update([batch] if batch else [])
        return found

    def forget_batches(self, org: str) -> None:
        """The jobs of Bulk API 1.0 are closed, and none of them is used any more."""
        self.tables.run("DELETE FROM batches WHERE org = ?", org)
        self.tables.commit()

    def forget_name(self, org: str, name: str) -> int:
        """Forget the known rows of all loads with this name; how many there were."""
        count = self.known.forget_name(org, name)
        self.tables.commit()
        return count

    def forget(self, entry: int) -> None:
        """Remove the entry of a file; commits."""
        self.tables.run("DELETE FROM files WHERE id = ?", entry)
        self.tables.commit()

    def _lost(self, entry: int) -> LostFile:
        ((load, name, sobject, operation, key, *rest),) = self.tables.read(
            "SELECT load, name, sobject, operation, key, phase, time, job, batch, path, columns,"
            " folder, covered, numbers, digests, left_out"
            " FROM files JOIN loads ON files.load = loads.id WHERE files.id = ?",
            entry,
        )
        phase, time, job, batch, path, columns, folder, covered, numbers, digests, left_out = rest
        return LostFile(
            entry=entry,
            load=load,
            name=LoadName(name, sobject, operation, key),
            phase=Phase(phase),
            begun=time,
            job_id=job,
            batch_id=batch,
            path=Path(path),
            columns=tuple(json.loads(columns)),
            folder=folder,
            covered=covered,
            numbers=array("Q", numbers),
            digests=divided(digests),
            left_out=frozenset(array("Q", left_out)),
        )


class LoadJournal:
    """The journal of one load: the steps of its files, and the rows it knows.

    See `sfbulk.load.journal.Journal` for the steps.
    """

    def __init__(
        self,
        journal: JournalFile,
        org: str,
        number: int,
        name: LoadName,
        before_sending: Callable[[], None],
    ) -> None:
        self._before_sending = before_sending
        self._journal = journal
        self._org = org
        self._tables = journal.tables
        self._known = journal.known
        self._load = number
        self._sends = False
        self.name = name
        self.digest = RowDigests().digest

    def known(self, number: int, digest: bytes) -> RowStatus | None:
        """The outcome of a row that an earlier run has sent; None for a row that must be sent."""
        status = self._known.take(self._org, self._load, number, digest)
        # Once is enough: what this load sends does not become known in this run.
        if status is None and not self._sends:
            self._sends = True
            self._known.forget_other_keys(self._load)
        return status

    def begin(self, file: RowFile) -> None:
        """Record the rows of a file for which a job will be created."""
        self._before_sending()
        if file.entry is not None:
            self._step(file.entry, Phase.BEGUN, job=None, batch=None)
            return
        file.entry = self._insert(file, Phase.BEGUN)
        if file.origin is not None:
            file.origin.entry = file.entry

    def upload(self, file: RowFile, job_id: str) -> None:
        """Record that the rows will be sent to this job."""
        self._step(file.entry, Phase.UPLOADED, job=job_id)

    def add(self, file: RowFile, job_id: str) -> None:
        """Record that the rows will be sent as a batch of this job; on disk when it returns."""
        with self._tables.durable():
            self._note_batch(job_id, None)
            self._step(file.entry, Phase.ADDED, job=job_id)

    def added(self, file: RowFile, job_id: str, batch_id: str) -> None:
        """Record which batch the rows became."""
        self._note_batch(job_id, batch_id)
        self._step(file.entry, Phase.ADDED, job=job_id, batch=batch_id)

    def close(self, file: RowFile, job_id: str) -> None:
        """Record that the job will be closed; on disk when it returns."""
        with self._tables.durable():
            self._step(file.entry, Phase.CLOSED, job=job_id)

    def read(self, file: RowFile, job_id: str, batch_id: str | None) -> None:
        """Record that the results will be read."""
        self._step(file.entry, Phase.READ, job=job_id, batch=batch_id)

    def settled(self, file: RowFile, not_loaded: Collection[int]) -> None:
        """Record which rows are not loaded, also if only some rows of the file were sent."""
        phase = Phase.RESULTS if not_loaded else Phase.SETTLED
        if file.entry is None:
            # No row was sent. If the run is killed, the next one must not report them again.
            file.entry = self._insert(file, phase)
        elif self._has_more_rows(file):
            self._add_rows(file)
        self._step(file.entry, phase, left_out=array("Q", sorted(not_loaded)).tobytes())

    def reported(self, entry: int, numbers: Collection[int]) -> None:
        """Record that these rows, which are not loaded, were reported, so they need not be sent.

        Called for every file, also if none of its rows is reported.

        Args:
            entry: see `FileOutcome.entry`.
            numbers: the rows that were reported.
        """
        ((left_out,),) = self._tables.read("SELECT left_out FROM files WHERE id = ?", entry)
        # Rows that are sent again in another file stay out: that file's entry has them.
        rest = sorted(set(array("Q", left_out)) - set(numbers))
        self._step(entry, Phase.SETTLED, left_out=array("Q", rest).tobytes())

    def covered(self, number: int) -> None:
        """Forget the rows up to this number: a STATE that covers them has been written."""
        run = self._tables.run
        # A file that is covered in part stays, and `covered` says which of its rows count.
        run("UPDATE loads SET covered = ? WHERE id = ?", number, self._load)
        run(
            "DELETE FROM files WHERE load = ? AND phase = 'settled' AND last <= ?",
            *(self._load, number),
        )
        self._known.covered(self._load, number)
        self._tables.commit()

    def end(self) -> int:
        """Forget all rows of this load, whose input was read to its end.

        Returns:
            How many rows that an earlier run has sent were not in the input again.
        """
        left = self._known.end(self._load)
        self._tables.run("DELETE FROM files WHERE load = ?", self._load)
        self._tables.commit()
        return left

    def _insert(self, file: RowFile, phase: Phase) -> int:
        cursor = self._tables.run(
            "INSERT INTO files (load, phase, time, path, columns, numbers, digests, last)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(self._load, phase.value, self._now(), str(file.path), json.dumps(file.columns)),
            *(file.numbers.tobytes(), bytes(file.digests), file.numbers[-1]),
        )
        self._tables.commit()
        return int(cursor.lastrowid or 0)

    def _has_more_rows(self, file: RowFile) -> bool:
        query = "SELECT length(numbers) FROM files WHERE id = ?"
        ((size,),) = self._tables.read(query, file.entry)
        return bool(size < len(file.numbers) * file.numbers.itemsize)

    def _add_rows(self, file: RowFile) -> None:
        """Let the entry of what was sent instead of a file have all rows of the file."""
        # Without the job, which has other rows: the results are known, and need not be read again.
        self._tables.run(
            "UPDATE files SET numbers = ?, digests = ?, last = ?, job = NULL, batch = NULL"
            " WHERE id = ?",
            *(file.numbers.tobytes(), bytes(file.digests), file.numbers[-1], file.entry),
        )

    def _note_batch(self, job_id: str, batch_id: str | None) -> None:
        # Kept until the end of the run: an entry of a file goes when a STATE covers its rows.
        self._tables.run(
            "INSERT INTO batches (org, job, batch) VALUES (?, ?, ?)", self._org, job_id, batch_id
        )

    def _step(self, entry: int | None, phase: Phase, **values: object) -> None:
        values |= {"phase": phase.value, "time": self._now()}
        names = ", ".join(f"{name} = ?" for name in values)
        self._tables.run(
            f"UPDATE files SET {names} WHERE id = ?",  # noqa: S608 - names of columns, no value
            *(*values.values(), entry),
        )
        self._tables.commit()

    def _now(self) -> str:
        return self._journal.clock.now().isoformat(timespec="milliseconds")
