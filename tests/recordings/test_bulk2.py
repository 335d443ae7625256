"""Recorded jobs of Bulk API 2.0, gone through again step by step."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.recordings.support import RECORDINGS, document, form, needs_recordings
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

pytestmark = needs_recordings


def shape(document: Any) -> Any:
    """Return keys in order and types of values; texts that name a state or kind stay."""
    kept = {"state", "operation", "concurrencyMode", "contentType", "apiVersion", "jobType"}
    kept |= {"lineEnding", "columnDelimiter"}
    return [
        (key, value if key in kept else (type(value).__name__, len(str(value)) * (key == "id")))
        for key, value in document.items()
    ]


def test_each_step_of_the_recorded_update_and_query(sandbox: Sandbox) -> None:
    org = Org(sandbox, "52.0")
    record_id = org.json("POST", "/sobjects/Account", json={"Name": "x"})["id"]
    sandbox.control.jobs_after_polls(2)
    job = org.open_load("Account", "update")
    path = f"/jobs/ingest/{job['id']}"
    seen = [job, org.json("GET", path)]
    org.upload(job["id"], f"Id,Phone\n{record_id},1\n".encode())
    seen += [org.json("GET", path), org.close(job["id"]).json()]
    org.json("GET", path)
    seen += [org.json("GET", path), org.json("GET", path)]
    query = {"operation": "query", "query": "SELECT Id, Name, Phone FROM Account"}
    seen.append(org.json("POST", "/jobs/query", json=query))
    path = f"/jobs/query/{seen[-1]['id']}"
    org.json("GET", path)
    seen += [org.json("GET", path), org.json("GET", path)]
    recording = document("bulk2/clidx_ingest_update_and_query_v52.json")
    expected = [step["body"] for step in recording["steps"]]
    assert [shape(document) for document in seen] == [shape(document) for document in expected]
    assert (
        org.results(job["id"], "failedResults") == recording["failedResults_csv_when_none_failed"]
    )
    assert (
        org.results(job["id"], "unprocessedrecords")
        == (recording["unprocessedrecords_csv_when_none"])
    )
    assert org.get(path + "/failedResults").text == recording["failedResults_of_a_query_job_csv"]
    ours, theirs = org.get(path + "/results").text, recording["query_results_csv"]
    assert {cells(line) for line in ours.splitlines()} == {
        cells(line) for line in theirs.splitlines()
    }


def cells(line: str) -> str:
    """Return a line of CSV with ids, names and phones taken out of their quotes."""
    return re.sub(r'"(?!Id|Name|Phone)[^"]*"', '"x"', line)


def test_the_recorded_lists(sandbox: Sandbox) -> None:
    lists = document("bulk2/clidx_list_jobs.json")
    old = Org(sandbox, "49.0")
    old.load("Case", "insert", b"Subject\nx\n")
    ours, theirs = old.json("GET", "/jobs/ingest"), lists["ingest_list_v49"]
    assert list(ours) == list(theirs)
    assert shape(ours["records"][0]) == shape(theirs["records"][0])
    query = {"operation": "query", "query": "SELECT Id FROM Account"}
    newer = Org(sandbox, "51.0")
    newer.wait("query", newer.json("POST", "/jobs/query", json=query)["id"])
    ours, theirs = newer.json("GET", "/jobs/query"), lists["query_list_v51_first_two"]
    assert ours["done"] == theirs["done"]
    assert shape(ours["records"][0]) == shape(theirs["records"][0])


def test_each_step_of_the_recorded_query(sandbox: Sandbox) -> None:
    recording = document("bulk2/clidx_query_v51.json")
    org = Org(sandbox, "51.0")
    sandbox.control.jobs_after_polls(2)
    query = {"operation": "query", "query": "SELECT Id, AccountId, ContactId FROM Case"}
    seen = [org.json("POST", "/jobs/query", json=query)]
    path = f"/jobs/query/{seen[0]['id']}"
    org.json("GET", path)
    seen += [org.json("GET", path), org.json("GET", path)]
    assert [shape(one) for one in seen] == [shape(one) for one in recording["steps"]]
    assert org.get(path + "/failedResults").text == recording["failedResults_of_a_query_job_csv"]


def test_the_forms_of_values_in_csv(sandbox: Sandbox) -> None:
    theirs = document("bulk2/airbyte_bulk_record_types.json")["record"]
    org = Org(sandbox)
    values = {"Name": "x", "CloseDate": "2023-10-22", "StageName": "Prospecting"}
    org.json("POST", "/sobjects/Opportunity", json=values)
    job = org.run_query("SELECT Id, CloseDate, SystemModstamp FROM Opportunity")
    text = org.get(f"/jobs/query/{job['id']}/results").text
    (ours,) = csv.DictReader(io.StringIO(text, newline=""))
    names = {"Id": "Id", "CloseDate": "MetricsDate", "SystemModstamp": "SystemModstamp"}
    assert {ours_: form(ours[ours_]) for ours_ in names} == {
        ours_: form(theirs[name]) for ours_, name in names.items()
    }
    assert ours["CloseDate"] == theirs["MetricsDate"]


@pytest.mark.parametrize("name", ["backquote", "caret", "comma", "pipe", "semicolon", "tab"])
def test_a_file_of_the_clis_own_tests_loads_and_comes_back(org: Org, name: str) -> None:
    path: Path = RECORDINGS / f"csv/plugin_data_{name}.csv"
    delimiter = {"tab": "\t", "comma": ",", "pipe": "|", "semicolon": ";"}.get(name)
    delimiter = delimiter or {"backquote": "`", "caret": "^"}[name]
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=delimiter))
    ending = "CRLF" if b"\r\n" in path.read_bytes() else "LF"
    job = org.load(
        "Account", "insert", path.read_bytes(), columnDelimiter=name.upper(), lineEnding=ending
    )
    assert (job["state"], job["numberRecordsFailed"]) == ("JobComplete", 0)
    query = "SELECT Name, Type, Phone, Website FROM Account"
    job = org.run_query(query, columnDelimiter=name.upper(), lineEnding=ending)
    text = org.get(f"/jobs/query/{job['id']}/results").content.decode()
    loaded = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    fields = ("Name", "Type", "Phone", "Website")
    assert sorted(tuple(row[one] for one in fields) for row in loaded) == sorted(
        tuple(row[one.upper()] for one in fields) for row in rows
    )


def test_the_recorded_query_all(sandbox: Sandbox) -> None:
    org = Org(sandbox, "57.0")
    body = {"operation": "queryAll", "query": "SELECT Id FROM Account"}
    created = org.json("POST", "/jobs/query", json=body)
    assert shape(created) == shape(document("bulk2/airbyte_query_job_created_v57.json"))
