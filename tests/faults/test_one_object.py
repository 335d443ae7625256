"""The trouble of one object is its own, whatever exception it is and where it happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.faults.commands import forked
from tests.faults.planted import EXCEPTIONS
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Ended

ROWS = 3

SLOW = pytest.mark.slow

# Each place with another kind of exception, and each kind at one place.
IN_THE_TAP = [
    pytest.param("describe", "KeyError", marks=SLOW),
    pytest.param("source", "ValueError", marks=SLOW),
    pytest.param("stream", "RecursionError", marks=SLOW),
    pytest.param("request", "MemoryError", marks=SLOW),
    ("schema", "UnicodeDecodeError"),
    pytest.param("plan", "OSError", marks=SLOW),
    pytest.param("queries", "AssertionError", marks=SLOW),
    pytest.param("submit", "ValueError", marks=SLOW),
    pytest.param("pages", "KeyError", marks=SLOW),
    pytest.param("finish", "MemoryError", marks=SLOW),
    pytest.param("deletions", "UnicodeDecodeError", marks=SLOW),
    pytest.param("maps", "OSError", marks=SLOW),
    ("emit", "AssertionError"),
    *(pytest.param("emit", kind, marks=SLOW) for kind in EXCEPTIONS),
]
IN_THE_TARGET = [
    pytest.param("preflight", "ValueError", marks=SLOW),
    ("send", "RecursionError"),
    pytest.param("poll", "MemoryError", marks=SLOW),
    pytest.param("follow-ups", "OSError", marks=SLOW),
    pytest.param("outcomes", "AssertionError", marks=SLOW),
    pytest.param("encode", "KeyError", marks=SLOW),
    ("results", "ValueError"),
    *(pytest.param("results", kind, marks=SLOW) for kind in EXCEPTIONS),
]
AFTER_THE_ROWS = ("finish", "deletions")
"""The rows are out then, and the bookmark has moved; only what comes after them is missing."""


def run(
    sandbox: Sandbox, folder: Path, command: str, *plant: str, stdin: bytes = b"", **files: Any
) -> Ended:
    files["config"] |= {"instance_url": sandbox.url, "access_token": sandbox.access_token}
    line = [command, *(plant or ("nowhere", "", ""))]
    for name, document in files.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document))
        line += [f"--{name}", str(path)]
    program = forked("tests.faults.planted:main")
    return program.run_line(folder, line, stdin=stdin, hurried=True)


def count(sandbox: Sandbox, name: str) -> int:
    head = {"Authorization": f"Bearer {sandbox.access_token}"}
    path = f"{sandbox.url}/services/data/v68.0/query?q=SELECT+COUNT()+FROM+{name}"
    answer: int = requests.get(path, headers=head, timeout=60).json()["totalSize"]
    return answer


def assert_one_line_names(ended: Ended, name: str, kind: str) -> None:
    assert ended.code == 1, ended.log
    assert name in ended.reason, ended.log
    assert (kind if kind != "OSError" else "planted") in ended.reason
    assert "Traceback" not in ended.log


@pytest.mark.parametrize(("place", "kind"), IN_THE_TAP)
def test_the_tap_reads_the_other_stream_and_the_next_run_this_one(
    place: str, kind: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    for name, field in (("Account", "Name"), ("Contact", "LastName")):
        sandbox.control.seed({name: [{field: f"{name} {at}"} for at in range(ROWS)]})
    config: dict[str, Any] = {
        "streams_to_discover": ["Account", "Contact"],
        "api_type": "BULK2",
    }
    if place == "maps":
        config["stream_maps"] = {"Account": {"Name": "Name + '!'"}}
    else:
        config["stream_options"] = {"*": {"hard_deletes": "recent"}}
    first = run(sandbox, tmp_path, "tap-sfbulk", place, kind, "Account", config=config)
    if place == "queries":
        # Jobs that are submitted ahead only save time.
        assert first.code == 0, first.log
        return
    assert_one_line_names(first, "Account", kind)
    rows, value = written(first)
    assert rows["Contact"] == ROWS
    bookmark = value["bookmarks"].get("Account", {})
    assert "deletes_covered" not in bookmark
    assert ("window_end" in bookmark) is (place in AFTER_THE_ROWS)

    again = run(sandbox, tmp_path, "tap-sfbulk", config=config, state=value)
    assert again.code == 0, again.log
    assert written(again)[0].get("Account", 0) == ROWS
    assert open_jobs(sandbox) == []


def written(ended: Ended) -> tuple[dict[str, int], dict[str, Any]]:
    """How many records of each stream a run has written, and its last state."""
    rows: dict[str, int] = {}
    value: dict[str, Any] = {}
    for line in ended.messages:
        message = json.loads(line)
        if message["type"] == "RECORD":
            rows[message["stream"]] = rows.get(message["stream"], 0) + 1
        if message["type"] == "STATE":
            value = message["value"]
    return rows, value


def open_jobs(sandbox: Sandbox) -> list[str]:
    head = {"Authorization": f"Bearer {sandbox.access_token}"}
    path = f"{sandbox.url}/services/data/v68.0/jobs/query"
    jobs = requests.get(path, headers=head, timeout=60).json()["records"]
    return [job["state"] for job in jobs if job["state"] in ("UploadComplete", "InProgress")]


ACCOUNTS = [
    schema("Account", "Name"),
    *(record("Account", Name=f"A{at}") for at in range(ROWS)),
    state(at="accounts"),
]
CONTACTS = [
    schema("Contact", "LastName"),
    *(record("Contact", LastName=f"C{at}") for at in range(ROWS)),
    state(at="contacts"),
]


@pytest.mark.parametrize(("place", "kind"), IN_THE_TARGET)
def test_the_target_settles_the_other_stream_and_the_next_run_this_one(
    place: str, kind: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    config: dict[str, Any] = {"output_dir": str(tmp_path / "output"), "operation": "insert"}
    # So that accounts are sent while the contacts are read.
    config["batch_size_rows"] = 1
    given = as_lines([*ACCOUNTS, *CONTACTS])
    first = run(
        sandbox, tmp_path, "target-sfbulk", place, kind, "Contact", config=config, stdin=given
    )
    assert_one_line_names(first, "Contact", kind)
    assert [json.loads(line)["at"] for line in first.messages] in (["accounts"], [])
    # What ran was waited for.
    assert count(sandbox, "Account") >= ROWS - 1

    # A tap goes on from the last STATE.
    given = as_lines(CONTACTS) if first.messages else given
    again = run(sandbox, tmp_path, "target-sfbulk", config=config, stdin=given)
    assert again.code == 0, again.log
    assert again.messages[-1] == b'{"at": "contacts"}'
    assert (count(sandbox, "Account"), count(sandbox, "Contact")) == (ROWS, ROWS)
