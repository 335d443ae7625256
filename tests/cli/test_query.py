"""`sfbulk query` writes exactly the rows of a query, also after it was killed."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import requests

from tests.cli.support import eventually, rest
from tests.e2e.commands import BIN
from tests.faults.kills import Kill

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.support import Command

API = "/services/data/v68.0"
SOQL = (
    "SELECT Id, Name, AnnualRevenue, NumberOfEmployees, IsDeleted, CreatedDate, Owner.Name "
    "FROM Account"
)
PAGE, ROWS = 5, 23
TEXTS = (
    'quoted "text"',
    "comma, comma",
    "two\nlines",
    "CR\r\nLF",
    "Ünïcödé 漢字 😀",
    "NA",
    "007",
    " ",
)


@pytest.fixture
def accounts(command: Command) -> list[dict[str, Any]]:
    """Accounts in five pages of results, as REST shows them."""
    command.sandbox.control.set_page_rows(PAGE)
    rows = [
        {
            "Name": f"{TEXTS[n % len(TEXTS)]} {n}",
            "AnnualRevenue": str(n * 1_000_003),
            "NumberOfEmployees": str(n) if n % 3 else None,
        }
        for n in range(ROWS)
    ]
    command.sandbox.control.seed({"Account": rows})
    return rest(command.sandbox, SOQL)


def instant(text: str) -> datetime:
    return datetime.strptime(text.replace("Z", "+0000"), "%Y-%m-%dT%H:%M:%S.%f%z")


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """What a record says, whichever form it comes in."""
    owner = record["Owner"]["Name"] if "Owner" in record else record["Owner.Name"]
    created = record["CreatedDate"]
    number = record["AnnualRevenue"], record["NumberOfEmployees"]
    return {
        "Id": record["Id"],
        "Name": record["Name"],
        "AnnualRevenue": Decimal(number[0]) if number[0] not in (None, "") else None,
        "NumberOfEmployees": int(number[1]) if number[1] not in (None, "") else None,
        "IsDeleted": record["IsDeleted"] in (True, "true"),
        "CreatedDate": created if isinstance(created, datetime) else instant(created),
        "Owner.Name": owner,
    }


def written(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, by tools of others."""
    if path.suffix == ".parquet":
        rows = pl.read_parquet(path).to_dicts()
    elif path.suffix == ".jsonl":
        lines = path.read_text("utf-8").split("\n")[:-1]
        rows = [json.loads(line, parse_float=Decimal) for line in lines]
    else:
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))
    return sorted((flat(row) for row in rows), key=lambda row: str(row["Id"]))


def assert_whole(path: Path, records: list[dict[str, Any]]) -> None:
    assert written(path) == [flat(record) for record in records]
    left = {one.name for one in path.parent.iterdir() if one.name.startswith(path.name)}
    assert left == {path.name}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("api", ["auto", "BULK2", "BULK", "REST"])
def test_the_rows_are_those_of_the_org(
    command: Command, accounts: list[dict[str, Any]], form: str, api: str
) -> None:
    path = command.path(f"accounts.{form}")
    told = command.json("query", SOQL, "-o", path, "--api-type", api)
    assert_whole(path, accounts)
    assert told["rows"] == len(accounts) == ROWS
    assert told["api"] == api.replace("auto", "BULK2")
    assert command.json("jobs", "list") == [] or api == "BULK"


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_file_that_a_link_leads_to_is_written(
    command: Command, accounts: list[dict[str, Any]], form: str
) -> None:
    command.path("kept").mkdir()
    file, link = command.path("kept") / f"accounts.{form}", command.path(f"link.{form}")
    link.symlink_to(file)
    command.lines("query", SOQL, "-o", link)
    assert link.is_symlink()
    assert_whole(file, accounts)


