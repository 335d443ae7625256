"""Update and delete by external id, upserts of new records only, and fields of new records only."""

# ruff: noqa: S608 - the queries have no text from outside

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import (
    ApiError,
    DataError,
    NotFound,
    Operation,
    RowStatus,
    Salesforce,
    SalesforceError,
)
from sfbulk.load import Detail, Row
from sfbulk_sandbox import Sandbox
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sfbulk import RowOutcome
    from sfbulk.load import LoadGroup
    from tests.client.scripted import FakeClock

KEY = "Ext_Id__c"
ODD_KEYS = [
    "it's",
    'a "b"',
    "back\\slash",
    "ä ö 漢字 😀",
    "a,b;c",
    "%_",
    "x\\'",
    "tab\tbed",
    "a\nb",
    "+&",
]


def rows(sandbox: Sandbox, soql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in sandbox.org.query(soql).rows()]


def jobs_created(sandbox: Sandbox) -> int:
    return sum(
        call.method == "POST" and call.path.endswith("/jobs/ingest") for call in sandbox.requests
    )


def queries(sandbox: Sandbox) -> list[str]:
    return [
        call.path
        for call in sandbox.requests
        if call.method == "GET" and "/query" in call.path and "/jobs/" not in call.path
    ]


def told(outcomes: Sequence[RowOutcome]) -> list[tuple[int, str, str]]:
    return [(one.number, one.status.value, one.error.code if one.error else "") for one in outcomes]


def seed(sandbox: Sandbox, sobject: str, *records: dict[str, Any]) -> None:
    for record in records:
        result = sandbox.org.save_record("insert", sobject, record)
        assert result.success, result


@pytest.mark.parametrize("api", ["bulk2", "bulk1"])
def test_an_update_by_external_id_changes_what_is_there_and_creates_nothing(
    sandbox: Sandbox, sf: Salesforce, api: str
) -> None:
    before = sandbox.org.query("SELECT Id FROM Account").total()
    records: list[dict[str, Any]] = [
        {KEY: "e001", "Phone": "1"},
        {KEY: "none", "Phone": "3"},
        {KEY: " E003 ", "Phone": None, "Site": "here"},
    ]
    door = sf if api == "bulk2" else sf.bulk1
    outcomes = list(door.load("Account", Operation.UPDATE, records, external_id=KEY.upper()))
    assert told(outcomes) == [
        (1, "succeeded", ""),
        (2, "failed", "NO_SUCH_RECORD"),
        (3, "succeeded", ""),
    ]
    assert outcomes[1].error is not None
    assert outcomes[1].error.fields == (KEY,)
    assert sandbox.org.query("SELECT Id FROM Account").total() == before
    assert rows(
        sandbox, f"SELECT {KEY}, Phone, Site FROM Account WHERE {KEY} IN ('E001', 'E003')"
    ) == [
        ("E001", "1", None),
        ("E003", None, "here"),
    ]


def test_a_key_of_several_records_changes_none_of_them(sandbox: Sandbox, sf: Salesforce) -> None:
    mails = ("a@example.com", "b@example.com", "B@example.com")
    seed(sandbox, "Contact", *({"LastName": mail, "Email": mail} for mail in mails))
    records = [{"Email": mail, "Phone": "1"} for mail in mails[:2]]
    outcomes = list(sf.load("Contact", Operation.UPDATE, records, external_id="Email"))
    assert told(outcomes) == [(1, "succeeded", ""), (2, "failed", "SEVERAL_RECORDS")]
    assert rows(sandbox, "SELECT LastName FROM Contact WHERE Phone = '1'") == [(mails[0],)]


