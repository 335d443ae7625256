"""The command at its front door: what it prints, and how it fails."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.cli.support import eventually
from tests.tap.conftest import TapCommand, finished

if TYPE_CHECKING:
    from pathlib import Path

JOBS = "/services/data/v68.0/jobs/query"


def calls(sandbox: Sandbox, method: str, pattern: str) -> list[str]:
    asked = [r.path for r in sandbox.requests if r.method == method]
    return [path for path in asked if re.search(pattern, path)]


def test_about_lists_every_setting_in_every_format(tap: TapCommand) -> None:
    told = json.loads(tap("--about", "--format=json").stdout)
    settings = told["settings"]["properties"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["version"])
    assert {"login_url", "streams_to_discover", "lookback", "batch_config"} <= set(settings)
    secrets = {name for name, schema in settings.items() if schema.get("secret")}
    assert secrets == {
        "access_token",
        "client_secret",
        "password",
        "private_key",
        "private_key_passphrase",
        "refresh_token",
        "security_token",
    }
    markdown, text = tap("--about", "--format=markdown"), tap("--about")
    for run in (markdown, text):
        assert run.code == 0
        assert [name for name in settings if name not in run.stdout] == []


def test_discovery_describes_only_what_is_asked_for(sandbox: Sandbox, tap: TapCommand) -> None:
    catalog = tap.discover(
        streams_to_discover=["account", "Contac*"], exclude_streams=["Contact?*"]
    )
    assert sorted(catalog) == ["Account", "Contact"]
    # One request holds 25 objects at most: the org's other objects are not in it.
    assert len(calls(sandbox, "GET", "/sobjects$")) == 1
    assert len(calls(sandbox, "POST", "/composite")) == 1
    assert not calls(sandbox, "GET", "/describe")


def test_discovery_gives_types_keys_and_what_bulk_cannot_select(tap: TapCommand) -> None:
    account = tap.discover()["Account"]
    properties = account["schema"]["properties"]
    assert account["key_properties"] == ["Id"]
    assert account["replication_key"] == "SystemModstamp"
    assert account["replication_method"] == "INCREMENTAL"
    assert properties["Id"]["type"] == ["string"]
    assert properties["NumberOfEmployees"]["type"] == ["integer", "null"]
    assert properties["AnnualRevenue"]["type"] == ["number", "null"]
    assert properties["SystemModstamp"]["format"] == "date-time"
    inclusion = {
        entry["breadcrumb"][-1]: entry["metadata"]["inclusion"]
        for entry in account["metadata"]
        if entry["breadcrumb"]
    }
    assert inclusion["Id"] == inclusion["SystemModstamp"] == "automatic"
    assert inclusion["BillingAddress"] == "available"
    assert inclusion["BillingCity"] == inclusion["Name"] == "available"
    attachment = tap.discover(streams_to_discover=["Attachment"])["Attachment"]
    [body] = [e for e in attachment["metadata"] if e["breadcrumb"] == ["properties", "Body"]]
    assert body["metadata"]["inclusion"] == "unsupported"


def test_a_connection_test_reads_one_row_of_each_stream(sandbox: Sandbox, tap: TapCommand) -> None:
    run = tap("--test")
    assert run.code == 0, run.log
    assert len(run.records("Account")) == len(run.records("Contact")) == 1
    assert "window_end" not in json.dumps(run.state)
    assert len(calls(sandbox, "DELETE", JOBS)) == 2


@pytest.mark.parametrize("option", ["", "--discover", "--test"])
def test_all_wrong_settings_are_named_before_any_request(
    sandbox: Sandbox, tap: TapCommand, option: str
) -> None:
    wrong: dict[str, Any] = {
        "client_secret": None,
        "start_date": "last week",
        "lookback": "long",
        "spool_dir": "/no/such/folder",
    }
    run = tap(*filter(None, [option]), **wrong)
    assert run.code == 1
    for name in wrong:
        assert name in run.reason
    assert "Traceback" not in run.log
    assert sandbox.requests == []


def test_a_secret_is_never_shown(tap: TapCommand) -> None:
    run = tap(client_secret=["open", "sesame"], lookback=-1)
    assert run.code == 1
    assert "client_secret" in run.reason
    assert "sesame" not in run.log


def test_null_settings_mean_their_defaults(tap: TapCommand) -> None:
    unset = ("lookback", "include_deleted", "exclude_streams", "stream_options", "start_date")
    of_the_sdk = ("stream_maps", "stream_map_config", "flattening_enabled", "batch_config")
    run = tap(**dict.fromkeys((*unset, *of_the_sdk)))
    assert run.code == 0, run.log
    assert len(run.records("Account")) == 3


@pytest.mark.parametrize("option", ["", "--discover", "--test"])
def test_an_unknown_object_is_named_with_a_close_one(tap: TapCommand, option: str) -> None:
    run = tap(*filter(None, [option]), streams_to_discover=["Acount", "Zzz*"])
    assert run.code == 1
    assert "no object `Acount`" in run.reason
    assert "(did you mean `Account`?)" in run.reason
    assert "Zzz*" in run.reason
    assert "Traceback" not in run.log


def test_an_unknown_object_to_leave_out_is_named_with_a_close_one(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    run = tap(streams_to_discover=["Account", "Nope"], exclude_streams=["Contct", "*__Share"])
    assert run.code == 1
    assert "exclude_streams: the org shows this user no object `Contct`" in run.reason
    assert "(did you mean `Contact`?)" in run.reason
    # A glob is a rule for many orgs; what it would leave out need not be in this one.
    assert "__Share" not in run.reason
    assert "streams_to_discover: the org shows this user no object `Nope`" in run.reason
    assert calls(sandbox, "GET", "/describe") == []


@pytest.mark.parametrize("option", ["", "--discover", "--test"])
def test_settings_that_leave_nothing_to_read_are_refused(tap: TapCommand, option: str) -> None:
    run = tap(*filter(None, [option]), exclude_streams=["Acc*", "Contact"])
    assert run.code == 1
    assert "exclude_streams leaves out every object that streams_to_discover names" in run.reason


def test_an_unknown_field_in_the_options_is_named_with_a_close_one(tap: TapCommand) -> None:
    run = tap(stream_options={"Account": {"replication_key": "SystemModStmp"}})
    assert run.code == 1
    assert "Account.SystemModStmp" in run.reason
    assert "(did you mean `SystemModstamp`?)" in run.reason


def test_wrong_credentials_are_one_error_line(tap: TapCommand) -> None:
    run = tap(client_secret="wrong")
    assert run.code == 1
    assert "invalid" in run.reason
    assert "Traceback" not in run.log


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
def test_a_file_that_is_not_json_is_named(tap: TapCommand, option: str) -> None:
    broken = tap.folder / "broken.json"
    broken.write_text('{"streams": ', encoding="utf-8")
    for name in (str(broken), "/no/such/file.json"):
        run = tap(option, name)
        assert run.code == 1
        assert name in run.reason
        assert "Traceback" not in run.log


def with_entry(**entry: Any) -> dict[str, Any]:
    return {"streams": [{"tap_stream_id": "Account", "schema": {"properties": {}}, **entry}]}


SHAPES = [
    ("--catalog", {}, "streams"),
    ("--catalog", {"streams": 3}, "streams"),
    ("--catalog", {"streams": ["Account"]}, "streams[0]"),
    ("--catalog", {"streams": [{"schema": {"properties": {}}}]}, "streams[0]"),
    ("--catalog", {"streams": [{"tap_stream_id": "Account"}]}, "streams[0]"),
    ("--catalog", {"streams": [{"tap_stream_id": "Account", "schema": {}}]}, "streams[0].schema"),
    ("--catalog", with_entry(key_properties="Id"), "streams[0].key_properties"),
    ("--catalog", with_entry(key_properties=[5]), "streams[0].key_properties[0]"),
    ("--catalog", with_entry(replication_key=["SystemModstamp"]), "streams[0].replication_key"),
    ("--catalog", with_entry(replication_method=5), "streams[0].replication_method"),
    ("--catalog", with_entry(metadata=[{"metadata": {}}]), "streams[0].metadata[0]"),
    ("--catalog", with_entry(metadata=[{"breadcrumb": None, "metadata": {}}]), "breadcrumb"),
    ("--catalog", with_entry(metadata=[{"breadcrumb": [], "metadata": None}]), "metadata[0]"),
    ("--catalog", {"streams": [], "NaN": float("nan")}, "NaN"),
    ("--state", {"bookmarks": {"Account": {"SystemModstamp": float("nan")}}}, "NaN"),
    ("--config", {"lookback": float("inf")}, "Infinity"),
    ("--state", {"bookmarks": []}, "bookmarks"),
    ("--state", {"Account": "2026-01-01T00:00:00Z"}, "bookmarks"),
    ("--state", {"type": "STATE", "value": 3}, "object"),
    ("--state", [{"stream": {"stream_state": {}}}], "stream_descriptor"),
]


@pytest.mark.parametrize(("option", "body", "where"), SHAPES)
def test_a_catalog_or_state_of_another_shape_is_reported_before_any_request(
    sandbox: Sandbox, tap: TapCommand, option: str, body: dict[str, Any], where: str
) -> None:
    file = tap.folder / "other.json"
    file.write_text(json.dumps(body), encoding="utf-8")
    run = tap(option, str(file))
    assert run.code == 1
    assert f"{option} {file}" in run.reason
    assert where in run.reason
    assert "Traceback" not in run.log
    assert sandbox.requests == []


def test_a_failed_stream_is_reported_and_the_others_are_read(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    refusal = [{"errorCode": "INVALIDENTITY", "message": "Entity 'Account' is not supported"}]
    sandbox.control.add_fault(kind="answer", method="POST", path=JOBS, status=400, body=refusal)
    run = tap()
    assert run.code == 1
    assert "Account" in run.reason
    assert "is not supported" in run.reason
    assert run.records("Account") == []
    assert len(run.records("Contact")) == 5
    assert set(run.state["bookmarks"]["Contact"]) >= {"window_end"}
    assert "window_end" not in run.state["bookmarks"].get("Account", {})
    assert "Traceback" not in run.log


def test_a_failed_stream_fails_the_connection_test(sandbox: Sandbox, tap: TapCommand) -> None:
    refusal = [{"errorCode": "INVALIDENTITY", "message": "Entity 'Contact' is not supported"}]
    sandbox.control.add_fault(
        kind="answer", method="POST", path=JOBS, skip=1, status=400, body=refusal
    )
    run = tap("--test")
    assert run.code == 1
    assert "Entity 'Contact' is not supported" in run.reason
    assert "Traceback" not in run.log


def test_the_last_line_counts_the_streams_that_failed(sandbox: Sandbox, tap: TapCommand) -> None:
    refusal = [{"errorCode": "INVALIDENTITY", "message": "not supported"}]
    sandbox.control.add_fault(kind="answer", method="POST", path=JOBS, status=400, body=refusal)
    assert "1 stream could not be read. Account: " in tap().reason
    sandbox.control.add_fault(
        kind="answer", method="POST", path=JOBS, status=400, body=refusal, times=2
    )
    assert "2 streams could not be read. Account: " in tap().reason


def refuse_to_describe_account(sandbox: Sandbox) -> None:
    refusal = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}]
    sandbox.control.add_fault(kind="answer", path="*/composite", status=403, body=refusal)
    sandbox.control.add_fault(
        kind="answer", path="*/Account/describe*", status=403, body=refusal, times=9
    )


def test_an_object_that_cannot_be_described_fails_the_connection_test(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    refuse_to_describe_account(sandbox)
    run = tap("--test")
    assert run.code == 1
    assert "1 stream could not be read. Account: " in run.reason


@pytest.mark.parametrize("option", ["", "--discover"])
def test_an_object_that_cannot_be_described_does_not_stop_the_others(
    sandbox: Sandbox, tap: TapCommand, option: str
) -> None:
    refuse_to_describe_account(sandbox)
    run = tap(*filter(None, [option]))
    assert run.code == 1
    assert "Account" in run.reason
    if option:
        assert [s["stream"] for s in json.loads(run.stdout)["streams"]] == ["Contact"]
    else:
        assert len(run.records("Contact")) == 5


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_writes_the_state_aborts_the_job_and_exits_with_1(
    sandbox: Sandbox, tap: TapCommand, sent: signal.Signals
) -> None:
    sandbox.control.hold_jobs()
    state = {"bookmarks": {"Contact": {"replication_key": "SystemModstamp"}}}
    running = subprocess.Popen(
        tap.line(state=state), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    for _ in range(600):
        if calls(sandbox, "GET", f"{JOBS}/750"):
            break
        threading.Event().wait(0.05)
    running.send_signal(sent)
    run = finished(running.wait(timeout=30), *running.communicate())
    assert run.code == 1
    assert run.state["bookmarks"]["Contact"] == state["bookmarks"]["Contact"]
    assert sent.name in run.reason
    aborted = [path.rpartition("/")[2] for path in calls(sandbox, "PATCH", JOBS)]
    assert sorted(set(aborted)) == sorted(aborted)
    assert len(aborted) == len(calls(sandbox, "POST", f"{JOBS}$")) >= 1


@pytest.mark.parametrize("soon", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_second_signal_ends_the_run_at_once_unless_it_comes_with_the_first(
    tmp_path: Path, *, soon: bool
) -> None:
    with Sandbox() as sandbox:
        sandbox.control.hold_jobs()
        slow = {"kind": "delay", "path": f"{JOBS}/*", "seconds": 0.5 if soon else 5.0, "times": 1}
        sandbox.control.add_fault(method="PATCH", **slow)
        line = TapCommand(sandbox, tmp_path).line()
        running = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        eventually(lambda: calls(sandbox, "GET", f"{JOBS}/750"))
        running.send_signal(signal.SIGINT)
        eventually(lambda: not sum(fault.times or 0 for fault in sandbox.control.faults))
        if not soon:
            threading.Event().wait(1.1)
        running.send_signal(signal.SIGTERM)
        begun = monotonic()
        run = finished(running.wait(timeout=30), *running.communicate())
        assert (run.code, run.log.count("Stopped by")) == (1, 1)
        assert ("SIGTERM again: stopped at once" in run.reason) is not soon
        if soon:
            aborted, made = calls(sandbox, "PATCH", JOBS), calls(sandbox, "POST", f"{JOBS}$")
            assert len(aborted) == len(made)
        else:
            assert monotonic() - begun < 3


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("option", ["", "--discover", "--about"])
def test_a_reader_that_ends_early_is_one_error_line(
    tap: TapCommand, option: str, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    line = tap.line(*filter(None, [option]))
    running = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    log = running.stderr.read().decode()
    running.stderr.close()
    assert running.wait(timeout=30) == 1
    assert log.splitlines()[-1].endswith("The program that reads this command's output has ended.")
    assert "Traceback" not in log


def test_without_a_standard_output_nothing_is_read(sandbox: Sandbox, tap: TapCommand) -> None:
    words = ["sh", "-c", 'exec "$@" >&-', "sh", *tap.line()]
    done = subprocess.run(words, stderr=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == 1
    assert (
        done.stderr.decode().splitlines()[-1].endswith("no standard output to write to. Give one.")
    )
    assert "Traceback" not in done.stderr.decode()
    assert sandbox.requests == []


# As the command, with less patience.
IMPATIENT = """
from tap_sfbulk.main import main
from tap_sfbulk.writer import PageWriter

