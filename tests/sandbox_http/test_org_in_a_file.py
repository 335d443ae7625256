"""An org that lives in one file: `load`, `serve --db`, `describe`, `reset`, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests

from sfbulk_sandbox import Sandbox
from sfbulk_sandbox.faults.errors import OrgFileError
from tests.sandbox_http.front_door import Org
from tests.sandbox_http.test_cli import ready, run, served

LEADS = "FirstName,LastName,Company\nAda,Lee,Acme\n"


def rows(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def describes(folder: Path, *field_names: str) -> Path:
    """A describe of an object of our own, with text fields of these names."""
    folder.mkdir()
    fields: list[dict[str, Any]] = [{"name": "Id", "type": "id"}]
    fields += [{"name": name, "type": "string", "length": 80} for name in field_names]
    document = {"name": "Crate__c", "label": "Crate", "keyPrefix": "a77", "fields": fields}
    (folder / "Crate__c.json").write_text(json.dumps(document))
    return folder


def names(line: dict[str, str], soql: str) -> list[str]:
    answer = requests.get(
        line["url"] + "/services/data/v68.0/query",
        params={"q": soql},
        headers={"Authorization": f"Bearer {line['access_token']}"},
        timeout=30,
    )
    return [record["Name"] for record in answer.json()["records"]]


def job(line: dict[str, str], method: str, path: str, **options: Any) -> requests.Response:
    url = f"{line['url']}/services/data/v68.0/jobs/ingest{path}"
    headers = {"Authorization": f"Bearer {line['access_token']}"} | options.pop("headers", {})
    return requests.request(method, url, headers=headers, timeout=30, **options)


def insert(line: dict[str, str], sobject: str, body: str) -> str:
    """Create a job, upload and close, and return its id."""
    job_id: str = job(line, "POST", "", json={"object": sobject, "operation": "insert"}).json()[
        "id"
    ]
    csv_type = {"Content-Type": "text/csv"}
    assert job(line, "PUT", f"/{job_id}/batches", data=body, headers=csv_type).status_code == 201
    assert job(line, "PATCH", f"/{job_id}", json={"state": "UploadComplete"}).status_code == 200
    return job_id


def test_rows_survive_a_restart_and_ids_go_on(tmp_path: Path) -> None:
    db = tmp_path / "org.db"
    with Sandbox(db=db, sample=False) as first:
        org = Org(first)
        made = org.json("POST", "/sobjects/Account", json={"Name": "Kept"})["id"]
        user = first.org.user_id
    assert [path.name for path in tmp_path.iterdir()] == ["org.db"]
    with Sandbox(db=db) as second:
        org = Org(second)
        assert org.json("GET", f"/sobjects/Account/{made}")["Name"] == "Kept"
        other = org.json("POST", "/sobjects/Account", json={"Name": "Other"})["id"]
        assert other != made
        # No second helping of sample rows, and the same user.
        assert second.org.counts()["Account"] == 2
        assert second.org.user_id == user


def test_saved_rows_survive_a_kill_in_the_middle_of_a_job(tmp_path: Path) -> None:
    db = str(tmp_path / "org.db")
    with served(tmp_path, "--db", db, "--data", str(rows(tmp_path / "r", Lead=LEADS))) as process:
        line = ready(process)
        held = {"policy": "hold"}
        requests.put(f"{line['control_url']}/progress", json=held, timeout=30)
        done, waiting = (insert(line, "Account", f"Name\n{name}\n") for name in ("Done", "Lost"))
        release = {"job": done}
        requests.post(f"{line['control_url']}/progress/release", json=release, timeout=30)
        while job(line, "GET", f"/{done}").json()["state"] != "JobComplete":
            pass
        process.kill()
        process.communicate(timeout=30)
    with served(tmp_path, "--db", db) as process:
        line = ready(process)
        assert names(line, "SELECT Name FROM Account") == ["Done"]
        assert names(line, "SELECT Name FROM Lead") == ["Ada Lee"]
        # Jobs end with the command, and their ids never mean another job.
        assert [job(line, "GET", f"/{one}").status_code for one in (done, waiting)] == [404, 404]
        assert insert(line, "Account", "Name\nNew\n") not in {done, waiting}


def test_a_new_file_begins_with_the_sample_and_keeps_it_once(tmp_path: Path) -> None:
    with Sandbox(db=tmp_path / "org.db") as sandbox:
        begun = sandbox.org.counts()
    with Sandbox(db=tmp_path / "org.db") as sandbox:
        assert sandbox.org.counts() == begun
    assert begun["Account"] > 0


def test_a_reset_of_the_server_leaves_the_rows_of_a_file(tmp_path: Path) -> None:
    with Sandbox(db=tmp_path / "org.db", sample=False) as sandbox:
        org = Org(sandbox)
        org.json("POST", "/sobjects/Account", json={"Name": "Kept"})
        org.run_query("SELECT Id FROM Account")
        sandbox.control.reset()
        assert sandbox.org.counts()["Account"] == 1
        assert org.json("GET", "/jobs/query")["records"] == []


def test_load_fills_a_file_that_serve_serves(tmp_path: Path) -> None:
    db = str(tmp_path / "org.db")
    first = rows(tmp_path / "one", Account="Name,Ext_Id__c\nÅcme,A-1\n")
    second = rows(tmp_path / "two", Contact="LastName,Account.Ext_Id__c\nLee,A-1\n")
    loaded = run("load", "--db", db, str(first))
    assert (loaded.returncode, loaded.stdout, loaded.stderr) == (0, "Account: 1\n", "")
    assert run("load", "--db", db, str(second)).stdout == "Contact: 1\n"
    with served(tmp_path, "--db", db) as process:
        line = ready(process)
        assert names(line, "SELECT Name FROM Contact WHERE Account.Name = 'Åcme'") == ["Lee"]


def test_rows_that_do_not_fit_leave_no_file_behind(tmp_path: Path) -> None:
    db = tmp_path / "org.db"
    bad = rows(tmp_path / "bad", Account="Name,Foo__c\nAcme,1\n")
    result = run("load", "--db", str(db), str(bad))
    assert (result.returncode, result.stdout) == (1, "")
    assert "Account.csv, line 1, column Foo__c" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]


def test_rows_that_do_not_fit_leave_the_org_as_it_was(tmp_path: Path) -> None:
    db = str(tmp_path / "org.db")
    good = rows(tmp_path / "good", Account="Name,Ext_Id__c\nAcme,A-1\n")
    assert run("load", "--db", db, str(good)).returncode == 0
    again = run("load", "--db", db, str(good))
    assert again.returncode == 1
    assert "A-1" in again.stderr
    with Sandbox(db=Path(db)) as sandbox:
        assert sandbox.org.counts()["Account"] == 1


def test_describes_and_seed_are_remembered(tmp_path: Path) -> None:
    db, folder = str(tmp_path / "org.db"), describes(tmp_path / "d", "Name", "Colour__c")
    data = rows(tmp_path / "rows", Crate__c="Name,Colour__c\nBig,red\n")
    made = run("load", "--db", db, "--describe", str(folder), "--seed", "7", str(data))
    assert made.returncode == 0, made.stderr
    described = run("describe", "--db", db, "crate__c")
    fields = [field["name"] for field in json.loads(described.stdout)["fields"]]
    assert fields == ["Id", "Name", "Colour__c"]
    with Sandbox(db=Path(db)) as sandbox, Sandbox(seed=7) as other:
        assert Org(sandbox).json("GET", "/query?q=SELECT+Colour__c+FROM+Crate__c")["totalSize"] == 1
        assert sandbox.access_token == other.access_token
    # What the file remembers may be said again.
    with Sandbox(db=Path(db), describe=folder, seed=7) as sandbox:
        assert sandbox.org.counts()["Crate__c"] == 1


def test_random_credentials_stay_as_long_as_the_file(tmp_path: Path) -> None:
    tokens = []
    for name in ("one.db", "one.db", "two.db"):
        with Sandbox(db=tmp_path / name, sample=False) as sandbox:
            tokens.append((sandbox.access_token, sandbox.client_secret))
    assert tokens[0] == tokens[1]
    assert tokens[1][1] != tokens[2][1]


@pytest.mark.skipif(os.name != "posix", reason="there are no POSIX modes")
def test_only_its_user_can_read_what_an_org_leaves_on_disk(tmp_path: Path) -> None:
    db = tmp_path / "org.db"
    with Sandbox(db=db, sample=False) as sandbox:
        Org(sandbox).load("Account", "insert", b"Name\nA\n")
        open_files = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert set(open_files) >= {"org.db", "org.db-wal", "org.db-shm", "org.db.lock"}
    assert set(open_files.values()) == {0o600}
    # The user decides about a file that exists.
    db.chmod(0o640)
    with Sandbox(db=db):
        assert db.stat().st_mode & 0o777 == 0o640


def test_what_differs_from_the_file_is_refused_and_named(tmp_path: Path) -> None:
    db = tmp_path / "org.db"
    folder = describes(tmp_path / "d", "Name")
    with Sandbox(db=db, describe=folder, seed=1):
        pass
    other = describes(tmp_path / "other", "Name", "More__c")
    for options, word in (
        ({"describe": other}, "Crate__c"),
        ({"seed": 2}, "seed 1, not 2"),
        ({"data": rows(tmp_path / "rows", Account="Name\nA\n")}, "sfbulk-sandbox load"),
    ):
        with pytest.raises(OrgFileError, match=word), Sandbox(db=db, **options):
            pass
    with Sandbox(db=db) as sandbox:
        assert sandbox.org.schema.sobject("Crate__c") is not None


def test_a_file_in_use_is_refused(tmp_path: Path) -> None:
    db = tmp_path / "org.db"
    data = rows(tmp_path / "rows", Account="Name\nA\n")
    with Sandbox(db=db, sample=False) as sandbox:
        result = run("load", "--db", str(db), str(data))
        assert result.returncode == 1
        assert "another sandbox uses this file" in result.stderr
        # Reading what it is does not disturb.
        assert "Account\n" in run("describe", "--db", str(db)).stdout
        assert sandbox.org.counts()["Account"] == 0
    assert run("load", "--db", str(db), str(data)).stdout == "Account: 1\n"


def test_reset_empties_the_file_and_keeps_its_objects(tmp_path: Path) -> None:
    db = str(tmp_path / "org.db")
    folder = describes(tmp_path / "d", "Name")
    data = rows(tmp_path / "rows", Crate__c="Name\nBig\nSmall\n")
    run("load", "--db", db, "--describe", str(folder), str(data))
    result = run("reset", "--db", db)
    assert (result.returncode, result.stdout) == (0, "Crate__c: 2\n")
    with Sandbox(db=Path(db)) as sandbox:
        counts = sandbox.org.counts()
    assert counts["User"] == 1
    assert counts["Crate__c"] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--db"),
        ("load", "rows", "--db"),
        ("reset", "--db"),
        ("describe", "--db"),
    ],
)
def test_a_file_that_is_no_org_is_left_alone(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    foreign = tmp_path / "notes.txt"
    foreign.write_text("not a database, and of some length so that SQLite can tell")
    data = rows(tmp_path / "rows", Account="Name\nA\n")
    words = [str(data) if word == "rows" else word for word in arguments]
    result = run(*words, str(foreign))
    assert (result.returncode, result.stdout) == (1, "")
    assert "notes.txt: this is not the file of a sandbox org" in result.stderr
    assert foreign.read_text().startswith("not a database")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "rows"]


@pytest.mark.parametrize("command", ["reset", "describe"])
def test_a_missing_file_is_named_and_not_made(tmp_path: Path, command: str) -> None:
    result = run(command, "--db", str(tmp_path / "no.db"))
    assert (result.returncode, result.stdout) == (1, "")
    assert "there is no org in this file" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_describe_prints_what_rest_answers_and_lists_objects() -> None:
    with Sandbox(sample=False) as sandbox:
        # Pages for people have the server's address, which a command without a server cannot know.
        answer = Org(sandbox).get("/sobjects/Account/describe").text.replace(sandbox.url, "")
        listed = Org(sandbox).json("GET", "/sobjects")["sobjects"]
    assert json.loads(run("describe", "account").stdout) == json.loads(answer)
    assert run("describe").stdout.split() == sorted(entry["name"] for entry in listed)


def test_describe_of_an_unknown_object_is_one_message() -> None:
    result = run("describe", "Acount")
    assert (result.returncode, result.stdout) == (1, "")
    assert "there is no object Acount" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [[], ["load"], ["describe"], ["reset"]])
def test_help_of_every_command_teaches(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.returncode == 0
    assert "--db" in result.stdout
