"""The journal's file: what it keeps of rows, its lock, and what is wrong with a file."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sfbulk import JournalError, RowStatus
from sfbulk.load import Row
from sfbulk.load.journal_entries import LoadName, Phase
from sfbulk.load.journal_file import JournalFile
from sfbulk.load.journal_status import journal_status
from sfbulk.load.row import RecordKey
from sfbulk.load.row_file import RowFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk.load.journal_file import LoadJournal
    from tests.client.scripted import FakeClock

ORG = "https://one.example"
OTHER_ORG = "https://two.example"
INSERT = LoadName("people", "Contact", "insert", "")
UPSERT = LoadName("people", "Contact", "upsert", "Ext_Id__c")
DELETE = LoadName("gone", "Contact", "delete", "Id")


def inserted(name: str) -> Row:
    return Row(("LastName", "Title"), [name, ""])


def upserted(key: str, name: str) -> Row:
    return Row(("Ext_Id__c", "LastName"), [key, name], RecordKey("contact", "ext_id__c", key))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path, clock: FakeClock) -> Iterator[JournalFile]:
    journal = JournalFile(path, clock)
    yield journal
    journal.close()


def file_of(load: LoadJournal, first: int, *rows: Row) -> RowFile:
    file = RowFile(load_path(load), rows[0].columns, 0)
    for number, row in enumerate(rows, start=first):
        file.numbers.append(number)
        file.digests += load.digest(row)
    return file


def load_path(load: LoadJournal) -> Path:
    return load._journal.path.parent / "rows"


def settle(load: LoadJournal, first: int, *rows: Row, not_loaded: tuple[int, ...] = ()) -> RowFile:
    file = file_of(load, first, *rows)
    load.begin(file)
    load.upload(file, "750A")
    load.close(file, "750A")
    load.read(file, "750A", None)
    load.settled(file, not_loaded)
    return file


def next_run(journal: JournalFile, org: str = ORG) -> None:
    """What recovery does with settled files."""
    for file in journal.lost(org):
        assert file.phase is Phase.SETTLED
        rows = [d for n, d in file.rows() if n > file.covered and n not in file.left_out]
        journal.known.add(file.load, rows, RowStatus.SUCCEEDED)
        journal.forget(file.entry)
    journal.known.keep_the_last(org)


def known(load: LoadJournal, *rows: Row, first: int = 1) -> list[bool]:
    found = [load.known(n, load.digest(row)) for n, row in enumerate(rows, start=first)]
    return [status is RowStatus.SUCCEEDED for status in found]


def test_rows_without_a_key_are_known_as_often_as_they_were_sent(
    journal: JournalFile, tmp_path: Path
) -> None:
    load = journal.load(ORG, INSERT, tmp_path)
    settle(load, 1, inserted("Twin"), inserted("Twin"), inserted("One"))
    next_run(journal)
    again = journal.load(ORG, INSERT, tmp_path)
    rows = [inserted(name) for name in ("New", "Twin", "One", "Twin", "Twin", "One")]
    assert known(again, *rows) == [False, True, True, True, False, False]


def test_a_row_is_known_by_what_is_sent_of_it(journal: JournalFile, tmp_path: Path) -> None:
    load = journal.load(ORG, INSERT, tmp_path)
    one = load.digest(Row(("LastName", "Title"), ["Ann", "Dr"]))
    assert load.digest(Row(("Title", "Phone", "LastName"), ["Dr", "", "Ann"])) == one
    assert load.digest(Row(("LastName", "Title"), ["Dr", "Ann"])) != one
    assert load.digest(Row(("LastName", "Title"), ["Ann", "#N/A"])) != one
    assert load.digest(Row(("LastName",), ["Ann"])) != one
    assert len(load.digest(Row(("LastName",), ["lone \ud800"]))) == len(one)


def test_rows_that_a_state_covers_are_forgotten(journal: JournalFile, tmp_path: Path) -> None:
    load = journal.load(ORG, INSERT, tmp_path)
    settle(load, 1, inserted("A"), inserted("B"))
    settle(load, 3, inserted("C"), inserted("D"))
    load.covered(3)
    next_run(journal)
    again = journal.load(ORG, INSERT, tmp_path)
    assert known(again, *(inserted(name) for name in "ABCD")) == [False, False, False, True]


def test_a_row_that_was_skipped_is_known_again_until_a_state_covers_it(
    journal: JournalFile, tmp_path: Path
) -> None:
    settle(journal.load(ORG, INSERT, tmp_path), 1, *(inserted(name) for name in "ABC"))
    next_run(journal)
    second = journal.load(ORG, INSERT, tmp_path)
    assert known(second, *(inserted(name) for name in "ABC")) == [True, True, True]
    second.covered(1)
    next_run(journal)
    third = journal.load(ORG, INSERT, tmp_path)
    assert known(third, *(inserted(name) for name in "ABC")) == [False, True, True]


def test_rows_that_are_not_loaded_are_sent_again_unless_they_were_reported(
    journal: JournalFile, tmp_path: Path
) -> None:
    load = journal.load(ORG, INSERT, tmp_path)
    file = settle(load, 1, *(inserted(name) for name in "ABC"), not_loaded=(2, 3))
    (lost,) = journal.lost(ORG)
    assert lost.phase is Phase.RESULTS
    assert sorted(lost.left_out) == [2, 3]
    assert file.entry
    load.reported(file.entry, [2])
    next_run(journal)
    again = journal.load(ORG, INSERT, tmp_path)
    assert known(again, *(inserted(name) for name in "ABC")) == [True, True, False]


def test_only_the_last_version_of_a_record_is_known(journal: JournalFile, tmp_path: Path) -> None:
    load = journal.load(ORG, UPSERT, tmp_path)
    settle(load, 1, upserted("1", "old"), upserted("2", "same"))
    settle(load, 3, upserted("1", "new"))
    next_run(journal)
    again = journal.load(ORG, UPSERT, tmp_path)
    # The source has gone back to the old version, or sends both once more.
    rows = [upserted("1", "old"), upserted("2", "same"), upserted("1", "new")]
    assert known(again, *rows) == [False, True, False]


def test_a_record_that_another_load_has_changed_later_is_sent(
    journal: JournalFile, tmp_path: Path
) -> None:
    """Two streams write one object: one upserts, the other one deletes by the same key."""
    gone = UPSERT._replace(name="gone", operation="delete")
    settle(journal.load(ORG, UPSERT, tmp_path), 1, upserted("1", "x"), upserted("2", "y"))
    settle(
        journal.load(ORG, gone, tmp_path),
        1,
        Row(("Ext_Id__c",), ["1"], RecordKey("contact", "ext_id__c", "1")),
    )
    next_run(journal)
    upserts = journal.load(ORG, UPSERT, tmp_path)
    assert known(upserts, upserted("1", "x"), upserted("2", "y")) == [False, True]


def test_upserts_are_sent_where_the_order_with_deletes_by_id_is_not_known(
    journal: JournalFile, tmp_path: Path
) -> None:
    deleted = Row(("Id",), ["003A"], RecordKey("contact", "id", "003A"))
    settle(journal.load(ORG, UPSERT, tmp_path), 1, upserted("1", "x"))
    settle(journal.load(ORG, DELETE, tmp_path), 1, deleted)
    next_run(journal)
    assert known(journal.load(ORG, UPSERT, tmp_path), upserted("1", "x")) == [False]
    # A record that was deleted by its id stays deleted.
    assert known(journal.load(ORG, DELETE, tmp_path), deleted) == [True]


def test_an_upsert_is_sent_after_a_delete_by_id_of_the_same_run(
    journal: JournalFile, tmp_path: Path
) -> None:
    settle(journal.load(ORG, UPSERT, tmp_path), 1, upserted("1", "x"))
    next_run(journal)
    deletes = journal.load(ORG, DELETE, tmp_path)
    assert known(deletes, Row(("Id",), ["003A"], RecordKey("contact", "id", "003A"))) == [False]
    assert known(journal.load(ORG, UPSERT, tmp_path), upserted("1", "x")) == [False]


def test_another_operation_object_stream_or_org_knows_nothing(
    journal: JournalFile, tmp_path: Path
) -> None:
    settle(journal.load(ORG, INSERT, tmp_path), 1, inserted("A"))
    next_run(journal)
    for other in (
        INSERT._replace(name="others"),
        INSERT._replace(sobject="Lead"),
        UPSERT,
    ):
        assert known(journal.load(ORG, other, tmp_path), inserted("A")) == [False]
    assert known(journal.load(OTHER_ORG, INSERT, tmp_path), inserted("A")) == [False]
    assert known(journal.load(ORG, INSERT, tmp_path), inserted("A")) == [True]


def test_rows_with_a_key_are_known_in_one_org_whatever_another_org_gets(
    journal: JournalFile, tmp_path: Path
) -> None:
    rows = [upserted("1", "x"), upserted("2", "x")]
    for org in (ORG, OTHER_ORG):
        settle(journal.load(org, UPSERT, tmp_path), 1, *rows)
        next_run(journal, org)
    assert known(journal.load(OTHER_ORG, UPSERT, tmp_path), upserted("1", "y")) == [False]
    assert known(journal.load(ORG, UPSERT, tmp_path), *rows) == [True, True]
    assert known(journal.load(OTHER_ORG, UPSERT, tmp_path), *rows) == [False, True]


def test_what_did_not_come_again_is_counted_and_forgotten_at_the_end(
    journal: JournalFile, tmp_path: Path
) -> None:
    settle(journal.load(ORG, INSERT, tmp_path), 1, *(inserted(name) for name in "ABC"))
    next_run(journal)
    load = journal.load(ORG, INSERT, tmp_path)
    assert known(load, inserted("B")) == [True]
    settle(load, 2, inserted("D"))
    assert load.end() == 2
    next_run(journal)
    again = journal.load(ORG, INSERT, tmp_path)
    assert known(again, *(inserted(name) for name in "ABCD")) == [False] * 4


def test_the_multiset_holds_for_any_cuts_between_runs(journal: JournalFile, tmp_path: Path) -> None:
    """Runs that end anywhere, of a source with many equal rows: none is loaded twice."""
    chance = random.Random(11)  # noqa: S311 - a repeatable test
    for _ in range(20):
        source = [inserted(chance.choice("AB")) for _ in range(30)]
        loaded: list[int] = []
        covered = 0
        while covered < len(source):
            load = journal.load(ORG, INSERT, tmp_path)
            stop = chance.randint(1, len(source) - covered)
            for number, at in enumerate(range(covered, covered + stop), start=1):
                if not known(load, source[at], first=number)[0]:
                    settle(load, number, source[at])
                    loaded.append(at)
            state = chance.randint(0, stop)
            load.covered(state)
            covered += state
            next_run(journal)
        assert sorted(cell for at in loaded for cell in source[at].cells[:1]) == sorted(
            row.cells[0] for row in source
        )
        journal.load(ORG, INSERT, tmp_path).end()


@pytest.mark.usefixtures("journal")
def test_a_second_run_is_refused_by_name(path: Path, clock: FakeClock) -> None:
    with pytest.raises(JournalError, match=r"journal\.sqlite is in use by process \d+ on .* since"):
        JournalFile(path, clock)


def test_the_lock_of_a_killed_process_is_free(path: Path, clock: FakeClock) -> None:
    code = (
        "import os, sys; from pathlib import Path; from sfbulk.clock import SYSTEM_CLOCK;"
        "from sfbulk.load.journal_file import JournalFile;"
        "journal = JournalFile(Path(sys.argv[1]), SYSTEM_CLOCK);"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(JournalError, match=f"process {other.pid} on"):
            JournalFile(path, clock)
        assert f"in use by process {other.pid} on" in journal_status(path)[0]
        other.kill()
        other.wait()
    JournalFile(path, clock).close()
    assert journal_status(path) == [
        f"Journal {path}: no run uses it.",
        "The last run left nothing to settle.",
    ]


@pytest.mark.parametrize("content", [b"not a database at all", b"SQLite format 3\0" + b"x" * 4_000])
def test_a_damaged_file_is_named_with_what_to_do(
    path: Path, clock: FakeClock, content: bytes
) -> None:
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"journal\.sqlite is damaged.* Move it away"):
        JournalFile(path, clock)
    path.unlink()
    JournalFile(path, clock).close()


def test_another_program_s_database_is_not_written(path: Path, clock: FakeClock) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="is not a journal of this version"):
        JournalFile(path, clock)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be opened"):
        JournalFile(tmp_path / "file" / "journal.sqlite", clock)


def test_the_status_of_a_journal_that_a_run_begins_is_that_there_is_none(path: Path) -> None:
    with sqlite3.connect(path, isolation_level=None) as begun:
        begun.execute("BEGIN EXCLUSIVE")
        begun.execute("CREATE TABLE runs (x)")
        assert "no run has written one here" in journal_status(path)[0]
    begun.close()


def test_a_run_begins_a_journal_while_a_status_command_looks_at_it(
    path: Path, clock: FakeClock
) -> None:
    with sqlite3.connect(path, isolation_level=None) as looks:
        looks.execute("BEGIN")
        looks.execute("SELECT * FROM sqlite_master")
        JournalFile(path, clock).close()
    looks.close()
    assert journal_status(path)[1:] == ["The last run left nothing to settle."]


def test_the_status_is_read_while_a_run_writes(
    path: Path, tmp_path: Path, clock: FakeClock
) -> None:
    journal = JournalFile(path, clock)
    journal.load(ORG, INSERT, tmp_path)
    journal.tables.run("INSERT INTO batches (org, job) VALUES (?, ?)", ORG, "750A")
    assert "in use by process" in journal_status(path)[0]
    journal.close()


def test_the_status_names_jobs_and_rows(path: Path, tmp_path: Path, clock: FakeClock) -> None:
    journal = JournalFile(path, clock)
    load = journal.load(ORG, INSERT, tmp_path)
    file = file_of(load, 1, inserted("A"), inserted("B"))
    load.begin(file)
    load.upload(file, "750A")
    settle(load, 3, inserted("C"))
    journal.record_folder(ORG, tmp_path / "rows-1")
    in_use, running, settled = journal_status(path)
    assert "in use by process" in in_use
    assert running.startswith("people: 2 rows of insert into Contact, job 750A: uploaded at 2026")
    assert settled.startswith("people: 1 rows of insert into Contact have their outcome")
    journal.close()
    lines = journal_status(path)
    assert lines[1].endswith("The next run into it settles them.")
    assert str(tmp_path / "rows-1") in lines[-1]
    assert "no journal" in journal_status(tmp_path / "other")[0]
