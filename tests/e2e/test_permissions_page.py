"""docs/permissions.md: a missing right shows as the page says, in an org that answers like one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sfbulk_sandbox import Sandbox
from tests.cli.support import Command
from tests.e2e.commands import ROOT, sign_in
from tests.faults.commands import forked
from tests.target.support import Org, record, schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.commands import Ended

API = "/services/data/v68.0"
PAGE = (ROOT / "docs" / "permissions.md").read_text("utf-8")
TABLE = PAGE.partition("## How it shows")[2]
ACCOUNT = (
    schema("Account", "Name", "Ext_Id__c", "Rating"),
    record("Account", Name="Acme", Ext_Id__c="A-1", Rating="Hot"),
)


def told(missing: str, command: str) -> list[str]:
    """What the page says of the log, for a right and a command."""
    found = re.search(rf"^\| {re.escape(missing)} \| {command} \| (.*) \|$", TABLE, re.MULTILINE)
    assert found, missing
    texts = re.findall(r"`([^`]+)`", found[1])
    assert texts, missing
    return texts


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def org(server: Sandbox, tmp_path: Path) -> Iterator[Org]:
    server.control.reset()
    yield Org(server, tmp_path)
    server.control.set_behaviour(hard_delete="permitted")


def read(org: Org, *objects: str, catalog: Any = None, **settings: Any) -> Ended:
    config = {**sign_in(org.sandbox), **settings}
    if objects:
        config["streams_to_discover"] = list(objects)
    files = {"config": config} | ({"catalog": catalog} if catalog else {})
    return forked("tap-sfbulk").run(org.folder, files)


def get(org: Org, path: str) -> Any:
    headers = {"Authorization": f"Bearer {org.sandbox.access_token}"}
    return requests.get(org.sandbox.url + API + path, headers=headers, timeout=30).json()


def answer(org: Org, path: str, body: Any, status: int = 200) -> None:
    org.sandbox.control.add_fault(
        kind="answer", path=f"{API}{path}", status=status, body=body, times=None
    )


def refuse(org: Org, path: str, code: str, text: str, status: int = 403) -> None:
    answer(org, path, [{"errorCode": code, "message": text}], status)


def describe_account(org: Org, *, without: str = "", read_only: str = "", right: str = "") -> None:
    """Describe Account as for a user without a field, without writing it, or without a right."""
    body = get(org, "/sobjects/Account/describe")
    body |= {right: False} if right else {}
    fields = [field for field in body["fields"] if field["name"] != without]
    for field in fields:
        if field["name"] == read_only:
            field |= {"createable": False, "updateable": False}
    answer(org, "/sobjects/Account/describe", body | {"fields": fields})


def hide(org: Org, *names: str) -> None:
    """List no object, or all but these."""
    body = get(org, "/sobjects")
    kept = [one for one in body["sobjects"] if names and one["name"] not in names]
    answer(org, "/sobjects", body | {"sobjects": kept})


def test_the_commands_of_the_page_run(org: Org) -> None:
    lines = re.findall(r"^sfbulk (check .*)$", PAGE, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        assert "user\tAPI Enabled\tgranted" in "\n".join(
            Command(org.sandbox, org.folder).lines(*line.split())
        )
    ended = read(org, "Account")
    assert ended.code == 0
    (words,) = re.findall(r"`tap-sfbulk --config config\.json (.*?)`", PAGE)
    config = ["--config", str(org.folder / "config.json")]
    tested = forked("tap-sfbulk").run_line(org.folder, [*config, words])
    assert sum(b'"RECORD"' in message for message in tested.messages) == 1


def test_api_enabled(org: Org) -> None:
    text = "API is not enabled for this Organization or Partner"
    refuse(org, "*", "API_DISABLED_FOR_ORG", text)
    for log in (read(org, "Account").log, org.load(*ACCOUNT, external_id="Ext_Id__c").log):
        assert all(text in log for text in told("API Enabled", "any"))


def test_read_on_objects(org: Org) -> None:
    hide(org, "Account")
    assert all(text in read(org, "Account").reason for text in told("Read on an object", "tap"))
    run = org.load(*ACCOUNT, external_id="Ext_Id__c")
    assert all(text in run.reason for text in told("Read on an object", "target"))
    org.sandbox.control.reset()
    hide(org)
    assert all(text in read(org).reason for text in told("Read on all objects", "tap"))


def test_view_all_data_for_tasks(org: Org) -> None:
    refuse(org, "/queryAll", "OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's", 400)
    (text,) = told("View All Data, for tasks and events", "tap")
    assert text in read(org, "Task", api_type="REST").reason


def test_read_access_to_a_field(org: Org) -> None:
    found = read(org, "Account", api_type="REST")
    assert b'"Rating"' in found.messages[0]
    line = ["--config", str(org.folder / "config.json"), "--discover"]
    catalog = json.loads(b"".join(forked("tap-sfbulk").run_line(org.folder, line).messages))
    describe_account(org, without="Rating")
    assert b'"Rating"' not in read(org, "Account").messages[0]
    ended = read(org, "Account", catalog=catalog)
    assert all(text in ended.reason for text in told("Read Access to a field", "tap"))
    run = org.load(*ACCOUNT, external_id="Ext_Id__c")
    assert all(text in run.reason for text in told("Read Access to a field", "target"))


def test_edit_access_to_a_field(org: Org) -> None:
    describe_account(org, read_only="Rating")
    run = org.load(*ACCOUNT, external_id="Ext_Id__c")
    assert all(text in run.reason for text in told("Edit Access to a field", "target"))


@pytest.mark.parametrize(
    ("right", "settings"),
    [
        ("createable", {"operation": "insert"}),
        ("updateable", {"operation": "update", "external_id": "Ext_Id__c"}),
        ("deletable", {"operation": "delete", "external_id": "Ext_Id__c"}),
    ],
)
def test_create_edit_and_delete_on_an_object(
    org: Org, right: str, settings: dict[str, str]
) -> None:
    describe_account(org, right=right)
    text, *others = told("Create, Edit or Delete on an object", "target")
    assert right in ("createable", *others)
    run = org.load(*ACCOUNT, **settings)
    assert text.replace("createable", right) in run.reason
    assert org.jobs_created() == 0


def test_bulk_api_hard_delete(org: Org) -> None:
    org.sandbox.control.set_behaviour(hard_delete="refused")
    account = org.create("Account", Name="Acme")
    run = org.load(schema("Account", "Id"), record("Account", Id=account), operation="hardDelete")
    assert all(text in run.reason for text in told("Bulk API Hard Delete", "target"))


def test_set_audit_fields(org: Org) -> None:
    run = org.load(
        schema("Account", "Name", "CreatedDate"),
        record("Account", Name="Acme", CreatedDate="2020-01-01T00:00:00Z"),
        operation="insert",
    )
    assert all(text in run.reason for text in told("Set Audit Fields", "target"))


def test_inactive_owners(org: Org) -> None:
    (user,) = org.query("SELECT Id FROM User WHERE IsActive = false LIMIT 1")
    run = org.load(
        schema("Account", "Name", "OwnerId"),
        record("Account", Name="Acme", OwnerId=user["Id"]),
        operation="insert",
    )
    codes = [reject["code"] for reject in run.rejects("Account")]
    assert codes == told("Update Records with Inactive Owners", "target")


def test_rows_of_other_owners(org: Org) -> None:
    code, _ = told("Modify All Records", "target")
    org.sandbox.control.add_fault(kind="row_error", object="Account", code=code, message="no")
    run = org.load(*ACCOUNT, external_id="Ext_Id__c")
    assert [reject["code"] for reject in run.rejects("Account")] == [code]


def test_view_setup_and_configuration(org: Org) -> None:
    refuse(org, "/limits", "FORBIDDEN", "You do not have the permission")
    (text,) = told("View Setup and Configuration", "both")
    ended = read(org, "Account", quota_percent_total=80, api_type="BULK2")
    run = org.load(*ACCOUNT, external_id="Ext_Id__c", quota_percent_total=80)
    assert (ended.code, run.code) == (0, 0)
    assert text in ended.log
    assert text in run.log
