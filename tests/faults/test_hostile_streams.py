"""Singer streams that are wrong in many ways: each record is loaded or refused by its name.

Or the run stops, and names the line. The streams are made from a seed, which a failure shows.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.commands import forked
from tests.target.support import Org, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.target.support import Run

QUICK_SEEDS, ALL_SEEDS = 4, 60
MOST_LINES = 60


class End(Enum):
    """What must become of a line."""

    LOADED = "loaded"
    REFUSED = "refused"
    """In the rejects file, and not in the org."""
    STOPS = "stops"
    """The run ends, and its last ERROR names the line."""
    NONE = "none"
    """It has no record."""


@dataclass(frozen=True)
class Line:
    """A line of the input."""

    data: bytes
    end: End = End.NONE
    key: str = ""
    name: str = ""
    """What the record's field Name is."""


def record(key: str, name: str, **more: Any) -> dict[str, Any]:
    fields = {"Ext_Id__c": key, "Name": name, **more}
    return {"type": "RECORD", "stream": "accounts", "record": fields}


def plain(key: str, name: str, **more: Any) -> bytes:
    return json.dumps(record(key, name, **more)).encode()


def reordered(key: str, name: str) -> bytes:
    fields = {"NumberOfEmployees": 7, "Name": name, "Ext_Id__c": key}
    message = {"record": fields, "time_extracted": "2026-01-01T00:00:00Z", "stream": "accounts"}
    return json.dumps({**message, "version": 1, "type": "RECORD", "unknown": [1]}).encode()


GOOD: dict[str, Callable[[str, str], bytes]] = {
    "plain": plain,
    "in another order": reordered,
    "not escaped": lambda k, n: json.dumps(record(k, n), ensure_ascii=False).encode(),
    "spread out": lambda k, n: b"  " + plain(k, n).replace(b": ", b" :\t") + b" \r",
    "nested text": lambda k, n: plain(k, n, Description={"a": [1, None, {"b": "c"}]}),
    "a whole number with decimals": lambda k, n: plain(k, n, NumberOfEmployees=12.0),
    "a number as text": lambda k, n: plain(k, n, NumberOfEmployees="12"),
    "an unknown field": lambda k, n: plain(k, n, nonsense=[[]]),
    "long text": lambda k, n: plain(k, n, Description="x" * 31_000),
    "line breaks and separators": lambda k, n: plain(k, n, Description="a\r\nb\u2028c\td,\"e'"),
    "null": lambda k, n: plain(k, n, Description=None, NumberOfEmployees=None),
    "empty text": lambda k, n: plain(k, n, Description=""),
    "repeated member": lambda k, n: plain(k, n).replace(b'"Name"', b'"Name": "no", "Name"', 1),
}
NO_NAME = "no name"
REFUSED: dict[str, Callable[[str, str], bytes]] = {
    "words in a number": lambda k, n: plain(k, n, NumberOfEmployees="many"),
    "an object in a number": lambda k, n: plain(k, n, NumberOfEmployees={"a": 1}),
    "a list in a number": lambda k, n: plain(k, n, AnnualRevenue=[1]),
    "true in a number": lambda k, n: plain(k, n, AnnualRevenue=True),
    "a number out of range": lambda k, n: plain(k, n).replace(b"}}", b', "AnnualRevenue": 1e300}}'),
    "half of a character": lambda k, n: plain(k, n, Description="\ud83d"),
    "the text that clears": lambda k, n: plain(k, n, Description="#N/A"),
    "a field that is too long": lambda k, n: plain(k, n, Description="x" * 140_000),
    NO_NAME: lambda k, n: plain(k, n).replace(json.dumps(n).encode(), b"null"),
}
STOPS: dict[str, bytes] = {
    "garbage": b"Traceback (most recent call last):",
    "cut": plain("cut", "cut")[:40],
    "a list": b"[1, 2]",
    "a number": b"7",
    "blank": b"   ",
    "another type": b'{"type": "RECORDS", "stream": "accounts", "record": {}}',
    "no type": b'{"stream": "accounts", "record": {}}',
    "a type that is no text": b'{"type": {"a": 1}}',
    "no record": b'{"type": "RECORD", "stream": "accounts"}',
    "a record that is a list": b'{"type": "RECORD", "stream": "accounts", "record": []}',
    "a stream without its SCHEMA": b'{"type": "RECORD", "stream": "others", "record": {}}',
    "another encoding": '{"type": "RECORD", "stream": "ü"}'.encode("latin-1"),
    "a SCHEMA without properties": b'{"type": "SCHEMA", "stream": "accounts", "schema": {}}',
    "deep": b"[" * 100_000,
    "a large number": b'{"type": "RECORD", "stream": "accounts", "record": {"a": 1e9999999999999}}',
}


def schema(*more: str, changed: bool = False) -> bytes:
    kind = {"type": "string"} if changed else {}
    fields = ["Ext_Id__c", "Name", "NumberOfEmployees", "AnnualRevenue", "Description", *more]
    message = {
        "type": "SCHEMA",
        "stream": "accounts",
        "schema": {"type": "object", "properties": dict.fromkeys(fields, kind)},
        "key_properties": ["Ext_Id__c"],
    }
    return json.dumps(message).encode()


