"""`sfbulk load` puts the records of a file into the org, each once, also after it was killed."""

from __future__ import annotations

import codecs
import csv
import html
import json
import re
import signal
import stat
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from sfbulk.cli.rejects import Rejects
from sfbulk.errors import DataError
from tests.cli.support import eventually, rest
from tests.faults.kills import Kill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.cli.support import Command

UPSERT = ("--sobject", "Contact", "--operation", "upsert", "--external-id", "Ext_Id__c")
INSERT = ("--sobject", "Contact", "--operation", "insert")
TEXTS = ('quoted "text"', "comma, comma", "two\nlines", "Ünïcödé 漢字 😀", "NA", "null", "007")


def people(count: int) -> list[dict[str, Any]]:
    return [
        {"Ext_Id__c": f"P-{n}", "LastName": f"{TEXTS[n % len(TEXTS)]} {n}", "Title": "CEO"}
        for n in range(count)
    ]


def write_csv(path: Path, records: Sequence[dict[str, Any]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    return path


def write_jsonl(path: Path, records: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def contacts(command: Command, *fields: str) -> list[tuple[Any, ...]]:
    fields = fields or ("Ext_Id__c", "LastName", "Title")
    found = rest(command.sandbox, "SELECT Id, Ext_Id__c, LastName, Title FROM Contact")
    return sorted(tuple(record[name] for name in fields) for record in found)


def sent(records: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((one["Ext_Id__c"], one["LastName"], one["Title"]) for one in records)


def rejects(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("api", ["BULK2", "BULK"])
def test_the_records_of_a_file_are_in_the_org(command: Command, form: str, api: str) -> None:
    records, path = people(40), command.path(f"people.{form}")
    if form == "parquet":
        pl.DataFrame(records).write_parquet(path)
    else:
        (write_csv if form == "csv" else write_jsonl)(path, records)
    told = command.json("load", path, *UPSERT, "--api-type", api)
    assert contacts(command) == sent(records)
    assert (told["read"], told["succeeded"], told["created"], told["rejected"]) == (40, 40, 40, 0)
    assert told["rejects"] is None
    again = command.json("load", path, *UPSERT, "--api-type", api)
    assert (again["succeeded"], again["created"]) == (40, 0)
    assert contacts(command) == sent(records)


def test_values_of_json_and_parquet_are_exact(command: Command) -> None:
    words = ("--sobject", "Opportunity", "--operation", "insert")
    amount = Decimal("123456789012345.25")
    record = {"Name": "p", "StageName": "x", "CloseDate": date(2026, 1, 2), "Amount": amount}
    pl.DataFrame([record | {"IsPrivate": True}]).write_parquet(command.path("p.parquet"))
    command.lines("load", command.path("p.parquet"), *words)
    command.path("j.jsonl").write_text(
        '{"Name":"j","StageName":"x","CloseDate":"2026-01-02","Amount":123456789012345.25,'
        '"IsPrivate":true}',
        "utf-8",
    )
    command.lines("load", command.path("j.jsonl"), *words)
    stored = rest(command.sandbox, "SELECT Id, Name, CloseDate, Amount, IsPrivate FROM Opportunity")
    assert [(one["Name"], one["CloseDate"], one["Amount"], one["IsPrivate"]) for one in stored] == [
        (name, "2026-01-02", amount, True) for name in ("p", "j")
    ]


def test_a_timestamp_of_parquet_without_a_zone_is_in_utc_and_a_short_float_keeps_its_digits(
    command: Command,
) -> None:
    path = command.path("e.parquet")
    when = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - without a zone, as in many files
    record = {"Subject": "s", "StartDateTime": when, "DurationInMinutes": 30}
    pl.DataFrame([record]).write_parquet(path)
    command.lines("load", path, "--sobject", "Event", "--operation", "insert")
    (stored,) = rest(command.sandbox, "SELECT Id, StartDateTime FROM Event")
    assert stored["StartDateTime"] == "2026-01-02T03:04:05.000+0000"
    schema = {"LastName": pl.String, "MailingLatitude": pl.Float32}
    path = command.path("c.parquet")
    pl.DataFrame([{"LastName": "a", "MailingLatitude": 1.1}], schema).write_parquet(path)
    command.lines("load", path, *INSERT)
    (stored,) = rest(command.sandbox, "SELECT Id, MailingLatitude FROM Contact")
    assert stored["MailingLatitude"] == Decimal("1.1")


def test_a_null_clears_a_field_and_an_empty_cell_does_not(command: Command) -> None:
    records = people(3)
    command.lines("load", write_csv(command.path("a.csv"), records), *UPSERT)
    left, cleared, same = ({**one} for one in records)
    left["Title"], same["Title"] = "", "CEO"
    command.lines("load", write_csv(command.path("b.csv"), [left]), *UPSERT)
    cleared["Title"] = None
    command.lines("load", write_jsonl(command.path("c.jsonl"), [cleared]), *UPSERT)
    assert [title for _, _, title in contacts(command)] == ["CEO", None, "CEO"]


def test_refused_records_are_written_with_their_reasons_and_can_be_loaded_again(
    command: Command,
) -> None:
    records = people(6)
    records[1]["LastName"] = ""
    records[3]["Ext_Id__c"] = ""
    records[4]["LastName"] = "x" * 100
    path = write_csv(command.path("people.csv"), records)
    ended = command.run("load", path, *UPSERT, "--json")
    assert ended.code == 1
    assert json.loads(b"\n".join(ended.messages))["rejected"] == 3
    assert "refused records: 3 of 6, more than --max-rejects 0" in ended.reason
    assert "REQUIRED_FIELD_MISSING on LastName" in ended.reason
    file = command.path("people.rejects.jsonl")
    found = rejects(file)
    assert [(one["row"], one["kind"], one["record"]) for one in found] == [
        (2, "rejected", records[1]),
        (4, "unconvertible", records[3]),
        (5, "rejected", records[4]),
    ]
    assert found[0]["code"] == "REQUIRED_FIELD_MISSING"
    assert found[0]["fields"] == ["LastName"]
    assert found[0]["job_id"].startswith("750")
    for one in found:
        one["record"] |= {"LastName": "Mended", "Ext_Id__c": f"M-{one['row']}"}
    command.lines("load", write_jsonl(file, found), *UPSERT)
    kept = [one for at, one in enumerate(records) if at not in (1, 3, 4)]
    mended = [{**one["record"], "Title": "CEO"} for one in found]
    assert contacts(command) == sent([*kept, *mended])


def test_an_input_that_gets_shorter_during_the_load_is_named(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "people.rejects.jsonl", lambda: iter([{}]), lambda *_: None)
    rejects.add_known(2, "reason")
    with pytest.raises(DataError, match="record 2 cannot be written, since the input has changed"):
        rejects.write(2)


@pytest.mark.parametrize(("budget", "code"), [("1", 1), ("2", 0), ("19%", 1), ("20%", 0)])
def test_max_rejects_decides_the_exit_code(command: Command, budget: str, code: int) -> None:
    records = people(10)
    records[0]["LastName"] = records[9]["LastName"] = ""
    path = write_csv(command.path("people.csv"), records)
    assert command.run("load", path, *UPSERT, "--max-rejects", budget).code == code


@pytest.mark.parametrize("operation", ["insert", "delete"])
def test_a_load_with_too_many_rejects_can_be_run_again_and_loads_no_row_twice(
    command: Command, operation: str
) -> None:
    records, words = people(6), ["--sobject", "Contact", "--operation", operation]
    if operation == "delete":
        command.lines("load", write_csv(command.path("before.csv"), records), *UPSERT)
        records[1]["Ext_Id__c"] = "P-missing"
        words += ["--external-id", "Ext_Id__c"]
    else:
        records[1]["LastName"] = ""
    path = write_csv(command.path("people.csv"), records)
    for _ in range(2):
        ended = command.run("load", path, *words)
        assert ended.code == 1
        assert "refused records: 1 of 6" in ended.reason
        assert "Run the same command again: what is loaded is not sent again." in ended.reason
    left = [one for one in people(6) if one["Ext_Id__c"] == "P-1"]
    good = left if operation == "delete" else [one for one in records if one["LastName"]]
    assert contacts(command) == sent(good)
    # The last run ends well, so the next one loads all.
    counts = command.json("load", path, *words, "--max-rejects", "1")
    assert (counts["succeeded"], counts["skipped"], counts["rejected"]) == (0, 5, 1)


def test_a_dry_run_writes_the_files_and_sends_nothing(command: Command) -> None:
    records = people(5)
    path = write_csv(command.path("people.csv"), [*records, {**records[0], "Ext_Id__c": ""}])
    output = command.path("out")
    ended = command.run("load", path, *UPSERT, "--dry-run", "--output-dir", output, "--json")
    assert ended.code == 1
    (file,) = json.loads(b"\n".join(ended.messages))["files"]
    with Path(file).open(encoding="utf-8", newline="") as text:
        assert [dict(row) for row in csv.DictReader(text)] == records
    assert contacts(command) == []
    assert command.sandbox.control.requests_like("POST", "*/jobs/*") == []
    assert {one.name for one in output.iterdir()} == {"dry-run"}


def test_a_dry_run_removes_the_files_of_the_last_one_and_no_others(command: Command) -> None:
    folder = command.path("dry-run") / "people"
    folder.mkdir(parents=True)
    path, note = write_csv(folder / "people.csv", people(2)), folder / "note.txt"
    note.write_text("mine")
    (folder / "people-0002.csv").write_text("of the last one")
    words = (*UPSERT, "--dry-run", "--output-dir", command.folder)
    assert command.json("load", path, *words)["succeeded"] == 2
    names = {one.name for one in folder.iterdir()}
    assert names == {"people.csv", "note.txt", "people-0001.csv", "report.html"}


@pytest.mark.parametrize("by", ["Id", "Ext_Id__c"])
def test_records_are_deleted_and_updated_by_id_and_by_external_id(
    command: Command, by: str
) -> None:
    records = people(4)
    command.lines("load", write_csv(command.path("a.csv"), records), *UPSERT)
    keys = sorted(
        record[by] for record in rest(command.sandbox, "SELECT Id, Ext_Id__c FROM Contact")
    )
    words = ("--sobject", "Contact", *(() if by == "Id" else ("--external-id", by)))
    changes = write_csv(command.path("b.csv"), [{by: keys[0], "Title": "CTO"}])
    command.lines("load", changes, *words, "--operation", "update")
    gone = write_csv(command.path("c.csv"), [{by: key, "Title": "x"} for key in keys[1:]])
    command.lines("load", gone, *words, "--operation", "delete")
    assert contacts(command, by, "Title") == [(keys[0], "CTO")]


def test_another_delimiter_and_an_unknown_form(command: Command) -> None:
    records = people(3)
    path = write_csv(command.path("people.txt"), records, ";")
    assert "must end in .csv" in command.run("load", path, *UPSERT).reason
    command.lines("load", path, *UPSERT, "--format", "csv", "--delimiter", ";")
    assert contacts(command) == sent(records)


INSERT_REQUESTS = 14
"""Requests of an insert that has no earlier run."""


@pytest.mark.parametrize(
    ("api", "answered"),
    [
        pytest.param("BULK2", False, marks=pytest.mark.slow),
        ("BULK2", True),
        pytest.param("BULK", True, marks=pytest.mark.slow),
    ],
)
def test_an_insert_that_is_killed_anywhere_loads_each_record_once(
    command: Command, api: str, *, answered: bool
) -> None:
    records = people(30)
    records[7]["LastName"] = ""
    good = [one for one in records if one["LastName"]]
    killed = 0
    for request in range(INSERT_REQUESTS):
        command.sandbox.control.reset()
        path = write_csv(command.path(f"p{request}.csv"), records)
        words = ("load", path, *INSERT, "--api-type", api, "--max-rejects", "1")
        ended = command.run(*words, kill=Kill(request=request, answered=answered))
        if ended.code != -signal.SIGKILL:
            break
        killed += 1
        again = command.run(*words)
        assert again.code == 0, again.log
        assert contacts(command) == sent(good)
        (refused,) = rejects(command.path(f"p{request}.rejects.jsonl"))
        assert refused["record"] == records[7]
    assert killed > 4


def test_a_load_that_is_killed_before_it_forgets_its_rows_loads_none_twice(
    command: Command,
) -> None:
    records = people(10)
    path = write_csv(command.path("people.csv"), records)
    end = Kill(before="sfbulk.load.run_journal:RunJournal.end")
    assert command.run("load", path, *INSERT, kill=end).code == -signal.SIGKILL
    command.lines("load", path, *INSERT)
    assert contacts(command) == sent(records)


@pytest.mark.parametrize(
    ("code", "step", "said", "status"),
    [(0, 0, "exit|step|close", 0), (0, 1, "exit|step|close", 1), (1, 0, "exit|close", 1)],
)
def test_the_last_step_comes_after_all_that_python_does_at_its_exit(
    code: int, step: int, said: str, status: int
) -> None:
    program = (
        "import atexit, functools, sys\n"
        "from sfbulk.cli.last_step import do_last, exit_with_last_step\n"
        "say = lambda word: functools.partial(print, word, end='|', flush=True)\n"
        "atexit.register(say('exit'))\n"
        f"do_last(lambda: say('step')() or {step}, say('close'))\n"
        f"exit_with_last_step({code})\n"
        "print('not the end')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout.decode().rstrip("|")) == (status, said)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_aborts_the_jobs_and_the_same_command_goes_on(
    command: Command, signum: int
) -> None:
    records = people(30)
    path = write_csv(command.path("people.csv"), records)
    command.sandbox.control.hold_jobs()
    ended = command.run("load", path, *INSERT, kill=Kill(request=7, answered=True, signum=signum))
    assert ended.code == 1
    assert ended.reason == (
        f"{signal.Signals(signum).name}: stopped. Run the same command again: what is loaded is "
        "not sent again."
    )
    assert [job["state"] for job in command.json("jobs", "list")] == ["Aborted"]
    command.sandbox.control.jobs_at_once()
    command.lines("load", path, *INSERT)
    assert contacts(command) == sent(records)


def test_a_journal_in_use_is_an_error_that_says_where_it_lies(command: Command) -> None:
    path = write_csv(command.path("people.csv"), people(3))
    command.sandbox.control.hold_jobs()
    process = command.start(
        "load",
        path,
        *INSERT,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: command.sandbox.control.requests_like("PATCH", "*/jobs/ingest/*"))
    ended = command.run("load", path, *INSERT)
    assert ended.code == 1
    assert f"The journal {command.path('people.journal.sqlite')} is in use" in ended.reason
    assert ended.reason.endswith("It lies in --output-dir.")
    command.sandbox.control.jobs_at_once()
    command.sandbox.control.release_jobs()
    assert process.wait(30) == 0
    assert contacts(command) == sent(people(3))


def test_a_failed_job_is_an_error_with_what_was_done(command: Command) -> None:
    path = write_csv(command.path("people.csv"), people(10))
    command.sandbox.control.add_fault(
        kind="job_failed", object="Contact", after_rows=4, message="InvalidBatch : broken"
    )
    ended = command.run("load", path, *INSERT)
    assert ended.code == 1
    assert "InvalidBatch" in ended.reason
    assert "10 records read, 4 in, 6 refused" in ended.reason
    assert {one["kind"] for one in rejects(command.path("people.rejects.jsonl"))} == {"unprocessed"}
    command.lines("load", path, *INSERT)
    assert contacts(command) == sent(people(10))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--sobject", "Contact", "--operation", "upsert"), "upsert needs --external-id"),
        ((*INSERT, "--external-id", "Ext_Id__c"), "insert finds no records"),
        ((*INSERT, "--max-rejects", "many"), "--max-rejects must be a count"),
        ((*INSERT, "--concurrency", "Serial"), "needs --api-type BULK"),
        ((*INSERT, "--delimiter", "x"), "--delimiter must be one of"),
    ],
)
def test_a_wrong_option_is_an_error_before_any_request(
    command: Command, words: tuple[str, ...], reason: str
) -> None:
    path = write_csv(command.path("people.csv"), people(1))
    ended = command.run("load", path, *words)
    assert (ended.code, ended.sent) == (1, 0)
    assert reason in ended.reason


def test_an_unknown_column_or_object_is_an_error_before_the_first_job(command: Command) -> None:
    path = write_csv(command.path("people.csv"), [{"LastName": "a", "Nope__c": "b"}])
    assert "Contact has no Nope__c that this user may see" in (
        command.run("load", path, *INSERT).reason
    )
    ended = command.run("load", path, "--sobject", "Cntact", "--operation", "insert")
    assert "There is no object Cntact" in ended.reason
    assert command.json("jobs", "list") == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The CSV is empty"),
        (b"LastName\nM\xfcller\n", "is not UTF-8"),
        (b"LastName,Title\nA,b\nC\n", "Row 2 has 1 cells, but the header has 2"),
        (b"LastName,lastname\nA,b\n", "repeats columns: lastname"),
    ],
)
def test_what_is_no_csv_names_the_file(command: Command, data: bytes, reason: str) -> None:
    path = command.path("people.csv")
    path.write_bytes(data)
    ended = command.run("load", path, *INSERT)
    assert ended.code == 1
    assert ended.reason.startswith(f"{path}: ")
    assert reason in ended.reason
    assert "Traceback" not in ended.log


def test_a_file_that_breaks_late_loads_what_stands_before_it_once(command: Command) -> None:
    path, good = command.path("people.jsonl"), people(12)
    write_jsonl(path, good)
    whole = path.read_text("utf-8")
    path.write_text(f"{whole}{{broken\n", "utf-8")
    ended = command.run("load", path, *INSERT)
    assert ended.code == 1
    assert f"{path}: line 13 is not a JSON object." in ended.reason
    path.write_text(whole, "utf-8")
    command.lines("load", path, *INSERT)
    assert contacts(command) == sent(good)


def test_what_is_no_record_names_the_line_and_quotes_nothing(command: Command) -> None:
    path = command.path("people.jsonl")
    path.write_text('{"LastName": "a"}\n{"LastName": "s3cret"\n', "utf-8")
    ended = command.run("load", path, *INSERT)
    assert f"{path}: line 2 is not a JSON object." in ended.reason
    assert "s3cret" not in ended.log
    path = command.path("p.parquet")
    path.write_bytes(b"no parquet")
    assert "is not a Parquet file" in command.run("load", path, *INSERT).reason
    pl.DataFrame(people(2_000)).write_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:50] + bytes(500) + whole[550:])
    ended = command.run("load", path, *INSERT)
    assert f"{path} is not a Parquet file, or a damaged one." in ended.reason
    assert "Traceback" not in ended.log


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (r'{"LastName": "s3cret\ud800"}', "line 2 has half a surrogate pair"),
        (f"{'[' * 100_000}", "line 2 is not a JSON object."),
        (f'{{"LastName": {"[" * 100_000}{"]" * 100_000}}}', "line 2 is not a JSON object."),
        ('{"record":null,"code":"a","message":"b","kind":"c"}', "line 2 is one of a rejects file"),
    ],
    ids=["surrogate", "open", "deep", "reject"],
)
def test_a_line_that_cannot_be_loaded_says_why_and_the_lines_before_it_are_loaded_once(
    command: Command, line: str, reason: str
) -> None:
    path = command.path("people.jsonl")
    path.write_text(f'{{"LastName": "a"}}\n{line}\n', "utf-8")
    for _ in range(2):
        ended = command.run("load", path, *INSERT)
        assert ended.code == 1
        assert f"{path}: {reason}" in ended.reason
        assert "s3cret" not in ended.log
        assert "Traceback" not in ended.log


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_byte_order_mark_at_the_beginning_is_no_part_of_the_first_record(
    command: Command, form: str
) -> None:
    path, records = command.path(f"people.{form}"), people(3)
    (write_csv if form == "csv" else write_jsonl)(path, records)
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    command.lines("load", path, *INSERT)
    assert contacts(command) == sent(records)