PageWriter.patience_seconds = 0.5
main()
"""


@pytest.mark.parametrize("patience", [0.5, None])
def test_a_reader_that_ends_the_run_at_its_first_record_leaves_no_job(
    tmp_path: Path, patience: float | None
) -> None:
    """As `meltano config test` does, which does not read on."""
    row = f'"{"long " * 600}","2026-01-01T00:00:00.000Z"\n'
    (tmp_path / "Account.csv").write_text(
        "Name,Description,SystemModstamp\n" + "".join(f"Account {n},{row}" for n in range(2000)),
        encoding="utf-8",
    )
    (tmp_path / "Contact.csv").write_text("LastName\nLee\n", encoding="utf-8")
    with Sandbox(data=tmp_path) as sandbox:
        line = TapCommand(sandbox, tmp_path).line(streams_to_discover=["Account", "Contact"])
        command = [sys.executable, "-c", IMPATIENT, *line[1:]] if patience else line
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert running.stdout is not None
        while b'"RECORD"' not in running.stdout.readline():
            pass
        running.send_signal(signal.SIGTERM)
        if patience:
            assert running.stderr is not None
            log = running.stderr.read().decode()
            assert running.wait(timeout=30) == 1
            assert "Stopped by SIGTERM, within a line: nothing has read this" in log
            running.stdout.close()
            running.stderr.close()
        else:
            out, _ = running.communicate(timeout=60)
            # Whoever reads on gets whole lines, and the state.
            assert json.loads(out.splitlines()[-1])["type"] == "STATE"
        made, gone = calls(sandbox, "POST", f"{JOBS}$"), calls(sandbox, "DELETE", JOBS)
        assert len(made) == len(set(gone)) == 2


def test_a_quota_reached_ends_the_run_and_says_which_line_it_is(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    # 0.019 % of 10,000 query jobs is one job, and 19 requests are enough for it.
    run = tap(quota_percent_per_run=0.019)
    assert run.code == 1
    assert "used 1 of 10,000 DailyBulkV2QueryJobs" in run.reason
    assert "quota_percent_per_run" in run.reason
    assert len(calls(sandbox, "POST", f"{JOBS}$")) == 1


def test_a_signal_never_cuts_a_line_in_two(tmp_path: Path) -> None:
    # Rows of this very second would be those of the next window.
    row = f'"{"long " * 6000}","2026-01-01T00:00:00.000Z"\n'
    (tmp_path / "Account.csv").write_text(
        "Name,Description,SystemModstamp\n" + "".join(f"Account {n},{row}" for n in range(200)),
        encoding="utf-8",
    )
    with Sandbox(data=tmp_path) as sandbox:
        running = subprocess.Popen(
            TapCommand(sandbox, tmp_path).line(streams_to_discover=["Account"]),
            # Images with Python set it; then no buffer stands between the tap and the pipe.
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        assert running.stdout is not None
        begun = b""
        while len(begun) < 500_000 and (more := running.stdout.read(65536)):
            begun += more
        running.send_signal(signal.SIGTERM)
        lines = (begun + running.communicate()[0]).split(b"\n")
    assert running.returncode == 1
    assert lines.pop() == b""
    assert {json.loads(line)["type"] for line in lines} == {"SCHEMA", "RECORD", "STATE"}
