"""One org mirrored into another by both commands: the second one has the rows of the first."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sfbulk_sandbox import Sandbox
from sfbulk_sandbox.clock import Clock
from tests.faults.commands import forked
from tests.target.support import as_lines, record, schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from tests.faults.commands import Ended

COMPARED = {
    "Account": ("Name", "Industry", "AnnualRevenue", "BillingCity", "Parent.Name"),
    "Contact": ("LastName", "Email", "Birthdate", "Account.Name"),
}
LOOKUPS = {
    "Account": {"ParentId": "Parent.Ext_Id__c"},
    "Contact": {"AccountId": "Account.Ext_Id__c"},
}
# The ids of the first org are the keys of the second one, which has other users.
FIELDS = {"Id": "Ext_Id__c", "Ext_Id__c": None, "OwnerId": None, "ReportsToId": None}


class MovingClock(Clock):
    """The clock of the first org, which a run finds some minutes after the last change."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


CLOCK = MovingClock()


@pytest.fixture(scope="module")
def sample_sandbox() -> Iterator[Sandbox]:
    with Sandbox(clock=CLOCK) as sandbox:
        yield sandbox


@pytest.fixture
def first(sample_sandbox: Sandbox) -> Sandbox:
    sample_sandbox.control.reset()
    return sample_sandbox


@pytest.fixture
def second(empty_sandbox: Sandbox) -> Iterator[Sandbox]:
    empty_sandbox.control.reset()
    yield empty_sandbox
    empty_sandbox.control.reset()


def call(org: Sandbox, method: str, path: str, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {org.access_token}"}
    url = f"{org.url}/services/data/v68.0{path}"
    answer = requests.request(method, url, headers=headers, timeout=30, **options)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def rows(org: Sandbox, sobject: str, key: str) -> dict[str, list[Any]]:
    """The compared values by the key; Salesforce stores CR as LF when a file is loaded."""
    soql = f"SELECT {key}, {', '.join(COMPARED[sobject])} FROM {sobject}"  # noqa: S608 - names of the test
    found = call(org, "GET", "/query", params={"q": soql})["records"]
    text = json.dumps(found).replace(r"\r\n", r"\n").replace(r"\r", r"\n")
    return {row[key]: [_value(row, name) for name in COMPARED[sobject]] for row in json.loads(text)}


def _value(row: dict[str, Any], name: str) -> Any:
    parent, _, field = name.rpartition(".")
    return (row[parent] or {}).get(field) if parent else row[field]


class Pair:
    """Both orgs, and a run of both commands."""

    def __init__(self, first: Sandbox, second: Sandbox, folder: Path, api: str) -> None:
        self.first, self.second, self.folder = first, second, folder
        # The contacts of the sample have cases, with which they cannot be deleted.
        self.gone = [
            call(first, "POST", "/sobjects/Contact", json={"LastName": name})["id"]
            for name in ("Deleted", "Deleted for ever")
        ]
        self.tap: dict[str, Any] = {
            "instance_url": first.url,
            "access_token": first.access_token,
            "streams_to_discover": list(COMPARED),
            "emit_activate_version_messages": True,
            "ids_dir": str(folder / "ids"),
        }
        self.target: dict[str, Any] = {
            "instance_url": second.url,
            "access_token": second.access_token,
            "output_dir": str(folder / "output"),
            "operation": "mirror",
            "external_id": "Ext_Id__c",
            "unknown_fields": "drop",
            "api_type": api,
            "streams": {
                name: {"fields": FIELDS, "lookups": lookups} for name, lookups in LOOKUPS.items()
            },
        }
        self.files: dict[str, Any] = {}

    def read_whole_tables(self) -> None:
        """From now on, only ACTIVATE_VERSION says what the first org no longer has."""
        self.tap["include_deleted"] = False
        found = self._run("tap-sfbulk", ["--discover"], {"config": self.tap})
        catalog = json.loads(b"\n".join(found.messages))
        for entry in catalog["streams"]:
            entry["replication_method"] = "FULL_TABLE"
        self.files = {"catalog": catalog}

    def sync(self) -> Ended:
        CLOCK.ahead += timedelta(minutes=5)
        read = self._run("tap-sfbulk", [], {"config": self.tap, **self.files})
        assert read.code == 0, read.log
        lines = b"\n".join(read.messages)
        loaded = self._run("target-sfbulk", [], {"config": self.target}, lines)
        assert loaded.code == 0, loaded.log
        if "catalog" not in self.files:
            self.files = {"state": json.loads(loaded.messages[-1])}
        for sobject in COMPARED:
            assert rows(self.second, sobject, "Ext_Id__c") == rows(self.first, sobject, "Id")
        return loaded

    def _run(self, name: str, words: list[str], files: dict[str, Any], stdin: bytes = b"") -> Ended:
        for option, document in files.items():
            path = self.folder / f"{name}.{option}.json"
            path.write_text(json.dumps(document), "utf-8")
            words += [f"--{option}", str(path)]
        return forked(name).run_line(self.folder, words, stdin=stdin, hurried=True)

    def change(self) -> None:
        """Change records of the first org, and delete some, one of them for ever."""
        contacts = sorted(rows(self.first, "Contact", "Id"))
        parent = next(key for key, row in rows(self.first, "Account", "Id").items() if row[4])
        call(self.first, "PATCH", f"/sobjects/Account/{parent}", json={"ParentId": None})
        call(self.first, "PATCH", f"/sobjects/Contact/{contacts[0]}", json={"Email": None})
        call(self.first, "DELETE", f"/sobjects/Contact/{self.gone[0]}")
        call(self.first, "POST", "/sobjects/Contact", json={"LastName": "New"})
        hard = {**self.target, "instance_url": self.first.url, "operation": "hardDelete"}
        hard |= {"access_token": self.first.access_token, "external_id": None, "streams": {}}
        lines = as_lines([schema("Contact", "Id"), record("Contact", Id=self.gone[1])])
        gone = self._run("target-sfbulk", [], {"config": hard}, lines)
        assert gone.code == 0, gone.log
        assert len(rows(self.first, "Contact", "Id")) == len(contacts) - 1


@pytest.mark.parametrize("api", ["BULK2", "BULK"])
def test_whole_tables_of_one_org_make_another_org_equal_to_it(
    first: Sandbox, second: Sandbox, tmp_path: Path, api: str
) -> None:
    pair = Pair(first, second, tmp_path, api)
    pair.read_whole_tables()
    pair.sync()
    pair.change()
    again = pair.sync()
    assert "2 deleted (2 that the source no longer has)" in again.log
    kept = pair.sync()
    assert "0 deleted (0 that the source no longer has)" in kept.log


def test_changed_and_deleted_rows_of_one_org_make_another_org_equal_to_it(
    first: Sandbox, second: Sandbox, tmp_path: Path
) -> None:
    pair = Pair(first, second, tmp_path, "BULK2")
    pair.tap["stream_options"] = {"*": {"hard_deletes": "sweep"}}
    pair.sync()
    pair.change()
    again = pair.sync()
    assert "2 deleted (0 that the source no longer has)" in again.log
    pair.sync()
