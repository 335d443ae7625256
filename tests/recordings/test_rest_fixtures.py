"""Bodies of REST answers that test authors kept, made again: records, queries, errors, limits.

restforce's were typed or trimmed by hand: their key order is older than any version that answers,
so keys are compared as sets there unless a test says more.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.recordings.support import (
    JSON,
    RECORDINGS,
    Replay,
    assert_alike,
    document,
    needs_recordings,
    org_of,
)
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

pytestmark = needs_recordings

WHIZBANG = "rest/restforce_sobject_describe_success_response.json"


@pytest.fixture(scope="module")
def whizbang_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """An org of the object that restforce's fixtures are about, with the two lookups they show."""
    folder = tmp_path_factory.mktemp("describes")
    describe = document(WHIZBANG)
    describe["childRelationships"] = [
        {
            "childSObject": "Whizbang",
            "field": "ParentWhizbang__c",
            "relationshipName": "Whizbangs__r",
            "cascadeDelete": False,
            "deprecatedAndHidden": False,
        }
    ]
    key = {"name": "External_Field__c", "type": "string", "length": 18, "externalId": True}
    describe["fields"].append({**key, "idLookup": True})
    (folder / "Whizbang.json").write_text(json.dumps(describe))
    with org_of(folder) as org:
        yield org


@pytest.fixture
def whizbang(whizbang_org: Org) -> Iterator[Org]:
    yield whizbang_org
    whizbang_org.sandbox.control.reset()


def restforce(name: str) -> Any:
    text = (RECORDINGS / f"rest/restforce_{name}_response.json").read_text("utf-8")
    return json.loads(text) if text.strip() else None


def create(org: Org, **values: Any) -> str:
    return str(org.json("POST", "/sobjects/Whizbang", json=values)["id"])


def assert_same_keys(ours: Any, theirs: Any) -> None:
    """Check the keys and forms of an answer beside those of one whose order was not kept."""
    assert ours.keys() == theirs.keys()
    assert_alike({key: ours[key] for key in theirs}, theirs)


