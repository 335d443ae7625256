"""Columns of a load: as describe spells them, with the key, one for each field, null or not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import (
    ColumnDelimiter,
    ContentType,
    DataError,
    Operation,
    RowStatus,
    Salesforce,
    SalesforceError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sfbulk_sandbox import Sandbox


def headers(sandbox: Sandbox, sf: Salesforce) -> list[list[str]]:
    """The columns of each job as it shows them in its results."""
    jobs = [call.path.split("/")[-2] for call in sandbox.requests if call.path.endswith("/batches")]
    return [
        sf._transport.send(sf._get(f"/jobs/ingest/{job}/successfulResults", "Read"))
        .content.decode()
        .splitlines()[0]
        .split(",")[2:]
        for job in jobs
    ]


def kept_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs stay after their load, for a look at their results."""
    monkeypatch.setattr("sfbulk.bulk2.job.Job.delete", lambda _job: None)


def rows(sandbox: Sandbox, soql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in sandbox.org.query(soql).rows()]


def jobs(sandbox: Sandbox) -> list[str]:
    return [call.path for call in sandbox.requests if "/job" in call.path]


# Spelling


def test_columns_and_key_are_sent_as_describe_spells_them(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_jobs(monkeypatch)
    record = {"ext_id__C": "C-1", "lastNAME": "Lin", "account.EXT_ID__c": "E001"}
    summary = sf.upsert("contact", [record], external_id="EXT_id__c")
    assert summary.succeeded == 1
    assert headers(sandbox, sf) == [["Ext_Id__c", "LastName", "Account.Ext_Id__c"]]
    job = sf.open_ingest_job(summary.job_ids[0])
    assert job.info.external_id == "Ext_Id__c"
    task = {"subject": "Call", "contact:who.ext_id__c": "C-1"}
    assert sf.insert("Task", [task]).succeeded == 1
    assert headers(sandbox, sf)[1] == ["Subject", "Contact:Who.Ext_Id__c"]


def test_a_type_that_a_relationship_does_not_need_is_left_out(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_jobs(monkeypatch)
    record = {"LastName": "Lin", "Account:Account.Ext_Id__c": "E001"}
    assert sf.insert("Contact", [record]).succeeded == 1
    assert headers(sandbox, sf) == [["LastName", "Account.Ext_Id__c"]]


@pytest.mark.parametrize("case", ["kept", "lost"])
@pytest.mark.parametrize("source", ["records", "CSV"])
def test_rejected_rows_are_matched_in_any_case_of_their_columns(
    sandbox: Sandbox, sf: Salesforce, case: str, source: str
) -> None:
    sandbox.control.set_behaviour(column_case=case)
    records: Any = [{"NAME": name, "PHONE": phone} for name, phone in [(None, "1"), ("b", "2")]]
    if source == "CSV":
        records = b"NAME,PHONE\n,1\nb,2\n"
    outcomes = list(sf.load("Account", Operation.INSERT, records))
    assert [outcome.status for outcome in outcomes] == [RowStatus.FAILED, RowStatus.SUCCEEDED]


def test_columns_of_an_object_that_cannot_be_described_are_sent_as_given(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_jobs(monkeypatch)
    body = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}]
    sandbox.control.add_fault(kind="answer", path="*/describe", status=403, body=body, times=None)
    assert sf.upsert(
        "Account", [{"ext_id__c": "X", "NAME": "x"}], external_id="Ext_Id__c"
    ).succeeded
    assert headers(sandbox, sf) == [["ext_id__c", "NAME"]]
    with pytest.raises(DataError, match=r"ParentId and Parent\.Ext_Id__c set the same field"):
        sf.insert("Account", [{"Name": "x", "ParentId": "1", "Parent.Ext_Id__c": "y"}])


# The key


KEYLESS: list[Callable[[Salesforce, Path], object]] = [
    lambda sf, _: sf.upsert("Account", [{"Name": "x"}], external_id="Id"),
    lambda sf, _: sf.upsert("Account", [{"Name": "x"}], external_id="Ext_Id__c"),
    lambda sf, _: sf.update("Account", [{"Name": "x"}]),
    lambda sf, _: sf.delete("Account", [{"Name": "x"}]),
    lambda sf, _: sf.hard_delete("Account", b"Name\nx\n"),
    lambda sf, _: sf.upsert("Account", b"Name\nx\n", external_id="Id"),
    lambda sf, _: sf.upsert("Account", [("x",)], external_id="Id", columns=["Name"]),
    lambda sf, _: sf.bulk1.upsert("Account", [{"Name": "x"}], external_id="Id"),
    lambda sf, _: sf.bulk1.upsert("Account", b"Name\nx\n", external_id="Id"),
    lambda sf, _: sf.bulk1.upsert(
        "Account", [{"Name": "x"}], external_id="Id", content_type=ContentType.JSON
    ),
    lambda sf, _: sf.bulk1.update("Account", [{"Name": "x"}], content_type=ContentType.XML),
]


@pytest.mark.parametrize("load", KEYLESS)
def test_a_load_without_its_key_is_refused(
    sandbox: Sandbox,
    sf: Salesforce,
    tmp_path: Path,
    load: Callable[[Salesforce, Path], object],
) -> None:
    with pytest.raises(
        DataError, match=r"Record 1: it(s | has no )(Id|Ext_Id__c),? which Salesforce|empty"
    ):
        load(sf, tmp_path)
    assert jobs(sandbox) == []
    assert rows(sandbox, "SELECT Id FROM Account WHERE Name = 'x'") == []


@pytest.mark.parametrize("form", ["bytes", "path", "pieces"])
@pytest.mark.parametrize(
    ("operation", "key"), [("upsert", "Id"), ("upsert", "Ext_Id__c"), ("update", None)]
)
def test_an_upload_without_its_key_is_refused(  # noqa: PLR0913, PLR0917 - pytest passes each by name
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, form: str, operation: str, key: str | None
) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b'"Name","Phone"\nx,1\n')
    job = sf.ingest_job("Account", Operation(operation), external_id=key)
    batches = sf.bulk1.ingest_job("Account", Operation(operation), external_id=key)
    for send in (job.upload, sf.open_ingest_job(job.id).upload, batches.add_batch):
        body: Any = {"bytes": file.read_bytes(), "path": file, "pieces": iter([file.read_bytes()])}
        with pytest.raises(DataError, match=f"no column {key or 'Id'}, which Salesforce needs"):
            send(body[form])
    assert not [path for path in jobs(sandbox) if path.endswith(("/batches", "/batch"))]
    job.abort()


