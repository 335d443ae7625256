"""What Salesforce, a field or a limit refuses: written down whole, counted, never lost."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import COMMAND, as_lines, record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org, Run

BY_KEY = {"external_id": "Ext_Id__c"}
ACCOUNTS = schema("Account", "Ext_Id__c", "Name", "Phone", key="Ext_Id__c")


def load_with_refused_rows(org: Org, **settings: Any) -> Run:
    return org.load(
        ACCOUNTS,
        record("Account", Ext_Id__c="A-1", Name="Good", Phone="1"),
        record("Account", Ext_Id__c="A-2", Name=None, Phone="2"),
        record("Account", Ext_Id__c="A-3", Name="Good too", Phone="3"),
        record("Account", Ext_Id__c="A-4", Name="N" * 256, Phone="4"),
        state(done=4),
        **BY_KEY,
        **settings,
    )


def test_refused_rows_are_written_down_with_the_record_and_the_reason(org: Org) -> None:
    run = load_with_refused_rows(org)
    assert run.code == 1
    (job,) = run.report("Account")["job_ids"]
    rejects = run.rejects("Account")
    by_run = [{name: line.pop(name) for name in ("stream", "run_id", "time")} for line in rejects]
    report = run.report("Account")
    assert {(line["stream"], line["run_id"]) for line in by_run} == {("Account", report["run_id"])}
    assert all(line["time"] >= report["time"] for line in by_run)
    rows = [line.pop("row").rpartition("/") for line in rejects]
    assert rows == [(rows[0][0], "/", "2"), (rows[0][0], "/", "4")]
    assert rejects == [
        {
            "record": {"Ext_Id__c": "A-2", "Name": None, "Phone": "2"},
            "code": "REQUIRED_FIELD_MISSING",
            "message": "Required fields are missing: [Name]",
            "fields": ["Name"],
            "job_id": job,
            "kind": "rejected",
        },
        {
            "record": {"Ext_Id__c": "A-4", "Name": "N" * 256, "Phone": "4"},
            "code": "STRING_TOO_LONG",
            "message": f"Account Name: data value too large: {'N' * 256} (max length=255)",
            "fields": ["Name"],
            "job_id": job,
            "kind": "rejected",
        },
    ]
    assert [a["Name"] for a in org.query("SELECT Name FROM Account ORDER BY Name")] == [
        "Good",
        "Good too",
    ]


def test_the_last_line_tells_reasons_and_file_but_no_value(org: Org) -> None:
    run = load_with_refused_rows(org)
    assert run.reason.startswith("2 of 4 rows were rejected, and max_rejects allows 0.")
    assert "1 x REQUIRED_FIELD_MISSING on Name" in run.reason
    assert str(run.output / "Account.rejects.jsonl") in run.reason
    assert "NNNN" not in run.log
    # The rows are in the rejects file, so what came before the STATE is dealt with.
    assert run.states == [{"done": 4}]


@pytest.mark.parametrize(
    ("budget", "code"), [(2, 0), ("2", 0), ("50%", 0), ("49.9%", 1), (1, 1), ("0%", 1)]
)
def test_the_budget_decides_the_exit_code_and_nothing_else(
    org: Org, budget: str | int, code: int
) -> None:
    run = load_with_refused_rows(org, max_rejects=budget)
    assert run.code == code
    assert (len(run.rejects("Account")), run.states) == (2, [{"done": 4}])


def test_a_budget_that_is_used_up_ends_the_run_after_the_job(org: Org) -> None:
    bad = [record("Account", Ext_Id__c=f"B-{at}", Name=None, Phone="x" * 99) for at in range(99)]
    run = org.load(
        ACCOUNTS,
        *bad[:40],
        state(Account=40),
        *bad[40:],
        state(Account=99),
        **BY_KEY,
        max_job_mb=0.005,
        max_jobs_in_flight=1,
    )
    assert run.code == 1
    # The next one was created when the first one had ended.
    assert len(run.report("Account")["job_ids"]) == 2
    assert 40 < len(run.rejects("Account")) < 99
    assert run.states == [{"Account": 40}]


def test_rejects_of_an_earlier_run_are_kept(org: Org) -> None:
    load_with_refused_rows(org)
    run = load_with_refused_rows(org)
    assert [r["record"]["Ext_Id__c"] for r in run.rejects("Account")] == ["A-2", "A-4"] * 2
    assert run.report("Account")["rejected"] == 2
    runs = [line["run_id"] for line in run.rejects("Account")]
    assert (len(set(runs[:2])), len(set(runs))) == (1, 2)


def test_runs_that_share_a_folder_keep_their_reports(org: Org) -> None:
    first = load_with_refused_rows(org).report("Account")
    last = load_with_refused_rows(org)
    kept = sorted((last.output / "reports").iterdir(), key=lambda path: path.stat().st_mtime)
    assert [json.loads(path.read_text()) for path in kept] == [first, last.report("Account")]
    assert [path.name for path in kept] == [
        f"Account.{report['run_id']}.json" for report in (first, last.report("Account"))
    ]
    assert first["run_id"] != last.report("Account")["run_id"]
    assert first["kinds"] == {"rejected": 2}


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (b'{"record":{"Ext_Id__c":"A-0"}}\n{"record":{"Ext_Id__c":"A-', ["A-0"]),
        (b'{"record":{"Ext_Id__c":"A-0"}}\n{"record":{"Ext_Id__c":"A-1"}}', ["A-0", "A-1"]),
        (b'{"record":{"Ext_Id__c":"A-', []),
    ],
)
def test_a_line_that_a_killed_run_left_unfinished_spoils_no_other(
    org: Org, left: bytes, kept: list[str]
) -> None:
    path = org.folder / "output" / "Account.rejects.jsonl"
    path.parent.mkdir()
    path.write_bytes(left)
    run = load_with_refused_rows(org)
    assert [r["record"]["Ext_Id__c"] for r in run.rejects("Account")] == [*kept, "A-2", "A-4"]


def test_a_rejects_file_without_room_is_named_and_no_state_is_told(org: Org) -> None:
    path = org.folder / "output" / "Account.rejects.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"{}\n" * 10_000)
    room = "import os, resource as r, sys; r.setrlimit(r.RLIMIT_FSIZE, (30050, 30050))"
    done = subprocess.run(
        [
            *(sys.executable, "-c", f"{room}; os.execv(sys.argv[1], sys.argv[1:])"),
            *(COMMAND, "--config", org.config(**BY_KEY, journal_path="off")),
        ],
        input=as_lines([ACCOUNTS, record("Account", Ext_Id__c="A-1", Name=None), state(done=1)]),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert str(path) in done.stderr.decode().splitlines()[-1]


def test_the_rejects_file_can_be_fed_back_in(org: Org) -> None:
    run = load_with_refused_rows(org)
    mended = [{**r["record"], "Name": "Mended"} for r in run.rejects("Account")]
    again = org.load(ACCOUNTS, *(record("Account", **r) for r in mended), **BY_KEY)
    assert again.code == 0, again.log
    assert len(org.query("SELECT Id FROM Account")) == 4


UNFIT = {
    "Amount__c": ("12.345", "would round"),
    "Issued_On__c": ('"2026-10-01T10:00:00Z"', "cut off"),
    "Is_Disputed__c": ('"maybe"', "neither true nor false"),
    "Notes__c": ('"#N/A"', "reads it as null"),
    "Bill_To__c": ('"12345"', "15 or 18"),
}


def test_a_value_that_does_not_fit_its_field_is_named_but_not_shown(org: Org) -> None:
    account = org.create("Account", Name="Acme")
    start = '{"type":"RECORD","stream":"Invoice__c","record":'
    lines = [
        f'{start}{{"Ext_Id__c":"I-{at}","Account__c":"{account}","{field}":{value}}}}}'.encode()
        for at, (field, (value, _)) in enumerate(UNFIT.items())
    ]
    run = org.load(
        schema("Invoice__c", "Ext_Id__c", "Account__c", *UNFIT),
        *lines,
        record("Invoice__c", Ext_Id__c="good", Account__c=account, Amount__c=1.5),
        precision_loss="reject",
        **BY_KEY,
    )
    assert run.code == 1
    for (field, (value, reason)), reject in zip(
        UNFIT.items(), run.rejects("Invoice__c"), strict=True
    ):
        assert reject["kind"] == "unconvertible"
        assert reject["code"] == "UNCONVERTIBLE_VALUE"
        assert reject["fields"] == [field]
        assert reject["job_id"] is None
        assert reason in reject["message"]
        assert json.dumps(reject["record"][field]) == value
        assert f"UNCONVERTIBLE_VALUE on {field}" in run.reason
    for value in ("12.345", "maybe", "12345"):
        assert value not in run.log
    assert org.query("SELECT Ext_Id__c FROM Invoice__c") == [{"Ext_Id__c": "good"}]


def test_all_unfit_values_of_a_record_are_named(org: Org) -> None:
    run = org.load(
        schema("Account", "Ext_Id__c", "NumberOfEmployees", "Is_Key_Account__c"),
        record("Account", Ext_Id__c="A-1", NumberOfEmployees="many", Is_Key_Account__c=2),
        **BY_KEY,
    )
    (reject,) = run.rejects("Account")
    assert reject["fields"] == ["NumberOfEmployees", "Is_Key_Account__c"]
    assert run.code == 1


@pytest.mark.parametrize("text", ["one\r\ntwo", "one\rtwo", "one\r\ntwo\nthree"])
def test_line_breaks_that_would_be_changed_are_refused_with_precision_loss_reject(
    org: Org, text: str
) -> None:
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", "Description"),
        record("Account", Ext_Id__c="A-1", Name="x", Description=text),
        record("Account", Ext_Id__c="A-2", Name="x", Description="one\ntwo"),
        **BY_KEY,
        precision_loss="reject",
    )
    (reject,) = run.rejects("Account")
    assert (reject["kind"], reject["code"]) == ("unconvertible", "UNCONVERTIBLE_VALUE")
    assert (reject["fields"], reject["record"]["Description"]) == (["Description"], text)
    assert "CRLF" in reject["message"]
    assert org.query("SELECT Ext_Id__c FROM Account") == [{"Ext_Id__c": "A-2"}]
    assert run.report("Account")["fitted"] == {}


def test_a_row_over_a_limit_is_refused_by_name(org: Org) -> None:
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", "Description"),
        record("Account", Ext_Id__c="A-1", Name="x", Description="d" * 131_073),
        record("Account", Ext_Id__c="A-2", Name="y", Description="short"),
        **BY_KEY,
    )
    (reject,) = run.rejects("Account")
    assert (reject["kind"], reject["fields"]) == ("oversize", ["Description"])
    assert reject["record"]["Ext_Id__c"] == "A-1"
    assert org.query("SELECT Ext_Id__c FROM Account") == [{"Ext_Id__c": "A-2"}]


@pytest.mark.parametrize("value", [None, ""])
def test_a_record_without_its_key_is_refused(org: Org, value: str | None) -> None:
    run = org.load(
        schema("Account", "Ext_Id__c", "Name"),
        record("Account", Ext_Id__c=value, Name="x"),
        record("Account", Name="y"),
        **BY_KEY,
    )
    assert run.code == 1
    assert [(r["kind"], r["code"], r["fields"]) for r in run.rejects("Account")] == [
        ("unconvertible", "MISSING_KEY", ["Ext_Id__c"])
    ] * 2


def test_a_failed_job_leaves_its_untried_rows_in_the_rejects_file(org: Org) -> None:
    org.sandbox.control.add_fault(
        kind="job_failed", object="Account", after_rows=1, message="InternalServerError : gone"
    )
    run = load_with_refused_rows(org)
    assert run.code == 1
    assert (
        "the job ended Failed before this row was processed: InternalServerError : gone"
        in run.reason
    )
    rejects = run.rejects("Account")
    landed = {row["Ext_Id__c"] for row in org.query("SELECT Ext_Id__c FROM Account")}
    assert landed == {"A-1"}
    assert {r["record"]["Ext_Id__c"] for r in rejects} == {"A-2", "A-3", "A-4"}
    assert {r["kind"] for r in rejects} == {"unprocessed"}
    assert run.states == [{"done": 4}]


def test_inserts_without_keys_find_their_rejects_by_value(org: Org) -> None:
    rows: list[dict[str, Any]] = [
        {"Name": "Good", "AnnualRevenue": 912260031, "NumberOfEmployees": 40000},
        {"Name": None, "AnnualRevenue": 912260031, "NumberOfEmployees": 1},
        {"Name": None, "AnnualRevenue": 912260031, "NumberOfEmployees": 2},
        {"Name": "Good", "AnnualRevenue": 912260031, "NumberOfEmployees": 40000},
        {"Name": None, "AnnualRevenue": 912260031, "NumberOfEmployees": 2},
    ]
    run = org.load(
        schema("Account", *rows[0]),
        *(record("Account", **row) for row in rows),
        operation="insert",
    )
    assert run.code == 1
    assert [r["record"] for r in run.rejects("Account")] == [rows[1], rows[2], rows[4]]
    assert len(org.query("SELECT Id FROM Account")) == 2


def test_a_result_for_a_row_never_sent_is_an_error(org: Org) -> None:
    org.sandbox.control.add_fault(
        kind="answer",
        method="GET",
        path="*/successfulResults",
        status=200,
        headers={"Content-Type": "text/csv"},
        body='"sf__Id","sf__Created",Ext_Id__c,Name,Phone\n"1","true","Z-9","x","y"\n',
        times=None,
    )
    run = load_with_refused_rows(org)
    assert run.code == 1
    assert "on Account belong to no row that was sent" in run.reason
    assert "1 of 4 rows have no result" in run.reason
    assert "Z-9" not in run.log
    assert run.states == []


def test_a_refused_job_ends_the_run_with_salesforces_words(org: Org) -> None:
    org.sandbox.control.add_fault(
        kind="answer",
        method="POST",
        path="*/jobs/ingest",
        status=400,
        body=[{"errorCode": "FEATURENOTENABLED", "message": "not for this user"}],
    )
    run = load_with_refused_rows(org)
    assert run.code == 1
    assert "FEATURENOTENABLED" in run.reason
    assert "Traceback" not in run.log
    assert run.states == []


def test_a_job_whose_upload_fails_is_not_left_open(org: Org) -> None:
    org.sandbox.control.add_fault(
        kind="answer",
        method="PUT",
        path="*/batches",
        status=400,
        body=[{"errorCode": "INVALIDJOBSTATE", "message": "no"}],
    )
    run = load_with_refused_rows(org)
    assert run.code == 1
    assert run.states == []
    job = next(r.path for r in org.sandbox.requests if r.method == "PUT").split("/")[-2]
    assert org.job(job)["state"] == "Aborted"