def named_as_described(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with the field names of its describe: answers have labels in their place."""
    return {name.replace("_Label", "_Field"): value for name, value in record.items()}


def test_a_created_record(whizbang: Org) -> None:
    answer = whizbang.call("POST", "/sobjects/Whizbang", json={"Name": "x"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, JSON)
    theirs = restforce("create_success")
    assert answer.json().keys() == theirs.keys()
    assert (answer.json()["success"], answer.json()["errors"]) == (True, theirs["errors"])


def test_a_refused_record(whizbang: Org) -> None:
    theirs = restforce("write_error")
    for method, path in [
        ("POST", "/sobjects/Whizbang"),
        ("PATCH", f"/sobjects/Whizbang/{create(whizbang)}"),
    ]:
        answer = whizbang.call(method, path, json={"foo": "x"})
        assert answer.status_code == 400
        named = [{**one, "message": one["message"].replace("Bar", "Whizbang")} for one in theirs]
        assert answer.json() == named
        assert list(answer.json()[0]) == list(theirs[0])


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("DELETE", "/sobjects/Whizbang/rid", "delete_error"),
        ("GET", "/sobjects/Whizbang/23foo", "sobject_find_error"),
        ("PATCH", "/sobjects/Whizbang/Namez/x", "upsert_error"),
        ("GET", "/sobjects/Nothing/describe", "sobject_describe_error"),
    ],
)
def test_what_is_not_found(whizbang: Org, method: str, path: str, name: str) -> None:
    answer = whizbang.call(method, path, json={"Name": "x"})
    assert answer.status_code == 404
    assert answer.json() == restforce(name)


def test_an_upsert(whizbang: Org) -> None:
    path = "/sobjects/Whizbang/External_Field__c/1234"
    answer = whizbang.call("PATCH", path, json={"Name": "x"})
    assert answer.status_code == 201
    # created came with 46.0.
    assert answer.json().keys() - restforce("upsert_created_success").keys() == {"created"}
    updated = Org(whizbang.sandbox, "45.0").call("PATCH", path, json={"Name": "y"})
    assert (updated.status_code, updated.text) == (204, "")
    assert restforce("upsert_updated_success") is None


def test_an_upsert_that_finds_several(whizbang: Org) -> None:
    whizbang.call("PATCH", "/sobjects/Whizbang/External_Field__c/1", json={"Name": "x"})
    create(whizbang, Name="y", External_Field__c="1")
    answer = whizbang.call("PATCH", "/sobjects/Whizbang/External_Field__c/1", json={"Name": "z"})
    theirs = restforce("upsert_multiple_error")
    assert answer.status_code == 300
    path = re.compile(r"/services/data/v\d\d\.0/sobjects/Whizbang/\w+")
    assert all(path.fullmatch(one) for one in [*answer.json(), *theirs])
    assert len(answer.json()) == len(theirs)


def test_a_record_and_some_of_its_fields(whizbang: Org) -> None:
    theirs = named_as_described(restforce("sobject_find_success"))
    settable = {
        one["name"]
        for one in whizbang.json("GET", "/sobjects/Whizbang/describe")["fields"]
        if one["createable"] and one["name"] != "OwnerId"
    }
    values = {name: value for name, value in theirs.items() if name in settable}
    record_id = create(whizbang, **values, External_Field__c="1234")
    ours = whizbang.json("GET", f"/sobjects/Whizbang/{record_id}")
    assert theirs.keys() <= ours.keys()
    assert {name: ours[name] for name in values} == values
    assert type(ours["Currency_Field"]) is type(theirs["Currency_Field"])
    theirs = restforce("sobject_select_success")
    ours = whizbang.json("GET", f"/sobjects/Whizbang/{record_id}?fields=External_Field__c")
    assert list(ours) == list(theirs)
    assert ours["External_Field__c"] == theirs["External_Field__c"]


def test_a_query_with_a_parent(whizbang: Org) -> None:
    (theirs,) = (named_as_described(one) for one in restforce("query_success")["records"])
    parent = create(whizbang, Name="Parent Whizbang", Text_Field="Hello")
    names = [
        *("Checkbox_Field", "Text_Field", "Date_Field", "DateTime_Field"),
        "Picklist_Multiselect_Field",
    ]
    values = {name: theirs[name] for name in names}
    child = create(whizbang, **values, ParentWhizbang__c=parent)
    create(whizbang, Name="Child Whizbang", ParentWhizbang__c=child)
    soql = f"SELECT {', '.join(names)}, ParentWhizbang__r.Name, ParentWhizbang__r.Text_Field, "
    soql += "(SELECT Name FROM Whizbangs__r) FROM Whizbang "
    soql += "WHERE ParentWhizbang__r.Name = 'Parent Whizbang'"
    answer = whizbang.json("GET", "/query", params={"q": soql})
    assert list(answer) == list(restforce("query_success"))
    (ours,) = answer["records"]
    assert list(ours) == list(theirs)
    assert_same_keys(ours["Whizbangs__r"], theirs["Whizbangs__r"])
    assert {name: ours[name] for name in names} == values
    their_parent = named_as_described(theirs["ParentWhizbang__r"])
    assert_same_keys(ours["ParentWhizbang__r"], their_parent)


def test_a_query_without_rows(whizbang: Org) -> None:
    answer = whizbang.json("GET", "/query?q=SELECT Id FROM Whizbang")
    assert list(answer.items()) == list(restforce("query_empty").items())


def test_pages_of_a_query(whizbang: Org) -> None:
    rows = "".join(f"{number}\n" for number in range(201))
    whizbang.load("Whizbang", "insert", f"Text_Field\n{rows}".encode())
    headers = {"Sforce-Query-Options": "batchSize=200"}
    query = {"q": "SELECT Text_Field FROM Whizbang"}
    first = whizbang.json("GET", "/query", params=query, headers=headers)
    last = whizbang.json("GET", first["nextRecordsUrl"], headers=headers)
    for ours, name in [(first, "first"), (last, "last")]:
        theirs = restforce(f"query_paginated_{name}_page")
        assert list(ours) == list(theirs)
        assert (ours["done"], ours["totalSize"]) == (theirs["done"], 201)
        assert list(ours["records"][0]) == list(named_as_described(theirs["records"][0]))
    assert re.fullmatch(r"/services/data/v\d\d\.0/query/01g\w*-200", first["nextRecordsUrl"])
    assert restforce("query_paginated_first_page")["nextRecordsUrl"].startswith(
        "/services/data/v26.0/query/01g"
    )


def test_a_refused_query(whizbang: Org) -> None:
    theirs = restforce("query_error")
    answer = whizbang.get("/query?q=SELECT Nothing FROM Whizbang")
    assert answer.status_code == 400
    assert [(list(one), one["errorCode"]) for one in answer.json()] == [
        (list(one), one["errorCode"]) for one in theirs
    ]


def test_an_aggregate_query(org: Org) -> None:
    theirs = restforce("query_aggregate_success")
    campaign = org.json("POST", "/sobjects/Campaign", json={"Name": "x"})["id"]
    for owner in (campaign, None):
        values = {"Name": "x", "StageName": "Prospecting", "CloseDate": "2026-11-02"}
        paid = {"Amount": 100, "CampaignId": owner}
        org.json("POST", "/sobjects/Opportunity", json=values | paid)
    soql = "SELECT CampaignId, SUM(Amount) FROM Opportunity GROUP BY CampaignId"
    ours = org.json("GET", "/query", params={"q": soql})
    assert list(ours) == list(theirs)
    assert ours["totalSize"] == len(ours["records"])
    # One of theirs is typed as a whole number; sums of currencies have a decimal point.
    for record in ours["records"]:
        assert_alike(record, theirs["records"][0])


def test_the_orgs_own_row(org: Org) -> None:
    theirs = restforce("org_query")
    ours = org.json("GET", "/query?q=SELECT Id FROM Organization")
    assert list(ours) == list(theirs)
    assert ours["totalSize"] == theirs["totalSize"]
    assert [list(one) for one in ours["records"]] == [list(one) for one in theirs["records"]]
    assert ours["records"][0]["attributes"]["type"] == "Organization"


def test_the_global_describe_of_an_old_version(org: Org) -> None:
    ours = Org(org.sandbox, "31.0").json("GET", "/sobjects")
    account = next(one for one in ours["sobjects"] if one["name"] == "Account")
    for name in ("describe_sobjects_success", "list_sobjects_success"):
        theirs = restforce(name)
        assert list(ours) == list(theirs)
        (their,) = theirs["sobjects"]
        shared = {key: account[key] for key in their if key != "urls"}
        assert shared == {key: their[key] for key in their if key != "urls"}
        assert their["urls"].keys() <= account["urls"].keys()


def test_the_list_of_versions(org: Org) -> None:
    ours = requests.get(f"{org.sandbox.url}/services/data", timeout=30).json()
    theirs = restforce("services_data_success")
    assert (len(ours), len(theirs)) == (38, 2)
    for one in [*ours, *theirs]:
        assert one.keys() == {"label", "url", "version"}
        assert one["url"] == f"/services/data/v{one['version']}"
        assert re.fullmatch(r"(Winter|Spring|Summer) '\d\d", one["label"])


def test_what_changed(org: Org) -> None:
    kept = org.json("POST", "/sobjects/Account", json={"Name": "x"})["id"]
    gone = org.json("POST", "/sobjects/Account", json={"Name": "y"})["id"]
    org.call("DELETE", f"/sobjects/Account/{gone}")
    now = org.sandbox.org.clock.now()
    end = now + timedelta(minutes=2)
    span = {"start": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    span["end"] = f"{end:%Y-%m-%dT%H:%M:%SZ}"
    updated = org.json("GET", "/sobjects/Account/updated/", params=span)
    theirs = restforce("get_updated_success")
    assert list(updated) == list(theirs)
    assert updated["ids"] == [kept]
    theirs["ids"] = theirs["ids"][:1]
    assert_alike(updated, theirs)
    deleted = org.json("GET", "/sobjects/Account/deleted/", params=span)
    assert_alike(deleted, restforce("get_deleted_success"))
    # Both cover whole minutes.
    assert updated["latestDateCovered"].endswith(":00.000+0000")
    assert theirs["latestDateCovered"].endswith(":00.000+0000")


def test_the_limits(sandbox: Sandbox) -> None:
    theirs = document("rest/clidx_limits_v50.json")
    ours = Org(sandbox, "50.0").json("GET", "/limits")
    assert list(ours) == list(theirs)
    for name, limit in theirs.items():
        assert list(ours[name])[:2] == list(limit)[:2] == ["Max", "Remaining"]
        # Which connected apps there are is the org's own affair, not that they are objects.
        nested = [type(one) for one in limit.values()]
        assert set(map(type, ours[name].values())) == set(nested), name


def test_the_organization(org: Org) -> None:
    theirs = document("rest/cumulusci_organization.json")
    ours = org.json("GET", f"/sobjects/Organization/{org.sandbox.org.id}")
    assert [name for name in theirs if name in ours] == list(ours)
    assert_alike(ours, {name: theirs[name] for name in ours})


def test_an_account_of_airbyte(tmp_path: Path) -> None:
    theirs = document("rest/airbyte_account_record_v57.json")
    with org_of(tmp_path, "describe/grouparoo_Account_v42.json") as org:
        replay = Replay(org, "57.0")
        record_id = replay.create(theirs)
        answer = Org(org.sandbox, "57.0").json("GET", f"/sobjects/Account/{record_id}")
    # The author left out keys that were null, and the org had other fields of its own.
    shared = [name for name in theirs if name in answer]
    assert [name for name in answer if name in theirs] == shared
    assert_alike({name: answer[name] for name in shared}, {name: theirs[name] for name in shared})
    given = {"Name", "BillingStreet", "BillingAddress", "Phone", "NumberOfEmployees", "Industry"}
    assert {name: answer[name] for name in given} == {name: theirs[name] for name in given}


def test_records_of_67(org: Org) -> None:
    theirs = document("rest/apex_json_records_v67.json")
    newer = Org(org.sandbox, "67.0")
    replay = Replay(newer, "67.0")
    for kind, name in [("opportunities", "Opportunity"), ("contacts", "Contact")]:
        for record in theirs[kind]:
            if name == "Contact":
                record["LastName"] = record["Name"].split()[1]
            replay.create(record)
            record.pop("LastName", None)
        fields = ", ".join(one for one in theirs[kind][0] if one != "attributes")
        soql = f"SELECT {fields} FROM {name} ORDER BY Id"  # noqa: S608 - SOQL of recorded names
        ours = newer.json("GET", "/query", params={"q": soql})["records"]
        assert_alike(ours, theirs[kind])
    for record in theirs["cases"]:
        replay.create(record)
    soql = "SELECT Id, CaseNumber, Subject, Status, Priority FROM Case ORDER BY Id"
    ours = newer.json("GET", "/query", params={"q": soql})["records"]
    assert_alike(ours, theirs["cases"])