@pytest.mark.parametrize("header", [b"\xef\xbb\xbfid;Name", b'"ID";"Name"', b"Name;Id\r"])
def test_the_key_of_an_upload_is_found_in_any_case_and_delimiter(
    sf: Salesforce, header: bytes
) -> None:
    job = sf.ingest_job(
        "Account",
        Operation.UPSERT,
        external_id="Id",
        column_delimiter=ColumnDelimiter.SEMICOLON,
    )
    sf.open_ingest_job(job.id).upload(header + b"\n;x\n")
    job.abort()


@pytest.mark.parametrize("blank", [None, ""])
@pytest.mark.parametrize("content", [None, *ContentType])
def test_an_upsert_by_id_with_a_blank_id_creates_the_record(
    sandbox: Sandbox, sf: Salesforce, content: ContentType | None, blank: str | None
) -> None:
    ((known,),) = rows(sandbox, "SELECT Id FROM Account WHERE Ext_Id__c = 'E002'")
    records: list[dict[str, Any]] = [
        {"Id": blank, "Name": "new"},
        {"Id": known, "Name": "new"},
        {"Id": blank, "Name": "new"},
    ]
    if content:
        made = list(
            sf.bulk1.load(
                "Account", Operation.UPSERT, records, external_id="Id", content_type=content
            )
        )
    else:
        made = list(sf.load("Account", Operation.UPSERT, records, external_id="Id"))
    assert [(outcome.success, outcome.created) for outcome in made] == [
        (True, True),
        (True, False),
        (True, True),
    ]
    assert len(rows(sandbox, "SELECT Id FROM Account WHERE Name = 'new'")) == 3


@pytest.mark.parametrize("blank", [b"", b"#N/A"])
def test_a_blank_id_of_csv_creates_the_record(sf: Salesforce, blank: bytes) -> None:
    summary = sf.upsert("Account", b"Name,Id\nx," + blank + b"\n", external_id="Id")
    assert (summary.succeeded, summary.failed) == (1, 0)


# Records that lack different columns


OPTIONAL = ("Phone", "Fax", "Website", "Site", "Description", "AccountNumber", "BillingCity")


