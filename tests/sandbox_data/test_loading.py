"""Loading a folder of CSV: every value as it was, and every fault at its line and column."""

# ruff: noqa: E501 - a case is one line

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox.faults.errors import LoadError
from sfbulk_sandbox.schema.values import json_value

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import Org
    from tests.hand_clock import HandClock

_SAMPLE = Path(__file__).parents[2] / "sfbulk_sandbox" / "data" / "sample"


def _folder(path: Path, **files: str) -> Path:
    for name, text in files.items():
        (path / f"{name}.csv").write_bytes(text.encode())
    return path


def _expected(text: str, value: Any) -> Any:
    """A cell of the file, in the type that came back."""
    if text == "":
        return False if isinstance(value, bool) else None
    if isinstance(value, bool):
        return text == "true"
    if isinstance(value, Decimal):
        return Decimal(text)
    if isinstance(value, int):
        return int(text)
    return text.replace(".000Z", ".000+0000") if "T" in text[10:11] else text


@pytest.mark.parametrize("path", sorted(_SAMPLE.glob("*.csv")), ids=lambda path: path.stem)
def test_every_value_of_the_sample_comes_back_as_written(sample: Org, path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    # "User:Owner.Username" is how a load names what a query calls Owner.Username.
    names = [name.rpartition(":")[2] for name in rows[0]]
    polymorphic = [name for name in names if name == "What.Ext_Id__c"]
    asked = [name for name in names if name not in polymorphic]
    query = sample.query(f"SELECT {', '.join(asked)} FROM {path.stem}", all_rows=True)  # noqa: S608 - SOQL
    found = [
        [
            json_value(column.field, stored)
            for column, stored in zip(query.columns, row, strict=True)
        ]
        for row in query.rows()
    ]
    if path.stem == "User":
        found = found[1:]  # the org's own user was there first
    written = [[row[name] for name in row if name.rpartition(":")[2] in asked] for row in rows]
    assert len(found) == len(written) > 0
    for have, want in zip(found, written, strict=True):
        assert have == [_expected(cell, value) for cell, value in zip(want, have, strict=True)]


def test_the_sample_has_the_values_that_break_careless_readers(sample: Org) -> None:
    texts = "\n".join(file.read_bytes().decode() for file in _SAMPLE.glob("*.csv"))
    for awkward in (
        "\r\n",
        "old mac\rline",
        "\u2028",
        "🚀",
        '""',
        '"000042"',
        '"NA"',
        '"null"',
        '"  Spaces',
    ):
        assert awkward in texts
    assert "123456789012345678" in texts
    assert "1E6" in texts
    stamps = [row[0] for row in sample.query("SELECT SystemModstamp FROM Contact").rows()]
    assert len(set(stamps)) < len(stamps)
    assert max(str(stamp) for stamp in stamps) < "2026-11-01"
    counts = sample.counts()
    deleted = sample.query(
        "SELECT COUNT() FROM Account WHERE IsDeleted = true", all_rows=True
    ).count()
    assert (counts["Account"], deleted) == (22, 2)
    assert counts["User"] >= 3


def test_parents_may_come_later_and_in_other_files(org: Org, tmp_path: Path) -> None:
    counts = org.load(
        _folder(
            tmp_path,
            Account="name,Parent.Ext_Id__c,ext_id__c\nChild,up,\nParent,,UP\n",
            Contact="LastName,Account.Ext_Id__c,ReportsTo.Email,Email\n"
            "L,Up,boss@example.com,\nM,,,Boss@example.com\n",
        )
    )
    assert counts == {"Account": 2, "Contact": 2}
    soql = "SELECT LastName, Account.Name, ReportsTo.LastName FROM Contact"
    assert list(org.query(soql).rows()) == [("L", "Parent", "M"), ("M", None, None)]
    soql = "SELECT Parent.Name FROM Account WHERE Name = 'Child'"
    assert list(org.query(soql).rows()) == [("Parent",)]


def test_what_the_file_leaves_open_the_org_fills_in(
    org: Org, tmp_path: Path, clock: HandClock
) -> None:
    clock.pass_seconds(3600)
    org.load(
        _folder(
            tmp_path,
            Case="CaseNumber,SystemModstamp\n,2025-01-01T00:00:00+01:00\n00000041,\n",
            Contact="FirstName,LastName\nAnn,Lee\n",
        )
    )
    soql = "SELECT CaseNumber, IsDeleted, OwnerId, CreatedDate, LastModifiedDate, Status FROM Case"
    # A row that was there before: of the second before this one.
    early, before = "2024-12-31T23:00:00.000Z", "2026-11-02T09:30:14.000Z"
    assert list(org.query(soql).rows()) == [
        ("00000042", "false", org.user_id, early, early, None),
        ("00000041", "false", org.user_id, before, before, None),
    ]
    assert list(org.query("SELECT Name FROM Contact").rows()) == [("Ann Lee",)]
    saved = org.save_record("insert", "Case", {})
    assert org.record("Case", saved.id or "", ["CaseNumber"]) == {"CaseNumber": "00000043"}


def test_an_export_of_an_org_of_the_same_seed_does_not_collide(org: Org, tmp_path: Path) -> None:
    first = org.save_record("insert", "Account", {"Name": "A"}).id or ""
    org.reset()
    org.load(_folder(tmp_path, Account=f"Id,Name\n{first},A\n"))
    assert org.save_record("insert", "Account", {"Name": "B"}).id != first


def test_a_byte_order_mark_and_blank_lines_are_no_data(org: Org, tmp_path: Path) -> None:
    counts = org.load(_folder(tmp_path, Account="\ufeffName\r\n\r\nA\r\n"))
    assert counts == {"Account": 1}


@pytest.mark.parametrize(
    ("files", "place", "text"),
    [
        ({"Acount": "Name\nA\n"}, "Acount.csv:", "the schema has no object Acount; did you mean Account or "),
        ({"Account": "Nme\nA\n"}, "Account.csv, line 1, column Nme:", "Account has no field Nme; did you mean Name"),
        ({"Account": "Name,BillingAddress\nA,B\n"}, "line 1, column BillingAddress:", "has no field BillingAddress"),
        ({"Account": "Name,Parent.Name\nA,B\n"}, "line 1, column Parent.Name:", "with an external id or idLookup field"),
        ({"Account": "Name,name\nA,B\n"}, "line 1, column name:", "already has a column"),
        ({"Account": ""}, "Account.csv:", "the file is empty"),
        ({"Account": "Name,Phone\nA,1\n\nB\n"}, "line 4:", "1 cells under a header of 2"),
        ({"Account": 'Name,Phone\n"A\nB",1\nC,"2"x\n'}, "line 4:", "not valid CSV"),
        ({"Account": 'Name,AnnualRevenue\n"A\r\nB",1\nC,many\n'}, "line 4, column AnnualRevenue:", "value not of required type: many"),
        ({"Account": "Name\n" + "x" * 256 + "\n"}, "line 2, column Name:", "max length=255"),
        ({"Account": "Id,Name\n0033z00002fsAupAAE,A\n"}, "line 2, column Id:", "ids begin with 001"),
        ({"Account": "Id,Name\n0013z00002QeTIW,A\n0013z00002QeTIWAA3,B\n"}, "line 3, column Id:", "another Account already has 0013z00002QeTIWAA3"),
        ({"Account": "Ext_Id__c,Name\nx,A\ny,B\nX,C\n"}, "line 4, column Ext_Id__c:", "another Account already has X"),
        ({"Contact": "LastName,AccountId\nA,\nB,0013z00002QeTIWAA3\n"}, "line 3, column AccountId:", "there is no Account with this id: 0013z00002QeTIWAA3"),
        ({"Contact": "LastName,Account.Ext_Id__c\nA,no\n"}, "line 2, column Account.Ext_Id__c:", "there is no Account outside the recycle bin with this Ext_Id__c: no"),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_file_line_and_column_and_nothing_is_loaded(
    org: Org, tmp_path: Path, files: dict[str, str], place: str, text: str
) -> None:
    (tmp_path / "Lead.csv").write_text("LastName,Company\nGood,Fine\n", encoding="utf-8")
    before = org.counts()
    with pytest.raises(LoadError) as refused:
        org.load(_folder(tmp_path, **files))
    assert str(refused.value).startswith(str(tmp_path))
    assert place in str(refused.value)
    assert text in str(refused.value)
    assert org.counts() == before


def test_bytes_that_are_not_utf_8_are_named(org: Org, tmp_path: Path) -> None:
    (tmp_path / "Account.csv").write_bytes(b"Name\nCaf\xe9\n")
    with pytest.raises(LoadError, match="not UTF-8"):
        org.load(tmp_path)


def test_a_folder_without_csv_is_named(org: Org, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(LoadError, match=r"no CSV file in this folder"):
            org.load(path)


def test_many_batches_keep_line_and_order(org: Org, tmp_path: Path) -> None:
    lines = [f"Name {number}" for number in range(2500)]
    org.load(_folder(tmp_path, Account="Name\n" + "\n".join(lines) + "\n"))
    assert [row[0] for row in org.query("SELECT Name FROM Account").rows()] == lines
    text = "Name,NumberOfEmployees\n" + "\n".join(f"{one},1" for one in lines) + "\nlast,x\n"
    with pytest.raises(LoadError, match="line 2502, column NumberOfEmployees"):
        org.load(_folder(tmp_path, Account=text))
    assert org.counts()["Account"] == 2500
