"""`sfbulk check` says who is signed in, what is left and which rights are missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.cli.support import Command, rest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

API = "/services/data/v68.0"


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {f"{one['on']} {one['right']}": one["status"] for one in document["rights"]}


def refuse(sandbox: Sandbox, path: str, code: str = "INSUFFICIENT_ACCESS", **more: Any) -> None:
    body = [{"errorCode": code, "message": "insufficient access rights"}]
    sandbox.control.add_fault(kind="answer", path=path, status=403, body=body, times=None, **more)


def test_it_says_which_user_and_org_it_is(command: Command) -> None:
    found = command.json("check")
    (user,) = rest(command.sandbox, "SELECT Id, Username, Profile.Name FROM User")
    (org,) = rest(command.sandbox, "SELECT Id, Name, OrganizationType, IsSandbox FROM Organization")
    assert found["user"]["id"] == user["Id"]
    assert found["user"]["username"] == user["Username"]
    assert found["user"]["profile"] == user["Profile"]["Name"]
    assert found["organization"]["id"] == org["Id"]
    assert found["organization"]["name"] == org["Name"]
    assert found["organization"]["edition"] == org["OrganizationType"]
    assert found["organization"]["is_sandbox"] is org["IsSandbox"]
    assert found["api_version"] == {
        "version": "68.0",
        "supported": True,
        "oldest": "31.0",
        "newest": "68.0",
    }
    assert found["missing"] == []


def test_it_says_what_is_left_of_the_limits(command: Command) -> None:
    command.sandbox.control.use_up("DailyBulkApiBatches", 17)
    found = command.json("check")["limits"]
    assert found["DailyBulkApiBatches"] == {"used": 14983, "maximum": 15000, "remaining": 17}
    assert "DailyBulkApiBatches\t17\t15000" in command.lines("check")


def test_rights_on_objects_and_fields_are_those_of_their_describes(command: Command) -> None:
    found = statuses(command.json("check", "account", "Account.Name", "AccountHistory"))
    assert found == {
        "user API Enabled": "granted",
        "user Bulk API Hard Delete": "granted",
        "Account read": "granted",
        "Account create": "granted",
        "Account update": "granted",
        "Account delete": "granted",
        "Account.Name read": "granted",
        "Account.Name create": "granted",
        "Account.Name update": "granted",
        "AccountHistory read": "granted",
        "AccountHistory create": "missing",
        "AccountHistory update": "missing",
        "AccountHistory delete": "missing",
    }


@pytest.mark.parametrize(
    ("operation", "missing"),
    [
        ("query", []),
        ("insert", ["create"]),
        ("update", ["update"]),
        ("upsert", ["create", "update"]),
        ("delete", ["delete"]),
        ("hardDelete", ["delete"]),
    ],
)
def test_a_right_that_an_operation_needs_is_an_error(
    command: Command, operation: str, missing: list[str]
) -> None:
    ended = command.run("check", "AccountHistory", "--operation", operation)
    assert ended.code == bool(missing)
    assert ended.reason == " ".join(f"{one} on AccountHistory is missing." for one in missing)


def test_a_hidden_field_and_a_hidden_object_name_the_page_of_setup(command: Command) -> None:
    ended = command.run("check", "Account.Secret__c", "Hidden__c", "--json")
    assert ended.code == 1
    assert ended.reason == "read on Account.Secret__c is missing. read on Hidden__c is missing."
    rights = {one["on"]: one for one in json.loads(b"\n".join(ended.messages))["rights"]}
    setup = f"{command.sandbox.url}/lightning/setup"
    assert rights["Account.Secret__c"]["page"] == (
        f"{setup}/ObjectManager/Account/FieldsAndRelationships/view"
    )
    assert "field-level security" in rights["Account.Secret__c"]["fix"]
    assert rights["Hidden__c"]["page"] == f"{setup}/PermSets/home"


def test_what_salesforce_refuses_is_unknown_and_no_error(command: Command) -> None:
    control = command.sandbox.control
    refuse(command.sandbox, "*/query*")
    refuse(command.sandbox, "*/limits")
    refuse(command.sandbox, "*/composite/batch")
    refuse(command.sandbox, "*/describe")
    found = command.json("check", "Account")
    assert found["user"]["id"]
    assert found["user"]["username"] is None
    assert found["organization"]["name"] is None
    assert found["limits"] is None
    assert statuses(found)["user Bulk API Hard Delete"] == "unknown"
    assert statuses(found)["Account read"] == "unknown"
    lines = command.lines("check")
    assert "Sandbox\tunknown" in lines
    assert "DailyApiRequests\tunknown\tunknown" in lines
    assert control.requests_like(status=403)


def test_a_user_without_api_is_told_so(command: Command) -> None:
    refuse(command.sandbox, f"{API}*", "API_DISABLED_FOR_ORG")
    ended = command.run("check", "--json")
    assert ended.code == 1
    assert ended.reason == "API Enabled on user is missing."
    found = json.loads(b"\n".join(ended.messages))
    assert statuses(found)["user API Enabled"] == "missing"
    assert found["user"] is None


def test_a_retired_version_is_an_error_that_names_the_newest(command: Command) -> None:
    body = [{"version": f"{number}.0", "label": "", "url": ""} for number in (60, 68, 69)]
    for _ in range(2):
        command.sandbox.control.add_fault(
            kind="answer", path="/services/data", status=200, body=body
        )
    command.settings = {"api_version": "59.0"}
    assert command.run("check").reason == "API version 59.0 is retired: set api_version to 69.0."
    command.settings = {"api_version": "61.0"}
    assert "has no API version 61.0 yet" in command.run("check").reason


def test_a_wrong_secret_is_one_line_without_the_secret(command: Command) -> None:
    command.settings = {"client_secret": "not-the-secret"}
    ended = command.run("check")
    assert ended.code == 1
    assert "invalid_client" in ended.reason
    assert "not-the-secret" not in ended.log
    assert "Traceback" not in ended.log


def test_a_terminal_shows_tables(command: Command) -> None:
    with command.on_terminal("check", "AccountHistory") as terminal:
        text = terminal.text()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    assert ["DailyBulkApiBatches", "15,000", "15,000"] in rows
    assert ["AccountHistory", "read", "granted", "", ""] in rows


@pytest.mark.parametrize("name", ["", "A B", "Account.Owner.Name", "Account."])
def test_a_name_of_another_form_is_an_error_before_any_request(command: Command, name: str) -> None:
    ended = command.run("check", name)
    assert (ended.code, ended.sent) == (1, 0)
    assert "must be an object, such as Account, or a field of one" in ended.reason


@pytest.fixture(scope="module")
def permissions_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """An org that has the object with the permissions of the current user."""
    folder = tmp_path_factory.mktemp("describes")
    name = "UserPermissionAccess"
    fields = [
        {"name": "Id", "type": "id", "nillable": False},
        {"name": "PermissionsBulkApiHardDelete", "type": "boolean", "nillable": False},
    ]
    describe = {"name": name, "keyPrefix": "0UP", "queryable": True, "fields": fields}
    (folder / f"{name}.json").write_text(json.dumps(describe), "utf-8")
    with Sandbox(describe=folder, sample=False) as sandbox:
        yield sandbox


@pytest.mark.parametrize(("value", "status"), [("true", "granted"), ("false", "missing")])
def test_a_permission_is_that_of_profile_and_permission_sets_together(
    permissions_org: Sandbox, tmp_path: Path, value: str, status: str
) -> None:
    permissions_org.control.reset()
    permissions_org.control.seed(
        {"UserPermissionAccess": [{"PermissionsBulkApiHardDelete": value}]}
    )
    command = Command(permissions_org, tmp_path)
    ended = command.run("check", "--operation", "hardDelete", "--json")
    found = json.loads(b"\n".join(ended.messages))
    assert statuses(found)["user Bulk API Hard Delete"] == status
    assert ended.code == (status == "missing")