@pytest.mark.parametrize("operation", [Operation.INSERT, Operation.UPSERT])
def test_records_that_lack_different_columns_share_one_job(
    sandbox: Sandbox, sf: Salesforce, operation: Operation
) -> None:
    sets = {n: [name for at, name in enumerate(OPTIONAL) if n >> at & 1] for n in range(128)}
    records: list[dict[str, Any]] = [
        {"Ext_Id__c": f"R-{n}", "Name": "ragged", **dict.fromkeys(names, "1")}
        for n, names in sets.items()
    ]
    if operation is Operation.UPSERT:
        summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    else:
        summary = sf.insert("Account", records)
    assert (summary.succeeded, len(summary.job_ids)) == (128, 1)
    soql = f"SELECT Ext_Id__c, {', '.join(OPTIONAL)} FROM Account WHERE Name = 'ragged'"  # noqa: S608 - our own names
    for external, *values in rows(sandbox, soql):
        names = sets[int(str(external).removeprefix("R-"))]
        assert values == ["1" if name in names else None for name in OPTIONAL]


@pytest.mark.parametrize("empty_on_insert", ["default", "null"])
def test_an_absent_column_of_a_new_record_is_its_default(
    sandbox: Sandbox, sf: Salesforce, empty_on_insert: str
) -> None:
    sandbox.control.set_behaviour(empty_on_insert=empty_on_insert)
    records: list[dict[str, Any]] = [
        {"Subject": "New", "Ext_Id__c": "1", "Priority": "High"},
        {"Subject": "New", "Ext_Id__c": "2", "Reason": "Other"},
        {"Subject": "New", "Ext_Id__c": "3", "Priority": "High", "Reason": "Other"},
    ]
    summary = sf.upsert("Case", records, external_id="Ext_Id__c")
    assert (summary.succeeded, len(summary.job_ids)) == (3, 2)
    soql = "SELECT Priority, Reason FROM Case WHERE Subject = 'New' ORDER BY Ext_Id__c"
    assert rows(sandbox, soql) == [("High", None), ("Medium", "Other"), ("High", "Other")]


def test_a_column_that_nobody_knows_fails_only_the_records_that_have_it(sf: Salesforce) -> None:
    records = [{"Name": "a"}, {"Name": "b", "Foo__c": "1"}, {"Name": "c"}]
    with pytest.raises(SalesforceError, match="Foo__c"):
        sf.insert("Account", records)
    assert len(list(sf.query("SELECT Id FROM Account WHERE Name IN ('a', 'c')"))) == 2


# One column for a field


@pytest.mark.parametrize("content", [None, *ContentType])
def test_only_the_column_with_a_value_sets_a_lookup(
    sandbox: Sandbox, sf: Salesforce, content: ContentType | None
) -> None:
    ((by_id, by_key),) = rows(sandbox, "SELECT Id, Ext_Id__c FROM Account WHERE Ext_Id__c = 'E002'")
    records: list[dict[str, Any]] = [
        {"LastName": "a", "Ext_Id__c": "C1", "AccountId": by_id, "Account.Ext_Id__c": None},
        {"LastName": "b", "Ext_Id__c": "C2", "AccountId": "", "Account.Ext_Id__c": by_key},
        {"LastName": "c", "Ext_Id__c": "C3", "AccountId": None, "Account.Ext_Id__c": None},
        {"LastName": "d", "Ext_Id__c": "C4", "account.EXT_ID__C": by_key, "ACCOUNTID": None},
    ]
    if content:
        bulk1 = sf.bulk1.upsert("Contact", records, external_id="Ext_Id__c", content_type=content)
        assert bulk1.succeeded == 4, bulk1.failures
    else:
        assert sf.upsert("Contact", records, external_id="Ext_Id__c").succeeded == 4
    soql = "SELECT Account.Ext_Id__c FROM Contact WHERE Ext_Id__c LIKE 'C%' ORDER BY Ext_Id__c"
    assert rows(sandbox, soql) == [("E002",), ("E002",), (None,), ("E002",)]
    cleared = [{"Ext_Id__c": "C1", "Account.Ext_Id__c": None, "AccountId": None}]
    assert sf.upsert("Contact", cleared, external_id="Ext_Id__c").succeeded == 1
    assert rows(sandbox, soql)[0] == (None,)