@pytest.mark.parametrize("verb", ["delete", "hard_delete"])
def test_deletes_by_external_id_need_no_other_column(
    sandbox: Sandbox, sf: Salesforce, verb: str
) -> None:
    records = [{KEY: "E001", "Name": "as it was"}, {KEY: "E004"}, {KEY: "gone"}]
    summary = getattr(sf, verb)("Account", records, external_id=KEY)
    assert (summary.succeeded, summary.failed) == (2, 1)
    assert [(row.number, row.error.code) for row in summary.failures] == [(3, "NO_SUCH_RECORD")]
    left = {key for (key,) in rows(sandbox, f"SELECT {KEY} FROM Account")}
    assert left.isdisjoint({"E001", "E004"})
    assert len(left) == 23


@pytest.mark.parametrize("api", ["bulk2", "bulk1"])
def test_a_delete_of_existing_records_only_skips_the_other_keys(
    sandbox: Sandbox, sf: Salesforce, api: str
) -> None:
    client = sf if api == "bulk2" else sf.bulk1
    records = [{KEY: "E001"}, {KEY: "gone"}, {KEY: "E004"}]
    load = client.load("Account", Operation.DELETE, records, external_id=KEY, existing_only=True)
    outcomes = list(load)
    assert told(outcomes) == [(1, "succeeded", ""), (2, "skipped", ""), (3, "succeeded", "")]
    assert len(rows(sandbox, "SELECT Id FROM Account")) == 23
    summary = client.delete("Account", records, external_id=KEY, existing_only=True)
    assert (summary.skipped, summary.succeeded, summary.failures) == (3, 0, [])


def delete_loader(sf: Salesforce, group: LoadGroup, folder: Path, **options: Any) -> Any:
    """A load that deletes accounts: E001, E002, E003 and a key that no record has."""
    loader = sf.loader(
        "Account",
        Operation.DELETE,
        folder,
        group=group,
        external_id=KEY,
        detail=Detail.EVERY_ROW,
        existing_only=True,
        **options,
    )
    for number, key in enumerate(["E001", "E002", "E003", "gone"], start=1):
        loader.add(number, Row((KEY,), [key]))
    return loader


