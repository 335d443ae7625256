"""Typed documents are read by several threads at once, from the first document on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Two threads that made msgspec look into a type at the same time ended half of such processes.
FIRST_DOCUMENTS = """
import sys, threading
from sfbulk.bulk2.states import parse_job
from sfbulk.describe.model import parse_describe, parse_summary

sys.setswitchinterval(1e-6)
field = {"name": "Id", "type": "id", "picklistValues": [{"value": "a"}]}
reads = {
    "describe": lambda: parse_describe({"name": "A", "fields": [field]}).name,
    "summary": lambda: parse_summary({"name": "A"}).name,
    "job": lambda: parse_job({"id": "750000000000001", "state": "Open"}).id,
}
read = reads[sys.argv[1]]
start, names = threading.Barrier(16), []

def first():
    start.wait()
    names.append(read())

threads = [threading.Thread(target=first) for _ in range(16)]
for each in threads: each.start()
for each in threads: each.join()
print(len(names))
"""


@pytest.mark.parametrize("document", ["describe", "summary", "job"])
def test_the_first_documents_may_come_to_several_threads_at_once(document: str) -> None:
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-c", FIRST_DOCUMENTS, document],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert (done.returncode, done.stdout) == (0, "16\n"), done.stderr


def test_only_the_module_of_shapes_converts_documents() -> None:
    users = {
        str(path.relative_to(ROOT))
        for room in ("sfbulk", "sfbulk_singer", "tap_sfbulk", "target_sfbulk")
        for path in (ROOT / room).rglob("*.py")
        if "msgspec.convert" in path.read_text("utf-8")
    }
    assert users == {"sfbulk/http/shapes.py"}


def test_documents_of_the_org_are_parsed_by_one_module() -> None:
    """The others read files of this package and of its users."""
    others = {"cli", "load/journal_file.py"}
    users = {
        name
        for path in (ROOT / "sfbulk").rglob("*.py")
        if "json.loads" in path.read_text("utf-8")
        and not (name := path.relative_to(ROOT / "sfbulk").as_posix()).startswith(tuple(others))
    }
    assert users == set()
