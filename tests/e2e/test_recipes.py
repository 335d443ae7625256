"""The recipes of docs/recipes.md, run with their settings as they stand."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.e2e.commands import BIN, ROOT
from tests.target.support import Org, edit, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

CUSTOMERS = "public-dim_customers"
PEOPLE = "public-dim_people"
CALLS = "public-fct_calls"


def blocks(title: str, language: str) -> list[str]:
    """The blocks of the recipe with this title that are in this language."""
    text = (ROOT / "docs" / "recipes.md").read_text("utf-8")
    _, found, after = text.partition(f"\n## {title}\n")
    assert found, title
    of_recipe = after.partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", of_recipe, re.DOTALL | re.MULTILINE)


def recipe(title: str, at: int = 0) -> dict[str, Any]:
    """The settings of the recipe with this title: its first block, or a later one."""
    settings: dict[str, Any] = yaml.safe_load(blocks(title, "yaml")[at])
    return settings


@pytest.fixture
def org(empty_sandbox: Sandbox, tmp_path: Path) -> Org:
    empty_sandbox.control.reset()
    return Org(empty_sandbox, tmp_path)


def customers(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    columns = ("customer_key", "customer_name", "employees", "phone", "loaded_at")
    return [
        schema(CUSTOMERS, *columns, key="customer_key"),
        *(record(CUSTOMERS, **{**dict.fromkeys(columns), **row}) for row in rows),
        state(done=True),
    ]


def test_a_warehouse_table_to_accounts_by_external_id(org: Org) -> None:
    org.create("Account", Name="Old", Ext_Id__c="A-1", Phone="1", NumberOfEmployees=3)
    rows = customers(
        {"customer_key": "A-1", "customer_name": "Acme", "loaded_at": "2026-03-04T05:06:07Z"},
        {"customer_key": "A-2", "customer_name": "Beta", "employees": 7, "phone": "2"},
    )
    for _ in range(2):
        run = org.load(*rows, **recipe("A warehouse table to Accounts by external id"))
        assert run.code == 0, run.log
        assert run.states == [{"done": True}]
    fields = "Ext_Id__c, Name, Phone, NumberOfEmployees, Industry"
    assert org.query(f"SELECT {fields} FROM Account ORDER BY Ext_Id__c") == [  # noqa: S608 - our own names
        {
            "Ext_Id__c": "A-1",
            "Name": "Acme",
            "Phone": "1",
            "NumberOfEmployees": None,
            "Industry": "Energy",
        },
        {
            "Ext_Id__c": "A-2",
            "Name": "Beta",
            "Phone": "2",
            "NumberOfEmployees": 7,
            "Industry": "Energy",
        },
    ]


def test_parent_and_child(org: Org) -> None:
    run = org.load(
        schema(CALLS, "call_id", "subject", "person_key"),
        record(CALLS, call_id=1, subject="Hello", person_key="C-2"),
        schema(PEOPLE, "person_key", "last_name", "customer_key", "manager_key"),
        record(PEOPLE, person_key="C-2", last_name="Sol", customer_key="A-1", manager_key="C-1"),
        record(PEOPLE, person_key="C-1", last_name="Lin", customer_key="A-1", manager_key=None),
        schema(CUSTOMERS, "customer_key", "customer_name"),
        record(CUSTOMERS, customer_key="A-1", customer_name="Acme"),
        **recipe("Parent and child"),
    )
    assert run.code == 0, run.log
    (call,) = org.query("SELECT Subject, Status, WhoId FROM Task")
    (boss,) = org.query("SELECT Id, AccountId, ReportsToId FROM Contact WHERE Ext_Id__c = 'C-1'")
    (other,) = org.query("SELECT Id, AccountId, ReportsToId FROM Contact WHERE Ext_Id__c = 'C-2'")
    (account,) = org.query("SELECT Id FROM Account")
    assert call == {"Subject": "Hello", "Status": "Completed", "WhoId": other["Id"]}
    assert (boss["AccountId"], boss["ReportsToId"]) == (account["Id"], None)
    assert (other["AccountId"], other["ReportsToId"]) == (account["Id"], boss["Id"])


def test_update_only(org: Org) -> None:
    for at in range(20):
        org.create("Contact", LastName=f"Person {at}", Ext_Id__c=f"C-{at}")
    stream = "public-contact_scores"

    def scores(*keys: str) -> list[dict[str, Any]]:
        rows = ({"person_key": key, "score_text": "high", "scored_at": "now"} for key in keys)
        described = schema(stream, "person_key", "score_text", "scored_at")
        return [described, *(record(stream, **row) for row in rows)]

    known = [f"C-{at}" for at in range(20)]
    run = org.load(*scores(*known, "C-20"), **recipe("Update only"))
    assert run.code == 0, run.log
    assert [reject["code"] for reject in run.rejects(stream)] == ["NO_SUCH_RECORD"]
    assert len(org.query("SELECT Id FROM Contact WHERE LastName LIKE 'Person%'")) == 20
    assert len(org.query("SELECT Id FROM Contact")) == 20
    run = org.load(*scores(*known[:10], "C-20"), **recipe("Update only"))
    assert run.code == 1
    assert "1 of 11 rows were rejected" in run.reason


def test_deletes(org: Org) -> None:
    for key in ("C-1", "C-2"):
        org.create("Contact", LastName="Old", Ext_Id__c=key)
    run = org.load(
        schema("people", "person_key", "last_name"),
        schema("obsolete_people", "person_key", "deleted_at"),
        record("people", person_key="C-3", last_name="Brief"),
        *(
            record("obsolete_people", person_key=key, deleted_at="now")
            for key in ("C-1", "C-2", "C-3", "C-4")
        ),
        record("people", person_key="C-2", last_name="Back"),
        **recipe("Deletes"),
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Ext_Id__c, LastName FROM Contact") == [
        {"Ext_Id__c": "C-2", "LastName": "Back"}
    ]
    (reject,) = run.rejects("obsolete_people")
    assert reject["record"]["person_key"] == "C-4"
    assert reject["code"] == "NO_SUCH_RECORD"


def test_mirror(org: Org) -> None:
    for name, industry in (
        ("A-1", "Energy"),
        ("A-2", "Energy"),
        ("A-3", "Energy"),
        ("B", "Banking"),
    ):
        org.create("Account", Name=name, Ext_Id__c=name, Industry=industry)
    rows = [{"customer_key": key, "customer_name": key} for key in ("A-1", "A-3", "A-4")]
    *table, done = customers(*rows)
    activate = {"type": "ACTIVATE_VERSION", "stream": CUSTOMERS, "version": 1}
    run = org.load(*table, activate, done, **recipe("Mirror"))
    assert run.code == 0, run.log
    assert [row["Name"] for row in org.query("SELECT Name FROM Account ORDER BY Name")] == [
        "A-1",
        "A-3",
        "A-4",
        "B",
    ]


def test_dry_run_in_ci(org: Org) -> None:
    ci = recipe("Dry run in CI")["environments"][0]["config"]["plugins"]["loaders"][0]
    assert ci["name"] == "target-sfbulk"
    settings = {**recipe("A warehouse table to Accounts by external id"), **ci["config"]}
    rows = [{"customer_key": f"A-{at}", "customer_name": "Acme"} for at in range(100)]
    run = org.load(*customers(*rows, {"customer_name": "Keyless"}), **settings)
    assert run.code == 0, run.log
    assert run.states == []
    assert (run.output / "dry-run" / f"{CUSTOMERS}-0001.csv").read_text("utf-8").count("A-") == 100
    run = org.load(*customers(*rows, *[{"customer_name": "Keyless"}] * 2), **settings)
    assert run.code == 1
    assert "2 of 102 rows were rejected" in run.reason
    settings["streams"][CUSTOMERS]["fields"]["phone"] = "Phon"
    run = org.load(*customers(*rows), **settings)
    assert run.code == 1
    assert "`Account` has no field `Phon`" in run.reason
    assert org.jobs() == []
    assert org.query("SELECT Id FROM Account") == []


def test_reading_fixing_and_re_feeding_the_rejects(org: Org) -> None:
    title = "Reading, fixing and re-feeding the rejects"
    look, again, fixed = blocks(title, "sh")
    settings = {**recipe(title), "output_dir": str(org.folder / "output")}
    org.create("Account", Name="Acme", Ext_Id__c="A-1")
    rule = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    org.sandbox.control.add_fault(kind="row_error", where={"Ext_Id__c": "C-1"}, code=rule)
    run = org.load(
        schema(PEOPLE, "person_key", "last_name", "born", "customer_key"),
        record(PEOPLE, person_key="C-1", last_name="007", born="1999-12-31", customer_key="A-1"),
        record(PEOPLE, person_key="C-2", last_name=None, born=None, customer_key="A-1"),
        record(PEOPLE, person_key="C-3", last_name="Good", customer_key="A-1"),
        state(done=3),
        **settings,
    )
    assert (run.code, run.states) == (1, [{"done": 3}]), run.log
    code, output = shell(org, look)
    assert code == 0
    assert rule in output
    assert "REQUIRED_FIELD_MISSING" in output
    assert f"{PEOPLE}.rejects.{run.report(PEOPLE)['run_id']}.csv" in output

    org.sandbox.control.clear_faults()
    code, output = shell(org, again)
    assert "1 of 2 rows were rejected" in output
    edit(run.table(PEOPLE), lambda row: row.update(last_name="=Sol", born=""), delimiter=";")
    # The run of the documentation, by the one that has just ended.
    named = re.sub(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}", run.report(PEOPLE)["run_id"], fixed)
    code, output = shell(org, named)
    assert code == 0, output
    query = "SELECT Ext_Id__c, LastName, Birthdate FROM Contact ORDER BY Ext_Id__c"
    assert [tuple(row.values()) for row in org.query(query)] == [
        ("C-1", "007", "1999-12-31"),
        ("C-2", "=Sol", None),
        ("C-3", "Good", None),
    ]


def shell(org: Org, lines: str) -> tuple[int, str]:
    """Run lines of a shell in the folder with `config.json`; the code, and all that they wrote."""
    done = subprocess.run(
        ["/bin/sh", "-ec", lines],
        cwd=org.folder,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout
