"""Kinds of answers that real orgs gave, written out here with made-up names and ids.

The recordings themselves lie beside a developer's checkout only. `kinds/*.json` keeps what they
tell of each kind of answer: keys and their order, types, words and forms. `recorded` names the
files that have the kind; behind `#` stands where in the first of them.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from tests.recordings.support import NEW_RECORDINGS, RECORDINGS, form

FOLDER = Path(__file__).parent / "kinds"
NEW = "new:"
"""Begins the name of a file of the second folder."""
# Texts of these forms name something of one org; all other texts are Salesforce's words.
_OF_AN_ORG = {"id", "instant", "record path", "photo path"}


@cache
def _kinds(file: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((FOLDER / f"{file}.json").read_text("utf-8"))
    return found


def answer(kind: str) -> Any:
    """The answer of a kind: `bulk2/load created`."""
    file, _, name = kind.partition("/")
    return json.loads(json.dumps(_kinds(file)[name]["answer"]))


def all_kinds() -> dict[str, list[str]]:
    """Each kind with the recordings that have it."""
    files = sorted(path.stem for path in FOLDER.glob("*.json"))
    return {
        f"{file}/{name}": kind["recorded"] for file in files for name, kind in _kinds(file).items()
    }


def recorded(place: str) -> Any:
    """What stands at a place of a recording: a text as it is, JSON parsed."""
    name, found, steps = place.partition("#")
    folder = NEW_RECORDINGS if name.startswith(NEW) else RECORDINGS
    text = (folder / name.removeprefix(NEW)).read_text("utf-8")
    if not found:
        return text
    value = json.loads(text)
    for step in filter(None, steps.split("/")):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def assert_of_kind(ours: Any, kind: str) -> None:
    """Check an answer beside its kind: keys, their order, types, and Salesforce's words."""
    _compare(ours, answer(kind), kind)


def _compare(ours: Any, theirs: Any, where: str) -> None:
    assert type(ours) is type(theirs), f"{where}: {ours!r} beside {theirs!r}"
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), where
        for key, value in theirs.items():
            _compare(ours[key], value, f"{where}.{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for place, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            _compare(our, their, f"{where}[{place}]")
    elif isinstance(theirs, str):
        assert _words(ours) == _words(theirs), where
    elif isinstance(theirs, bool):
        assert ours == theirs, where


def _words(text: str) -> str:
    name = form(text)
    if name in _OF_AN_ORG:
        return name
    text = re.sub(r"\b750\w{12,15}\b", "(job)", text)
    text = re.sub(r"locator=[^&]+", "locator=", text)
    return re.sub(r"/query/01g\w+-", "/query/(cursor)-", text)