def test_only_the_column_of_csv_with_a_value_sets_a_lookup(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_jobs(monkeypatch)
    ((by_id,),) = rows(sandbox, "SELECT Id FROM Account WHERE Ext_Id__c = 'E002'")
    data = f"LastName,Ext_Id__c,AccountId,Account.Ext_Id__c\na,C1,{by_id},\nb,C2,,E002\nc,C3,,\n"
    assert sf.upsert("Contact", data.encode(), external_id="Ext_Id__c").succeeded == 3
    soql = "SELECT Account.Ext_Id__c FROM Contact WHERE Ext_Id__c LIKE 'C%' ORDER BY Ext_Id__c"
    assert rows(sandbox, soql) == [("E002",), ("E002",), (None,)]
    used = [set(columns) & {"AccountId", "Account.Ext_Id__c"} for columns in headers(sandbox, sf)]
    assert {"AccountId"} in used
    assert all(len(one) < 2 for one in used)


@pytest.mark.parametrize(
    ("sobject", "record", "problem"),
    [
        (
            "Contact",
            {"AccountId": "1", "Account.Ext_Id__c": "2"},
            "AccountId and Account.Ext_Id__c",
        ),
        ("Task", {"WhoId": "1", "Contact:Who.Ext_Id__c": "2"}, "WhoId and Contact:Who.Ext_Id__c"),
        ("Task", {"Lead:Who.Ext_Id__c": "1", "Contact:Who.Ext_Id__c": "2"}, "Lead.* and Contact"),
        ("Invoice__c", {"Account__c": "1", "Account__r.Ext_Id__c": "2"}, "Account__c and Acc"),
        ("Account", {"OWNERID": "1", "owner.Email": "2"}, "OWNERID and owner.Email"),
    ],
)
def test_two_values_for_one_lookup_are_an_error_that_names_both(
    sandbox: Sandbox, sf: Salesforce, sobject: str, record: dict[str, str], problem: str
) -> None:
    for insert in (sf.insert, sf.bulk1.insert):
        with pytest.raises(DataError, match=f"Record 1: {problem}.* set the same field"):
            insert(sobject, [record])
    assert jobs(sandbox) == []


# Fields that cannot be null


@pytest.mark.parametrize("content", [None, *ContentType])
def test_a_null_for_a_field_that_cannot_be_null_changes_nothing(
    sandbox: Sandbox, sf: Salesforce, content: ContentType | None
) -> None:
    before = {"Ext_Id__c": "E001", "Is_Key_Account__c": True, "Phone": "1"}
    sf.upsert("Account", [before], external_id="Ext_Id__c")
    record = {"Ext_Id__c": "E001", "IS_KEY_ACCOUNT__C": None, "Name": "", "Phone": None}
    if content:
        loaded = sf.bulk1.upsert(
            "Account", [record], external_id="Ext_Id__c", content_type=content
        ).succeeded
    else:
        summary = sf.upsert("Account", [record], external_id="Ext_Id__c")
        assert summary.nulls_kept == {"Is_Key_Account__c": 1, "Name": 1}
        loaded = summary.succeeded
    assert loaded == 1
    soql = "SELECT Name, Is_Key_Account__c, Phone FROM Account WHERE Ext_Id__c = 'E001'"
    assert rows(sandbox, soql) == [("Account 001", "true", None)]


def test_a_null_of_csv_for_a_field_that_cannot_be_null_changes_nothing(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    data = b"Ext_Id__c,Name,Is_Key_Account__c\nE001,#N/A,#N/A\nE002,New,true\n"
    summary = sf.upsert("Account", data, external_id="Ext_Id__c")
    assert (summary.succeeded, summary.nulls_kept) == (2, {"Name": 1, "Is_Key_Account__c": 1})
    soql = "SELECT Name FROM Account WHERE Ext_Id__c IN ('E001', 'E002') ORDER BY Ext_Id__c"
    assert rows(sandbox, soql) == [("Account 001",), ("New",)]


# New records


@pytest.mark.parametrize("empty_on_insert", ["default", "null"])
@pytest.mark.parametrize("content", [None, *ContentType])
def test_a_null_of_a_new_record_is_its_default(
    sandbox: Sandbox, sf: Salesforce, content: ContentType | None, empty_on_insert: str
) -> None:
    sandbox.control.set_behaviour(empty_on_insert=empty_on_insert)
    records: list[dict[str, Any]] = [
        {"Subject": "New", "Priority": None, "IsEscalated": None, "Reason": ""},
        {"Subject": "New", "Priority": "High", "IsEscalated": True, "Reason": "Other"},
    ]
    insert = sf.insert if content is None else partial(sf.bulk1.insert, content_type=content)
    assert insert("Case", records).succeeded == 2
    soql = "SELECT Priority, IsEscalated, Reason FROM Case WHERE Subject = 'New' ORDER BY Priority"
    assert rows(sandbox, soql) == [("High", "true", "Other"), ("Medium", "false", None)]


@pytest.mark.parametrize("empty_rows", ["skipped", "read"])
@pytest.mark.parametrize("source", [[{"Name": None}, {"Name": "x"}], b'Name\n""\nx\n'])
def test_a_record_of_one_null_is_not_sent_as_a_blank_line(
    sandbox: Sandbox, sf: Salesforce, source: Any, empty_rows: str
) -> None:
    sandbox.control.set_behaviour(empty_rows=empty_rows)
    for load in (sf.load, sf.bulk1.load):
        first, second = load("Account", Operation.INSERT, source)
        assert first.error
        assert first.error.code == "REQUIRED_FIELD_MISSING"
        assert second.success


def test_a_record_with_only_a_null_for_a_default_is_loaded(sf: Salesforce) -> None:
    assert sf.insert("Case", [{"Priority": None}]).succeeded == 1


DATA_LOADER_FILE = (
    b"NAME,TYPE,PHONE,ACCOUNTNUMBER,WEBSITE,ANNUALREVENUE,EXT_ID__C,PARENT.EXT_ID__C\n"
    + b"".join(
        b"acct Fk #0%d,Other,415-555-000%d,ACCT_0%d,http://www.x0%d.com,0%d000,2-00%d,2-00%d\n"
        % (n, n, n, n, n, n, n - 5)
        for n in range(5, 10)
    )
)
"""The form of a sample file of Data Loader: names in capitals, `05000`, a parent by external id."""


@pytest.mark.parametrize("operation", [Operation.INSERT, Operation.UPSERT])
def test_data_loaders_sample_loads_with_parents_by_external_id(
    sandbox: Sandbox, sf: Salesforce, operation: Operation
) -> None:
    sf.insert("Account", [{"Name": f"p{n}", "Ext_Id__c": f"2-00{n}"} for n in range(5)])
    key = "EXT_ID__C" if operation is Operation.UPSERT else None
    outcomes = list(sf.load("Account", operation, DATA_LOADER_FILE, external_id=key))
    assert [outcome.created for outcome in outcomes] == [True] * 5
    loaded = "FROM Account WHERE Name LIKE 'acct Fk%' ORDER BY Name"
    ids = [outcome.id for outcome in outcomes]
    assert rows(sandbox, f"SELECT Id, Parent.Name, AnnualRevenue {loaded}") == [
        (ids[n], f"p{n}", f"{n + 5}000.0") for n in range(5)
    ]


def test_texts_of_one_key_are_never_in_one_job(sf: Salesforce) -> None:
    texts = ("C-1", "C-1  ", "c-1")
    outcomes = sf.load(
        "Account",
        Operation.UPSERT,
        [{"Name": "x", "Ext_Id__c": text} for text in texts],
        external_id="ext_id__C",
    )
    assert len({outcome.job_id for outcome in outcomes}) == len(texts)


SPELLED = [".5", "+5", "5.", "05", "-.5", "0.125", "0.12", "0.13", "0.30000000000000004", "1e3"]


def test_numbers_in_any_spelling_and_with_more_decimals_find_their_results(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    records = [
        {"Name": "n", "StageName": "x", "CloseDate": "2026-01-01", "Amount": t} for t in SPELLED
    ]
    bad = {"Name": "n", "StageName": "x", "CloseDate": "soon", "Amount": "0.126"}
    outcomes = list(sf.load("Opportunity", Operation.INSERT, [*records, bad]))
    assert [outcome.status for outcome in outcomes[:-1]] == [RowStatus.SUCCEEDED] * len(SPELLED)
    assert outcomes[-1].status is RowStatus.FAILED
    amounts = rows(sandbox, "SELECT Id, Amount FROM Opportunity WHERE Name = 'n'")
    stored = {row[0]: row[1] for row in amounts}
    found = [float(str(stored[outcome.id])) for outcome in outcomes[:-1]]
    assert found == [0.5, 5, 5, 5, -0.5, 0.13, 0.12, 0.13, 0.3, 1000]