def test_a_delete_finds_only_the_records_of_its_condition(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    group = sf.load_group()
    loader = delete_loader(sf, group, tmp_path, where="Name != 'Account 002' OR Name = 'x'")
    group.drain()
    (outcome,) = loader.settled()
    assert sorted(told(outcome.rows)) == [
        (1, "succeeded", ""),
        (2, "skipped", ""),
        (3, "succeeded", ""),
        (4, "skipped", ""),
    ]
    assert ("E002",) in rows(sandbox, f"SELECT {KEY} FROM Account")
    assert len(rows(sandbox, "SELECT Id FROM Account")) == 23


def test_the_number_of_records_is_known_before_they_are_deleted(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    seen = []

    def before_sending(found: int) -> None:
        seen.append((found, jobs_created(sandbox)))

    sandbox.control.forget_requests()
    group = sf.load_group()
    delete_loader(sf, group, tmp_path, before_sending=before_sending)
    group.drain()
    assert (seen, jobs_created(sandbox)) == ([(3, 0)], 1)


def test_an_error_before_records_are_deleted_leaves_them_all(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    def before_sending(_found: int) -> None:
        raise SalesforceError("Too many.")

    sandbox.control.forget_requests()
    group = sf.load_group()
    loader = delete_loader(sf, group, tmp_path, before_sending=before_sending)
    with pytest.raises(SalesforceError, match="Too many"):
        group.drain()
    statuses = {one.status for one in loader.unsettled(SalesforceError("Too many."))}
    assert (statuses, jobs_created(sandbox)) == ({RowStatus.UNPROCESSED}, 0)
    assert len(rows(sandbox, "SELECT Id FROM Account")) == 25


@pytest.mark.parametrize("option", [{"where": "Name = 'x'"}, {"before_sending": print}])
def test_a_condition_of_records_that_is_not_asked_for_is_an_error(
    sf: Salesforce, tmp_path: Path, option: dict[str, Any]
) -> None:
    """Ignored, it would let a delete take more than it says."""
    with pytest.raises(DataError, match="only be used with the option existing_only"):
        sf.loader("Account", Operation.DELETE, tmp_path, group=sf.load_group(), **option)


def test_records_in_the_recycle_bin_are_not_found(sf: Salesforce) -> None:
    sf.delete("Account", [{KEY: "E001"}], external_id=KEY)
    summary = sf.update("Account", [{KEY: "E001", "Phone": "1"}], external_id=KEY)
    assert told(summary.failures) == [(1, "failed", "NO_SUCH_RECORD")]
    # As in an upsert, which creates the record anew.
    assert sf.upsert("Account", [{KEY: "E001", "Name": "New"}], external_id=KEY).succeeded == 1
    assert sf.update("Account", [{KEY: "E001", "Phone": "1"}], external_id=KEY).succeeded == 1


@pytest.mark.parametrize("key", ODD_KEYS)
def test_any_text_can_be_a_key(sandbox: Sandbox, sf: Salesforce, key: str) -> None:
    seed(sandbox, "Account", {"Name": "Odd", KEY: key})
    records = [{KEY: key, "Phone": "1"}, {KEY: f"{key}x", "Phone": "2"}]
    outcomes = list(sf.load("Account", Operation.UPDATE, records, external_id=KEY))
    assert told(outcomes) == [(1, "succeeded", ""), (2, "failed", "NO_SUCH_RECORD")]
    assert rows(sandbox, "SELECT Phone FROM Account WHERE Name = 'Odd'") == [("1",)]


def test_a_key_that_no_field_can_hold_is_not_asked_for(sf: Salesforce) -> None:
    records = [{KEY: "x" * 30_000, "Phone": "1"}, {KEY: "E001", "Phone": "1"}]
    outcomes = list(sf.load("Account", Operation.UPDATE, records, external_id=KEY))
    assert told(outcomes) == [(1, "failed", "NO_SUCH_RECORD"), (2, "succeeded", "")]


def test_a_later_version_of_a_record_is_loaded_later(sandbox: Sandbox, sf: Salesforce) -> None:
    records = [{KEY: "E001", "Phone": str(n)} for n in range(5)]
    summary = sf.update("Account", records, external_id=KEY)
    assert (summary.succeeded, summary.replaced) == (2, 3)
    assert rows(sandbox, f"SELECT Phone FROM Account WHERE {KEY} = 'E001'") == [("4",)]


def test_a_file_of_which_nothing_is_left_creates_no_job(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.forget_requests()
    summary = sf.update(
        "Account", [{KEY: "a", "Phone": "1"}, {KEY: "b", "Phone": "1"}], external_id=KEY
    )
    assert told(summary.failures) == [
        (1, "failed", "NO_SUCH_RECORD"),
        (2, "failed", "NO_SUCH_RECORD"),
    ]
    assert (summary.job_ids, jobs_created(sandbox)) == ([], 0)


def test_an_upsert_of_new_records_only_skips_those_that_exist(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    (known,) = rows(sandbox, f"SELECT Id FROM Account WHERE {KEY} = 'E001'")
    records: list[dict[str, Any]] = [
        {KEY: "E001", "Name": "Changed"},
        {KEY: "new", "Name": "New"},
        {KEY: "bad", "Name": None},
    ]
    outcomes = list(sf.load("Account", Operation.UPSERT, records, external_id=KEY, new_only=True))
    assert told(outcomes) == [
        (1, "skipped", ""),
        (2, "succeeded", ""),
        (3, "failed", "REQUIRED_FIELD_MISSING"),
    ]
    assert (outcomes[0].id,) == known
    assert rows(sandbox, f"SELECT Name FROM Account WHERE {KEY} IN ('E001', 'new')") == [
        ("Account 001",),
        ("New",),
    ]
    summary = sf.upsert("Account", records, external_id=KEY, new_only=True)
    assert (summary.succeeded, summary.failed, summary.skipped) == (0, 1, 2)
    assert [row.number for row in summary.failures] == [3]


def test_fields_of_new_records_only_stay_as_they_are_in_records_that_exist(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    seed(sandbox, "Contact", {"LastName": "One", KEY: "C1"}, {"LastName": "Two", KEY: "C2"})
    new = {"StageName": "Open", "CloseDate": "2026-12-31"}

    def deals(contact: str, *keys: str) -> list[dict[str, Any]]:
        return [
            {KEY: key, "Name": f"{key} {contact}", "ContactId": ids[contact], **new} for key in keys
        ]

    ids = {
        str(key): record_id for record_id, key in rows(sandbox, f"SELECT Id, {KEY} FROM Contact")
    }
    assert sf.upsert("Opportunity", deals("C1", "D1", "D2"), external_id=KEY).succeeded == 2
    again = deals("C2", "D1", "D2", "D3")
    refused = sf.upsert("Opportunity", again, external_id=KEY)
    assert told(refused.failures)[0] == (1, "failed", "INVALID_FIELD_FOR_INSERT_UPDATE")
    summary = sf.upsert("Opportunity", again, external_id=KEY, create_only_fields=["contactid"])
    assert (summary.succeeded, summary.failed) == (3, 0)
    assert rows(sandbox, f"SELECT {KEY}, Name, ContactId FROM Opportunity ORDER BY {KEY}") == [
        ("D1", "D1 C2", ids["C1"]),
        ("D2", "D2 C2", ids["C1"]),
        ("D3", "D3 C2", ids["C2"]),
    ]


def test_an_upsert_by_id_asks_for_nothing_to_know_what_is_new(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    ((record_id,),) = rows(sandbox, f"SELECT Id FROM Account WHERE {KEY} = 'E001'")
    sandbox.control.forget_requests()
    outcomes = list(
        sf.load(
            "Account",
            Operation.UPSERT,
            [{"Id": record_id, "Name": "Changed"}],
            external_id="Id",
            create_only_fields=["Name"],
        )
    )
    assert told(outcomes) == [(1, "succeeded", "")]
    assert rows(sandbox, f"SELECT Name FROM Account WHERE {KEY} = 'E001'") == [("Account 001",)]
    assert queries(sandbox) == []


@pytest.mark.parametrize(
    ("operation", "options", "words"),
    [
        (Operation.INSERT, {"external_id": KEY}, "no other operation has it"),
        (Operation.UPDATE, {"external_id": KEY, "new_only": True}, "options of an upsert"),
        (Operation.DELETE, {"create_only_fields": ["Name"]}, "options of an upsert"),
        (Operation.UPDATE, {"external_id": KEY}, "has an Id and a Ext_Id__c"),
    ],
)
def test_what_an_operation_does_not_have_is_an_error_before_any_job(
    sandbox: Sandbox,
    sf: Salesforce,
    operation: Operation,
    options: Any,
    words: str,
) -> None:
    sandbox.control.forget_requests()
    record = {"Id": "001000000000001", KEY: "E001", "Name": "x"}
    with pytest.raises(DataError, match=words):
        list(sf.load("Account", operation, [record], **options))
    assert jobs_created(sandbox) == 0


# What the query of the keys may meet


def updates(keys: Sequence[str]) -> Iterator[dict[str, str]]:
    numbers = count()
    return ({KEY: key, "Phone": str(next(numbers))} for key in keys)


def test_a_refused_query_of_keys_ends_the_load_before_the_job(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    body = [{"errorCode": "INVALID_FIELD", "message": "can not be filtered"}]
    sandbox.control.add_fault(kind="answer", method="GET", path="*/query", status=400, body=body)
    with pytest.raises(ApiError, match="can not be filtered"):
        sf.update("Account", updates(["E001"]), external_id=KEY)
    assert jobs_created(sandbox) == 0


def test_rows_whose_keys_could_not_be_read_are_unprocessed(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    body = [{"errorCode": "INVALID_FIELD", "message": "no luck"}]
    sandbox.control.add_fault(kind="answer", method="GET", path="*/query", status=400, body=body)
    load = sf.load("Account", Operation.UPDATE, updates(["E001", "none"]), external_id=KEY)
    outcomes = [next(load), next(load)]
    assert [one.status for one in outcomes] == [RowStatus.UNPROCESSED] * 2
    with pytest.raises(ApiError, match="no luck"):
        next(load)


@pytest.mark.parametrize("path", ["*/jobs/ingest/750*", "*/failedResults"])
def test_rows_without_a_record_are_rejected_although_the_job_cannot_be_read(
    sandbox: Sandbox, sf: Salesforce, path: str
) -> None:
    body = [{"errorCode": "NOT_FOUND", "message": "gone"}]
    sandbox.control.add_fault(
        kind="answer", method="GET", path=path, status=404, body=body, times=None
    )
    load = sf.load("Account", Operation.UPDATE, updates(["E001", "none", "E002"]), external_id=KEY)
    outcomes = [next(load), next(load), next(load)]
    assert [one.status for one in outcomes] == [
        RowStatus.UNKNOWN,
        RowStatus.FAILED,
        RowStatus.UNKNOWN,
    ]
    assert told(outcomes)[1] == (2, "failed", "NO_SUCH_RECORD")
    with pytest.raises(NotFound, match="gone"):
        next(load)


@pytest.mark.parametrize("kind", ["cut", "closed"])
def test_a_query_of_keys_that_breaks_off_is_sent_again(
    sandbox: Sandbox, sf: Salesforce, kind: str
) -> None:
    sandbox.control.add_fault(kind=kind, method="GET", path="*/query")
    sandbox.control.forget_requests()
    assert sf.update("Account", updates(["E001", "E002"]), external_id=KEY).succeeded == 2
    assert len(queries(sandbox)) == 2


def test_an_expired_session_is_renewed_for_the_query_of_keys(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sf.describe("Account")
    sandbox.control.end_sessions()
    assert sf.update("Account", updates(["E001", "E002"]), external_id=KEY).succeeded == 2


def test_a_url_that_is_too_long_for_a_proxy_gets_shorter(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.add_fault(kind="answer", method="GET", path="*/query", status=414)
    sandbox.control.forget_requests()
    keys = [f"E{number:03d}" for number in range(1, 26)]
    assert sf.update("Account", updates(keys), external_id=KEY).succeeded == 25
    assert len(queries(sandbox)) == 3


def many_keys() -> list[str]:
    return [*(f"no-such-key-{number:06d}" for number in range(12_000)), "E001", "E002"]


def test_many_keys_are_read_by_one_bulk_query_where_the_object_is_small(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    mails = ("a@example.com", "b@example.com", "B@example.com")
    seed(sandbox, "Contact", *({"LastName": mail, "Email": mail} for mail in mails))
    sandbox.control.forget_requests()
    keys = [*(f"{number:06d}@example.com" for number in range(12_000)), *mails[:2]]
    records = ({"Email": key, "Phone": "1"} for key in keys)
    summary = sf.update("Contact", records, external_id="Email")
    assert (summary.succeeded, summary.failed) == (1, 12_001)
    assert told(summary.failures)[-1] == (12_002, "failed", "SEVERAL_RECORDS")
    assert queries(sandbox) == []
    assert sum(call.path.endswith("/jobs/query") for call in sandbox.requests) == 1


def test_keys_are_read_by_rest_where_bulk_refuses_or_would_read_too_much(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    body = [{"errorCode": "API_ERROR", "message": "no bulk queries here"}]
    sandbox.control.add_fault(
        kind="answer", method="POST", path="*/jobs/query", status=400, body=body
    )
    sandbox.control.forget_requests()
    assert sf.update("Account", updates(many_keys()), external_id=KEY).succeeded == 2
    assert 20 < len(queries(sandbox)) < 50
    counts = {"sObjects": [{"name": "Account", "count": 90_000_000}]}
    sandbox.control.add_fault(
        kind="answer", method="GET", path="*/limits/recordCount", status=200, body=counts
    )
    sandbox.control.forget_requests()
    assert sf.update("Account", updates(many_keys()), external_id=KEY).succeeded == 2
    assert 20 < len(queries(sandbox)) < 50
    assert not any(call.path.endswith("/jobs/query") for call in sandbox.requests)


# Keys that are numbers, or texts with case


@pytest.fixture(scope="module")
def keyed_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """An org with the object Key__c, whose external ids are a number and texts."""
    template = Schema.standard().sobject("Invoice__c")
    assert template is not None
    described = template.describe(68.0) | {"name": "Key__c", "keyPrefix": "a88", "label": "Key"}
    fields = {field["name"]: field for field in described["fields"]}
    kept = ("Id", "IsDeleted", "OwnerId", "SystemModstamp", "Notes__c", KEY)
    number = {"type": "double", "soapType": "xsd:double", "length": 0, "precision": 18, "scale": 2}
    described["fields"] = [
        *(fields[name] for name in kept),
        {**fields[KEY], "name": "Cased__c", "caseSensitive": True, "unique": True},
        {**fields[KEY], "name": "Number__c", **number},
    ]
    folder = tmp_path_factory.mktemp("describes")
    (folder / "Key__c.json").write_text(json.dumps(described))
    with Sandbox(describe=folder) as sandbox:
        yield sandbox


@pytest.fixture
def keyed(keyed_sandbox: Sandbox, clock: FakeClock) -> Iterator[Salesforce]:
    keyed_sandbox.control.reset()
    keyed_sandbox.control.jobs_at_once()
    settings = {"instance_url": keyed_sandbox.url, "access_token": keyed_sandbox.access_token}
    with Salesforce.from_settings(settings, clock=clock) as sf:
        yield sf


def test_a_number_is_found_in_any_of_its_forms(keyed_sandbox: Sandbox, keyed: Salesforce) -> None:
    seed(keyed_sandbox, "Key__c", *({"Number__c": number} for number in (5, 0.5, -20)))
    keys = ["5.00", "0.50", "-2e1", "5.5", "five", "9" * 60]
    records = [{"Number__c": key, "Notes__c": key} for key in keys]
    outcomes = list(keyed.load("Key__c", Operation.UPDATE, records, external_id="Number__c"))
    missing = [(number, "failed", "NO_SUCH_RECORD") for number in (4, 5, 6)]
    assert told(outcomes) == [
        (1, "succeeded", ""),
        (2, "succeeded", ""),
        (3, "succeeded", ""),
        *missing,
    ]
    assert {note for (note,) in rows(keyed_sandbox, "SELECT Notes__c FROM Key__c")} == set(keys[:3])


def test_a_text_with_case_is_found_by_exactly_this_case(
    keyed_sandbox: Sandbox, keyed: Salesforce
) -> None:
    seed(keyed_sandbox, "Key__c", {"Cased__c": "ab"}, {"Cased__c": "AB"})
    records = [{"Cased__c": key, "Notes__c": key} for key in ("AB", "ab", "Ab")]
    outcomes = list(keyed.load("Key__c", Operation.UPDATE, records, external_id="Cased__c"))
    assert told(outcomes) == [
        (1, "succeeded", ""),
        (2, "succeeded", ""),
        (3, "failed", "NO_SUCH_RECORD"),
    ]
    assert set(rows(keyed_sandbox, "SELECT Cased__c, Notes__c FROM Key__c")) == {
        ("AB", "AB"),
        ("ab", "ab"),
    }