OTHERS: list[Callable[[random.Random], bytes]] = [
    lambda _: schema(),
    lambda made: schema(f"Extra_{made.randrange(5)}"),
    lambda _: schema(changed=True),
    lambda _: b'{"type": "ACTIVATE_VERSION", "stream": "accounts", "version": 1}',
]


def stream_of(made: random.Random) -> list[Line]:
    """The lines of one input: a SCHEMA, then anything; a STATE names the number of its line."""
    lines = [Line(schema())]
    for number in range(made.randrange(5, MOST_LINES)):
        lines.append(_line(made, number))
        if made.random() < 0.2:
            lines.append(Line(json.dumps(state(line=len(lines) + 1)).encode()))
    if made.random() < 0.5:
        at = made.randrange(1, len(lines) + 1)
        kind = made.choice(sorted(STOPS))
        lines[at:] = [Line(STOPS[kind], End.STOPS, name=kind), *lines[at:]]
    return lines


def _line(made: random.Random, number: int) -> Line:
    key, name = f"K-{number}", f"Name {number} é😀 \u2028"
    if made.random() < 0.1:
        return Line(made.choice(OTHERS)(made))
    makers, end = (REFUSED, End.REFUSED) if made.random() < 0.15 else (GOOD, End.LOADED)
    kind = made.choice(sorted(makers))
    # A record that is there keeps its name if the next version has none.
    if made.random() < 0.2 and number and kind != NO_NAME:
        # An earlier key again, with another version.
        key = f"K-{made.randrange(number)}"
    return Line(makers[kind](key, name), end, key, name)


def stored(sandbox: Sandbox) -> dict[str, str]:
    """The names of the org's accounts by key, read past HTTP."""
    found = sandbox.org.query("SELECT Ext_Id__c, Name FROM Account")
    return {str(key): str(name) for key, name in found.rows()}


def load(org: Org, lines: list[Line]) -> Run:
    words = ["--config", str(org.config(**SETTINGS))]
    data = b"".join(line.data + b"\n" for line in lines)
    done = forked("target-sfbulk").run_line(org.folder, words, stdin=data)
    run = org.run_of(done)
    assert "Traceback" not in run.log
    return run


SETTINGS = {
    "streams": {"accounts": {"sobject": "Account"}},
    "external_id": "Ext_Id__c",
    "unknown_fields": "drop",
    "max_rejects": "100%",
    # Rows for several jobs.
    "max_job_mb": 0.05,
}


def seeds() -> Iterator[object]:
    for seed in range(ALL_SEEDS):
        yield pytest.param(seed, marks=[] if seed < QUICK_SEEDS else [pytest.mark.slow])


@pytest.mark.parametrize("seed", [*seeds()])
def test_each_record_of_a_hostile_stream_is_loaded_or_refused_or_the_line_is_named(
    empty_sandbox: Sandbox, tmp_path: Path, seed: int
) -> None:
    empty_sandbox.control.reset()
    org = Org(empty_sandbox, tmp_path)
    lines = stream_of(random.Random(seed))  # noqa: S311 - tests, not secrets
    run = load(org, lines)
    stop = next((at for at, line in enumerate(lines, 1) if line.end is End.STOPS), None)
    reached = lines if stop is None else lines[: stop - 1]
    assert run.code == (1 if stop else 0), run.reason
    if stop:
        assert f"Line {stop} of the input" in run.reason
    states = [it["line"] for it in run.states]
    assert states == sorted(states)
    covered = lines if stop is None else lines[: max(states, default=0)]
    judge_rows(covered, reached, stored(empty_sandbox))
    judge_rejects(covered, reached, rejects_of(run))
    if stop is None:
        assert states[-1:] == [at for at, it in enumerate(lines, 1) if b'"STATE"' in it.data][-1:]


def judge_rows(covered: list[Line], reached: list[Line], rows: dict[str, str]) -> None:
    """Each loaded record that a STATE covers is in, or a later version of it, and nothing else."""
    versions: dict[str, list[str]] = {}
    for line in reached:
        if line.end is End.LOADED:
            versions.setdefault(line.key, []).append(line.name)
    assert {key for key in rows if rows[key] not in versions.get(key, [])} == set(), "foreign"
    last = {line.key: line.name for line in covered if line.end is End.LOADED}
    for key, name in last.items():
        of_key = versions[key]
        assert key in rows, f"{key} is lost"
        assert of_key.index(rows[key]) >= of_key.index(name), f"an older version of {key}"


def judge_rejects(covered: list[Line], reached: list[Line], found: list[str]) -> None:
    """Each refused record that a STATE covers is written down once, and no other is."""
    wanted = [line.key for line in covered if line.end is End.REFUSED]
    possible = [line.key for line in reached if line.end is End.REFUSED]
    left = list(possible)
    for key in found:
        assert key in left, f"{key} is no reject, or twice"
        left.remove(key)
    for key in wanted:
        assert key in found, f"the reject of {key} is lost"


def rejects_of(run: Run) -> list[str]:
    if not (run.output / "accounts.rejects.jsonl").exists():
        return []
    return [str(line["record"]["Ext_Id__c"]) for line in run.rejects("accounts")]
