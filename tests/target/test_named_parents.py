"""Record types by developer name, owners by alias: values that Salesforce does not look up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from sfbulk_sandbox.schema.schema import Schema
from tests.target.support import Org, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM = {"sobject": "Account", "lookups": {"kind": "RecordType.DeveloperName"}}


def described() -> dict[str, dict[str, Any]]:
    """The standard objects; Account has record types."""
    schema = Schema.standard()
    found = {}
    for name in ("Account", "RecordType", "User", "Profile", "Group"):
        sobject = schema.sobject(name)
        assert sobject is not None
        found[name] = dict(sobject.describe(68.0))
    fields = found["Account"]["fields"]
    owner = next(field for field in fields if field["name"] == "OwnerId")
    kind = {"name": "RecordTypeId", "relationshipName": "RecordType", "referenceTo": ["RecordType"]}
    found["Account"]["fields"] = [*fields, {**owner, **kind, "nillable": True}]
    return found


@pytest.fixture(scope="module")
def with_record_types(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("describes")
    for name, document in described().items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    with Sandbox(describe=folder) as sandbox:
        yield sandbox


@pytest.fixture
def org(with_record_types: Sandbox, tmp_path: Path) -> Org:
    with_record_types.control.reset()
    return Org(with_record_types, tmp_path)


def record_type(org: Org, name: str, **fields: Any) -> str:
    given = {"Name": name, "DeveloperName": name, "SobjectType": "Account", "IsActive": True}
    return org.create("RecordType", **{**given, **fields})


def test_a_record_type_is_named_by_its_developer_name(org: Org) -> None:
    partner, customer = record_type(org, "Partner"), record_type(org, "Customer")
    record_type(org, "Old", IsActive=False)
    record_type(org, "Deal", SobjectType="Opportunity")
    org.sandbox.control.forget_requests()
    kinds = ["Partner", "customer", None, "Old", "Deal", "Partner"]
    run = org.load(
        schema("accounts", "Name", "kind"),
        *(record("accounts", Name=str(at), kind=kind) for at, kind in enumerate(kinds)),
        state(n=6),
        operation="insert",
        streams={"accounts": STREAM},
        max_rejects=2,
    )
    assert (run.code, run.states) == (0, [{"n": 6}]), run.log
    assert org.query("SELECT Name, RecordTypeId FROM Account ORDER BY Name") == [
        {"Name": "0", "RecordTypeId": partner},
        {"Name": "1", "RecordTypeId": customer},
        {"Name": "2", "RecordTypeId": None},
        {"Name": "5", "RecordTypeId": partner},
    ]
    rejects = run.rejects("accounts")
    assert [reject["record"]["kind"] for reject in rejects] == ["Old", "Deal"]
    assert rejects[0]["fields"] == ["RecordTypeId"]
    assert "no active RecordType of `Account` has this DeveloperName" in rejects[0]["message"]
    queries = [call for call in org.sandbox.requests if call.path.endswith("/query")]
    # The other one is the question of this test.
    assert len(queries) == 2


def test_a_constant_can_name_a_record_type(org: Org) -> None:
    partner = record_type(org, "Partner")
    run = org.load(
        schema("Account", "Name"),
        record("Account", Name="A"),
        operation="insert",
        streams={"Account": {"constants": {"RecordType.DeveloperName": "Partner"}}},
    )
    assert run.code == 0, run.log
    assert org.query("SELECT RecordTypeId FROM Account") == [{"RecordTypeId": partner}]


def test_a_constant_that_names_no_record_type_is_a_problem_before_the_first_job(org: Org) -> None:
    run = org.load(
        schema("Account", "Name"),
        record("Account", Name="A"),
        operation="insert",
        streams={"Account": {"constants": {"RecordType.DeveloperName": "Partner"}}},
    )
    assert run.code == 1
    assert "no active RecordType of `Account` has this DeveloperName" in run.reason
    assert org.jobs_created() == 0


def test_an_owner_is_named_by_any_field_of_a_user(org: Org) -> None:
    (admin,) = org.query("SELECT Id, Alias, Username FROM User")
    run = org.load(
        schema("one", "Name", "owner"),
        record("one", Name="1", owner=admin["Alias"]),
        record("one", Name="2", owner="nobody"),
        schema("two", "Name", "owner"),
        record("two", Name="3", owner=admin["Username"]),
        operation="insert",
        streams={
            "one": {"sobject": "Account", "lookups": {"owner": "Owner.Alias"}},
            "two": {"sobject": "Account", "lookups": {"owner": "Owner.Username"}},
        },
        max_rejects=1,
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Name, OwnerId FROM Account ORDER BY Name") == [
        {"Name": "1", "OwnerId": admin["Id"]},
        {"Name": "3", "OwnerId": admin["Id"]},
    ]
    (reject,) = run.rejects("one")
    assert reject["fields"] == ["OwnerId"]


def test_a_value_of_several_records_is_a_reject(org: Org) -> None:
    record_type(org, "Twin")
    record_type(org, "Twin")
    run = org.load(
        schema("accounts", "Name", "kind"),
        record("accounts", Name="A", kind="Twin"),
        operation="insert",
        streams={"accounts": STREAM},
    )
    assert run.code == 1
    (reject,) = run.rejects("accounts")
    assert "several active RecordType records of `Account`" in reject["message"]


def test_record_types_that_cannot_be_read_end_the_run_before_the_first_job(org: Org) -> None:
    body = [{"errorCode": "INVALID_FIELD", "message": "no luck"}]
    org.sandbox.control.add_fault(
        kind="answer", method="GET", path="*/query", status=400, body=body
    )
    run = org.load(
        schema("accounts", "Name", "kind"),
        record("accounts", Name="A", kind="Partner"),
        operation="insert",
        streams={"accounts": STREAM},
    )
    assert run.code == 1
    assert "no luck" in run.reason
    assert "Query RecordType by REST" in run.reason
    assert org.jobs_created() == 0