def test_numbers_keep_their_digits_and_parquet_has_types(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    del accounts
    for form in ("jsonl", "parquet"):
        command.lines("query", SOQL, "-o", command.path(f"a.{form}"))
    line = command.path("a.jsonl").read_text("utf-8").split("\n")[1]
    assert '"AnnualRevenue":1000003,' in line.replace("1000003.0", "1000003")
    schema = pl.read_parquet_schema(command.path("a.parquet"))
    assert isinstance(schema["AnnualRevenue"], pl.Decimal)
    assert schema["NumberOfEmployees"] == pl.Int64
    assert schema["IsDeleted"] == pl.Boolean
    assert schema["CreatedDate"] == pl.Datetime("us", "UTC")
    assert schema["Owner.Name"] == pl.String


def test_deleted_rows_come_if_they_are_asked_for(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    sandbox = command.sandbox
    gone = accounts[0]["Id"]
    requests.delete(
        f"{sandbox.url}{API}/sobjects/Account/{gone}",
        headers={"Authorization": f"Bearer {sandbox.access_token}"},
        timeout=30,
    ).raise_for_status()
    path = command.path("a.csv")
    command.lines("query", SOQL, "-o", path)
    assert len(written(path)) == ROWS - 1
    command.lines("query", SOQL, "-o", path, "--include-deleted")
    assert [row["Id"] for row in written(path) if row["IsDeleted"]] == [gone]


def test_rows_on_stdout_are_those_of_the_file(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    del accounts
    path = command.path("a.csv")
    command.lines("query", SOQL, "-o", path)
    assert b"\n".join(command.run("query", SOQL, "-o", "-").messages).splitlines() == (
        path.read_bytes().splitlines()
    )


def test_a_query_without_rows_has_a_header(command: Command) -> None:
    path = command.path("none.csv")
    command.lines("query", "SELECT Id, Name FROM Account", "-o", path)
    assert path.read_text("utf-8") == '"Id","Name"\n'
    command.lines("query", "SELECT Id, Name FROM Account", "-o", command.path("none.parquet"))
    assert pl.read_parquet(command.path("none.parquet")).shape == (0, 2)
    command.lines("query", "SELECT Id, Name FROM Account", "-o", command.path("none.jsonl"))
    assert command.path("none.jsonl").read_bytes() == b""


def test_a_query_without_rows_whose_columns_only_salesforce_knows(command: Command) -> None:
    for form in ("csv", "parquet"):
        path = command.path(f"none.{form}")
        command.lines("query", "SELECT FIELDS(STANDARD) FROM Account", "-o", path)
        assert path.exists()


def test_an_object_that_bulk_refuses_goes_by_rest(command: Command) -> None:
    path = command.path("status.csv")
    told = command.json("query", "SELECT Id, ApiName FROM TaskStatus", "-o", path)
    assert told["api"] == "REST"
    assert told["rows"] == len(rest(command.sandbox, "SELECT Id FROM TaskStatus"))


REQUESTS = {"BULK2": 10, "BULK": 12, "REST": 3}
"""Requests of a query that has no earlier run; of a file with types a few more."""


@pytest.mark.parametrize(
    ("api", "form", "answered"),
    [
        pytest.param("BULK2", "csv", False, marks=pytest.mark.slow),
        ("BULK2", "jsonl", True),
        pytest.param("BULK", "csv", True, marks=pytest.mark.slow),
        ("REST", "csv", True),
    ],
)
def test_a_query_that_is_killed_anywhere_goes_on(
    command: Command, accounts: list[dict[str, Any]], api: str, form: str, *, answered: bool
) -> None:
    path = command.path(f"accounts.{form}")
    words = ("query", SOQL, "-o", path, "--api-type", api)
    killed = 0
    for request in range(REQUESTS[api]):
        ended = command.run(*words, kill=Kill(request=request, answered=answered))
        if ended.code != -signal.SIGKILL:
            break
        killed += 1
        assert not path.exists()
        command.lines(*words)
        assert_whole(path, accounts)
        path.unlink()
    assert killed > 1


def test_a_query_that_is_killed_between_pages_does_not_read_them_again(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    path = command.path("accounts.csv")
    words = ("query", SOQL, "-o", path, "--api-type", "BULK2")
    control = command.sandbox.control
    control.add_fault(
        kind="answer",
        path="*/results",
        status=500,
        skip=3,
        times=None,
        body=[{"errorCode": "UNKNOWN_EXCEPTION", "message": "An unexpected error"}],
    )
    assert command.run(*words).code == 1
    control.clear_faults()
    control.forget_requests()
    told = command.json(*words)
    assert told["resumed"] is True
    assert len(control.requests_like(path="*/results")) == 2
    assert control.requests_like("POST", "*/jobs/query") == []
    assert_whole(path, accounts)


def test_rows_after_the_last_whole_page_are_cut_off(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    path = command.path("accounts.csv")
    words = ("query", SOQL, "-o", path)
    command.sandbox.control.add_fault(kind="answer", path="*/results", status=400, skip=2)
    assert command.run(*words).code == 1
    part = command.path("accounts.csv.part")
    with part.open("ab") as file:
        file.write(b'"more than the missing rows' * 1000)
    command.lines(*words)
    assert_whole(path, accounts)


def test_a_job_that_is_gone_is_started_again_and_said(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    path = command.path("accounts.csv")
    words = ("query", SOQL, "-o", path, "--api-type", "BULK2")
    command.sandbox.control.add_fault(kind="answer", path="*/results", status=400, skip=2)
    assert command.run(*words).code == 1
    (job,) = command.json("jobs", "list")
    command.lines("jobs", "delete", job["id"])
    ended = command.run(*words)
    assert ended.code == 0
    assert "the query is started again" in ended.log
    assert_whole(path, accounts)


def test_another_query_does_not_go_on_from_the_rows_of_this_one(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    path = command.path("accounts.csv")
    command.sandbox.control.add_fault(kind="answer", path="*/results", status=400, skip=2)
    assert command.run("query", f"{SOQL} WHERE Name != 'x'", "-o", path).code == 1
    assert command.json("query", SOQL, "-o", path)["resumed"] is False
    assert_whole(path, accounts)


@pytest.mark.parametrize("state", ["[" * 100_000, "1" * 5000, "{}", "x"])
def test_a_state_that_cannot_be_read_is_as_none(
    command: Command, accounts: list[dict[str, Any]], state: str
) -> None:
    path = command.path("accounts.csv")
    path.with_name(f"{path.name}.part").write_text("Id\n", "utf-8")
    path.with_name(f"{path.name}.state.json").write_text(state, "utf-8")
    assert command.json("query", SOQL, "-o", path)["resumed"] is False
    assert_whole(path, accounts)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_aborts_the_job_and_the_next_run_reads_all(
    command: Command, accounts: list[dict[str, Any]], signum: int
) -> None:
    path = command.path("accounts.csv")
    words = ("query", SOQL, "-o", path, "--api-type", "BULK2")
    command.sandbox.control.hold_jobs()
    ended = command.run(*words, kill=Kill(request=4, answered=True, signum=signum))
    assert ended.code == 1
    name = signal.Signals(signum).name
    assert ended.reason == (f"{name}: stopped. The same command goes on from what it has written.")
    assert [job["state"] for job in command.json("jobs", "list")] == ["Aborted"]
    command.sandbox.control.jobs_at_once()
    command.lines(*words)
    assert_whole(path, accounts)


def test_a_second_signal_ends_the_command_at_once(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    del accounts
    control = command.sandbox.control
    control.hold_jobs()
    control.add_fault(kind="delay", method="PATCH", path="*", seconds=20)
    process = command.start(
        "query",
        SOQL,
        "-o",
        command.path("a.csv"),
        stderr=subprocess.PIPE,
    )
    eventually(lambda: control.requests_like("GET", "*/jobs/query/*"))
    process.send_signal(signal.SIGINT)
    eventually(lambda: not control.faults)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 1
    assert process.stderr is not None
    log = process.stderr.read().decode()
    process.stderr.close()
    assert log.splitlines()[-1].startswith("ERROR SIGINT again: stopped at once.")


def test_two_runs_do_not_write_one_file(command: Command, accounts: list[dict[str, Any]]) -> None:
    path, control = command.path("accounts.csv"), command.sandbox.control
    control.hold_jobs()
    process = command.start(
        "query",
        SOQL,
        "-o",
        path,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: control.requests_like("GET", "*/jobs/query/*"))
    reason = command.run("query", SOQL, "-o", path).reason
    assert reason == (
        "Another run writes accounts.csv. Wait for its end, or give another file with -o."
    )
    control.jobs_at_once()
    control.release_jobs()
    assert process.wait(30) == 0
    assert_whole(path, accounts)


def test_a_full_disk_names_the_file_and_the_next_run_goes_on(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    path = command.path("accounts.jsonl")
    words = ["query", SOQL, "-o", str(path), "--api-type", "BULK2"]
    # No file may have more than 1 KB: the pages fit, and the output does not.
    limited = ["bash", "-c", 'ulimit -f 1; exec "$@"', "", str(BIN / "sfbulk"), "--config"]
    ended = subprocess.run(
        [*limited, str(command.config), *words], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith(f"[Errno 27] File too large: '{path}.part'")
    assert "Traceback" not in ended.stderr
    assert command.json(*words)["resumed"] is True
    assert_whole(path, accounts)


def test_parquet_that_could_not_be_written_is_made_of_the_rows_that_are_there(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    path, made = command.path("accounts.parquet"), command.path("accounts.parquet.made")
    made.mkdir()
    ended = command.run("query", SOQL, "-o", path)
    assert ended.code == 1
    assert str(made) in ended.reason
    made.rmdir()
    command.sandbox.control.forget_requests()
    command.lines("query", SOQL, "-o", path)
    assert command.sandbox.control.requests_like(path="*/jobs/query*") == []
    assert_whole(path, accounts)


def test_a_page_with_fewer_rows_than_announced_is_an_error(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    del accounts
    path = command.path("a.csv")
    command.sandbox.control.add_fault(
        kind="answer",
        path="*/results",
        status=200,
        headers={"Sforce-NumberOfRecords": "5", "Sforce-Locator": "null"},
        body='"Id"\n"001000000000001AAA"\n',
        times=None,
    )
    ended = command.run("query", "SELECT Id FROM Account", "-o", path, "--api-type", "BULK2")
    assert ended.code == 1
    assert "holds 1 rows where Salesforce announced 5" in ended.reason
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("-o", "a.txt"), "must end in .csv, .jsonl or .parquet"),
        (("-o", "-", "--format", "parquet"), "Parquet needs a file"),
        (("-o", "-", "--json"), "--json writes to stdout"),
        (("-o", "/"), "is a folder"),
        (("-o", "a.json"), "must end in .csv, .jsonl or .parquet"),
        ((), "Missing option '-o'"),
    ],
)
def test_a_wrong_output_is_an_error_before_any_request(
    command: Command, words: tuple[str, ...], reason: str
) -> None:
    ended = command.run("query", SOQL, *words)
    assert (ended.code, ended.sent) == (1, 0)
    assert reason in ended.reason


def test_a_pipe_is_not_replaced_by_a_file(command: Command) -> None:
    # Not a device such as /dev/null: if this test ever fails as root, that would be lost.
    path = command.path("pipe.csv")
    os.mkfifo(path)
    ended = command.run("query", SOQL, "-o", path)
    assert (ended.code, ended.sent) == (1, 0)
    assert "is a device or a pipe" in ended.reason
    assert path.is_fifo()


def test_a_wrong_query_is_one_line(command: Command) -> None:
    ended = command.run("query", "SELECT Nope FROM Account", "-o", command.path("a.csv"))
    assert ended.code == 1
    assert "INVALID_FIELD" in ended.reason
    assert "Traceback" not in ended.log


def test_a_terminal_shows_rows_and_the_job_while_it_runs(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    path = command.path("accounts.csv")
    command.sandbox.control.hold_jobs()
    with command.on_terminal("query", SOQL, "-o", path) as terminal:
        terminal.until("is running")
        command.sandbox.control.release_jobs()
        text = terminal.text()
    assert f"INFO Account: {ROWS} rows are in" in text.splitlines()[-1]
    assert "\x1b[" in terminal.raw
    assert_whole(path, accounts)


def test_a_pipe_that_is_closed_is_one_line(
    command: Command, accounts: list[dict[str, Any]]
) -> None:
    del accounts
    process = command.start(
        "query",
        SOQL,
        "-o",
        "-",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    log = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(30) == 1
    assert "The program that reads this command's output has ended." in log.splitlines()[-1]
