"""The org as a whole: determinism, separation, threads, snapshots, and a file that outlives it."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

from sfbulk_sandbox.org.org import Org
from sfbulk_sandbox.schema.ids import is_valid

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hand_clock import HandClock


def test_the_same_seed_gives_the_same_org(clock: HandClock) -> None:
    def dump(seed: int) -> list[object]:
        with closing(Org(seed=seed, clock=clock)) as org:
            org.load_sample()
            org.save_record("insert", "Case", {"Subject": "new"})
            rows: list[object] = [org.id, org.user_id]
            for sobject in org.schema:
                names = ", ".join(field.name for field in sobject.stored)
                rows += org.query(f"SELECT {names} FROM {sobject.name}", all_rows=True).rows()  # noqa: S608 - SOQL
            return rows

    first = dump(1)
    assert len(first) > 140
    assert dump(1) == first
    assert dump(2)[:2] != first[:2]
    assert all(is_valid(str(one)) for one in first[:2])


def test_two_orgs_do_not_meet(org: Org) -> None:
    with closing(Org(seed=0)) as other:
        org.save_record("insert", "Account", {"Name": "A", "Ext_Id__c": "X"})
        assert other.counts()["Account"] == 0
        assert other.save_record("insert", "Account", {"Name": "B", "Ext_Id__c": "X"}).success


def test_rows_are_a_snapshot_that_writing_does_not_disturb(org: Org) -> None:
    loader = org.loader("insert", "Account", ["Name"])
    for start in range(0, 2000, 200):
        loader.save([[f"{number}"] for number in range(start, start + 200)])
    rows = org.query("SELECT Id, Name FROM Account").rows()
    seen = [next(rows)]
    updater = org.loader("update", "Account", ["Id", "Name"])
    updater.save([[str(seen[0][0]), "changed"]])
    org.reset()
    seen += rows
    assert [row[1] for row in seen] == [f"{number}" for number in range(2000)]
    assert org.counts()["Account"] == 0


def test_threads_save_and_read_side_by_side(org: Org) -> None:
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            loader = org.loader("upsert", "Account", ["Ext_Id__c", "Name"], "Ext_Id__c")
            for chunk in range(10):
                results = loader.save([[f"{name}-{chunk}-{one}", name] for one in range(50)])
                assert all(result.created for result in results)
                soql = f"SELECT COUNT() FROM Account WHERE Name = '{name}'"  # noqa: S608 - SOQL
                assert org.query(soql).count() == 50 * (chunk + 1)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    ids = [row[0] for row in org.query("SELECT Id FROM Account").rows()]
    assert len(ids) == len(set(ids)) == 2000


def test_an_org_in_a_file_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "org.db"
    with closing(Org(db=path)) as org:
        first = org.save_record("insert", "Case", {"Subject": "one"}).id or ""
    with closing(Org(db=path)) as org:
        assert org.record("Case", first, ["Subject", "CaseNumber"]) == {
            "Subject": "one",
            "CaseNumber": "00000001",
        }
        second = org.save_record("insert", "Case", {"Subject": "two"}).id or ""
        assert second != first
        assert org.record("Case", second, ["CaseNumber"]) == {"CaseNumber": "00000002"}
        assert org.counts()["User"] == 1


def test_a_reset_org_is_a_new_one(org: Org) -> None:
    empty = org.counts()
    first = org.save_record("insert", "Case", {"Subject": "x"})
    org.load_sample()
    org.reset()
    assert org.counts() == empty
    assert org.save_record("insert", "Case", {"Subject": "x"}) == first