def test_a_pipe_is_an_error_since_its_records_could_be_read_only_once(command: Command) -> None:
    words = (
        "load",
        "/dev/stdin",
        *INSERT,
        "--format",
        "jsonl",
        "--output-dir",
        str(command.folder),
    )
    process = command.start(*words, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    _, log = process.communicate(b'{"LastName":"a"}\n', timeout=30)
    assert process.returncode == 1
    assert b"must be a file and no pipe" in log.splitlines()[-1]
    assert command.json("jobs", "list") == []


def test_a_terminal_shows_what_is_sent_while_jobs_run(command: Command) -> None:
    path = write_csv(command.path("people.csv"), people(20))
    command.sandbox.control.hold_jobs()
    with command.on_terminal("load", path, *INSERT) as terminal:
        terminal.until("20 read, 20 sent, 1 job in flight: 750")
        command.sandbox.control.release_jobs()
        text = terminal.text()
    assert "INFO Contact: 20 records read, 20 in." in text.splitlines()[-1]
    assert contacts(command) == sent(people(20))


def test_a_page_shows_what_was_refused_and_why_the_load_failed(command: Command) -> None:
    evil = "<script>alert(1)</script>"
    table = command.path("people.csv")
    table.write_text(f"LastName,Email\nGood,a@example.com\n{evil},nowhere\nBad,nowhere\n")
    ended = command.run("load", table, *INSERT)
    assert ended.code == 1, ended.log
    latest, own = command.path("report.html"), command.path("people.report.html")
    assert latest.read_text() == own.read_text()
    written = (latest, own, command.path("people.rejects.jsonl"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    page = own.read_text()
    assert "Run of sfbulk load" in page
    assert "Contact: refused records: 2 of 3, more than --max-rejects 0" in page
    assert "INVALID_EMAIL_ADDRESS" in page
    assert 'aria-label="people.csv: 1 in, 2 refused"' in page
    assert html.escape(evil) in page
    assert evil not in page
    assert "JobComplete" in page


def test_the_page_shows_the_fields_of_records_of_json_lines(command: Command) -> None:
    path = command.path("people.jsonl")
    record = '"MailingLatitude":1.10,"Title":null,"Email":"nowhere","LastName":"A <b>"'
    path.write_text(f"{{{record}}}\n", "utf-8")
    assert command.run("load", path, *INSERT).code == 1
    page = command.path("people.report.html").read_text("utf-8")
    (sample,) = re.findall('<article class="sample">.*?</article>', page)
    shown = re.findall("<dt.*?>(.*?)</dt><dd.*?>(.*?)</dd>", sample)
    cells = [re.sub("</?bdi>", "", text) for pair in shown for text in pair]
    assert cells == [
        *("Email", "nowhere"),
        *("MailingLatitude", "1.10"),
        *("Title", '<i class="null">null</i>'),
        *("LastName", "A &lt;b&gt;"),
    ]


def test_a_number_of_parquet_that_json_does_not_have_is_no_null_in_the_rejects(
    command: Command,
) -> None:
    path, own = command.path("people.parquet"), command.path("people.rejects.jsonl")
    record = {"Ext_Id__c": "P-1", "LastName": "a", "MailingLatitude": 1.5}
    born = {"Birthdate": date(2001, 2, 3)}
    pl.DataFrame([record | born]).write_parquet(path)
    command.lines("load", path, *UPSERT)
    pl.DataFrame([record | born | {"MailingLatitude": float("nan")}]).write_parquet(path)
    assert command.run("load", path, *UPSERT).code == 1
    (refused,) = rejects(own)
    assert refused["record"] == record | {"Birthdate": "2001-02-03", "MailingLatitude": "nan"}
    page = command.path("people.report.html").read_text("utf-8")
    assert "<dd><bdi>2001-02-03</bdi></dd>" in page
    # A null would have cleared the field.
    assert command.run("load", own, *UPSERT).code == 1
    (stored,) = rest(command.sandbox, "SELECT Id, MailingLatitude FROM Contact")
    assert stored["MailingLatitude"] == Decimal("1.5")


END = "sfbulk.load.run_journal:RunJournal.end"


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_an_insert_that_a_signal_ends_when_all_is_loaded_is_not_loaded_again(
    command: Command, signum: int, code: int
) -> None:
    # Without its external id: Salesforce would refuse a second one.
    records = [{"LastName": f"Person {number}"} for number in range(5)]
    path = write_csv(command.path("people.csv"), records)
    ended = command.run("load", path, *INSERT, kill=Kill(before=END, signum=signum))
    assert ended.code == code, ended.log
    if code:
        # Somebody who sees this exit code runs it again.
        assert "5 records read, 0 in, 5 in before" in command.run("load", path, *INSERT).log
    assert contacts(command, "LastName") == [(record["LastName"],) for record in records]


def test_the_page_of_a_load_that_was_killed_says_that_it_did_not_end(command: Command) -> None:
    path = write_csv(command.path("people.csv"), people(3))
    command.lines("load", path, *UPSERT)
    latest, own = command.path("report.html"), command.path("people.report.html")
    assert "<b>Complete</b>" in own.read_text()
    ended = command.run("load", path, *UPSERT, kill=Kill(request=4, answered=True))
    assert ended.code == -signal.SIGKILL
    assert "<b>Not ended when this page was written</b>" in own.read_text()
    assert latest.read_text() == own.read_text()


def test_a_page_that_cannot_be_written_is_one_warning(command: Command) -> None:
    table = command.path("people.csv")
    table.write_text("LastName\nGood\n")
    command.path("report.html").write_text("<h1>Sales of the year</h1>")
    ended = command.run("load", table, *INSERT)
    assert ended.code == 0, ended.log
    assert command.path("report.html").read_text() == "<h1>Sales of the year</h1>"
    assert "Complete" in command.path("people.report.html").read_text()
    warnings = [line for line in ended.log.splitlines() if "WARNING" in line]
    assert len(warnings) == 1, ended.log
    assert "report.html is incomplete or not written" in warnings[0]


def test_a_dry_run_has_its_page_beside_its_files(command: Command) -> None:
    table = command.path("people.csv")
    table.write_text("LastName\nGood\n")
    assert command.run("load", table, *INSERT, "--dry-run").code == 0
    folder = command.path("dry-run") / "people"
    assert "people-0001.csv" in (folder / "report.html").read_text()
    assert not command.path("report.html").exists()
