"""Reads Singer files of other projects, and says what an org must hold when they are loaded.

The reading shares nothing with the target: a field of the type that the SCHEMA says for each
property, a text of 255 characters for the key, and the last version of each record.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.target.support import Org, Run

KEY = "Key__c"
WRITABLE = {"createable": True, "updateable": True}
LONGEST = 131_072
TEXT = {**WRITABLE, "type": "textarea", "length": LONGEST}
KEY_FIELD = {"type": "string", "length": 255, "externalId": True, "idLookup": True}
PRECISION, SCALE = 18, 6
TYPES: dict[str, dict[str, Any]] = {
    "integer": {**WRITABLE, "type": "double", "precision": PRECISION, "scale": 0},
    "number": {**WRITABLE, "type": "double", "precision": PRECISION, "scale": SCALE},
    "boolean": {**WRITABLE, "type": "boolean"},
    "date-time": {**WRITABLE, "type": "datetime"},
    "text": TEXT,
}


class RefusedError(Exception):
    """A value that its field cannot hold: the record is a reject."""


@dataclass
class Stream:
    """What a file has of one stream.

    Attributes:
        sobject: The object that takes it.
        properties: The JSON Schema of each property of any SCHEMA; empty for one without.
        key: The one property that finds its records; None where it has none, or several.
    """

    sobject: str
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    key: str | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[Any] = field(default_factory=list)

    def held_by(self, name: str) -> str:
        return KEY if name == self.key else f"F{list(self.properties).index(name)}__c"

    def settings(self) -> dict[str, Any]:
        """What maps it, field by field."""
        mapped = {name: self.held_by(name) for name in self.properties}
        operation = "upsert" if self.key else "insert"
        return {"sobject": self.sobject, "operation": operation, "fields": mapped}

    def describe(self, key_prefix: str) -> dict[str, Any]:
        """Return its object as an org describes it."""
        fields = [{"name": "Id", "type": "id", "idLookup": True}]
        fields += [{"name": KEY, **TEXT, **KEY_FIELD}]
        for name in self.properties:
            if name != self.key:
                fields.append({"name": self.held_by(name), **TYPES[self.kind(name)]})
        rights = dict.fromkeys(("createable", "updateable", "deletable", "queryable"), True)
        labelled = [{"label": it["name"], **it} for it in fields]
        named = {"name": self.sobject, "label": self.sobject, "keyPrefix": key_prefix}
        return {**named, **rights, "fields": labelled}

    def kind(self, name: str) -> str:
        """The type that a property always has; the key, and any other, is a text."""
        if name == self.key:
            return "text"
        schema = self.properties[name]
        of = schema.get("type", [])
        types = {of} if isinstance(of, str) else set(of)
        types -= {"null"}
        if types == {"string"} and schema.get("format") == "date-time":
            return "date-time"
        return next(iter(types)) if len(types) == 1 and types <= set(TYPES) else "text"

    def take(self, record: dict[str, Any], required: list[str]) -> None:
        """Load a record, as the org must do it."""
        if any(name not in record for name in required):
            self.rejects.append(record)
            return
        try:
            row = {self.held_by(name): self.cell(name, value) for name, value in record.items()}
        except RefusedError:
            self.rejects.append(record)
            return
        if self.key is None:
            self.rows.append(row)
            return
        found = [it for it in self.rows if it[KEY].casefold() == row[KEY].casefold()]
        if found:
            found[0].update(row)
        else:
            self.rows.append(row)

    def cell(self, name: str, value: Any) -> Any:
        """What the org gives back for a value."""
        if name == self.key:
            if value in (None, ""):
                raise RefusedError
            return str(int(value)) if isinstance(value, Decimal) else str(value)
        kind = self.kind(name)
        if kind == "boolean":
            return bool(value)
        if value is None or value == "":
            return None
        if kind == "date-time":
            return _moment(value)
        return _number(value, SCALE if kind == "number" else 0) if kind != "text" else _text(value)


def _number(value: Any, scale: int) -> Decimal:
    if isinstance(value, (bool, dict, list)):
        raise RefusedError
    try:
        fitted = Decimal(value).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    except InvalidOperation:
        raise RefusedError from None
    if abs(fitted) >= Decimal(10) ** (PRECISION - scale):
        raise RefusedError
    return fitted


def _moment(value: str) -> datetime:
    try:
        at = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise RefusedError from None
    zoned = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return zoned.astimezone(timezone.utc).replace(microsecond=0)


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    nested = isinstance(value, (dict, list))
    text = json.dumps(value, separators=(",", ":"), default=float) if nested else str(value)
    if len(text) > LONGEST:
        raise RefusedError
    return value if nested else text.strip() or None


@dataclass
class Reading:
    """A whole file: its streams, and the line that must stop the run."""

    streams: dict[str, Stream] = field(default_factory=dict)
    stops_at: int | None = None
    states: list[Any] = field(default_factory=list)


def read(data: bytes, name: str = "S") -> Reading:
    """Read a file to its end, or to the first line that is no good.

    Args:
        data: Its lines.
        name: What the names of its objects begin with.
    """
    messages = [_loads(line) for line in data.splitlines() if line.strip()]
    reading = Reading()
    _learn(reading, messages, name)
    schemas: dict[str, dict[str, Any]] = {}
    for number, message in enumerate(messages, start=1):
        if message["type"] == "SCHEMA":
            schemas[message["stream"]] = message
            if "properties" not in message["schema"]:
                reading.stops_at = number
                break
        elif message["type"] == "STATE":
            reading.states.append(message["value"])
        elif message["type"] == "RECORD":
            known = schemas.get(message["stream"])
            keys = known.get("key_properties", []) if known else []
            if known is None or any(name not in message["record"] for name in keys):
                reading.stops_at = number
                break
            required = known["schema"].get("required", [])
            reading.streams[message["stream"]].take(message["record"], required)
    return reading


def _learn(reading: Reading, messages: list[Any], sobject: str) -> None:
    for message in messages:
        if message["type"] not in ("SCHEMA", "RECORD"):
            continue
        streams = reading.streams
        stream = streams.setdefault(message["stream"], Stream(f"{sobject}_{len(streams)}__c"))
        if message["type"] == "RECORD":
            for name in message["record"]:
                stream.properties.setdefault(name, {})
            continue
        stream.properties |= message["schema"].get("properties", {})
        keys = message.get("key_properties", [])
        stream.key = keys[0] if len(keys) == 1 else None


def _loads(line: bytes | str) -> Any:
    return json.loads(line, parse_float=Decimal)


@contextmanager
def org_for(files: Mapping[str, bytes], folder: Path) -> Iterator[Sandbox]:
    """An org with an object for each stream of each file."""
    described = folder / "describe"
    described.mkdir()
    readings = [read(data, object_name(name)) for name, data in files.items()]
    streams = [stream for reading in readings for stream in reading.streams.values()]
    for at, stream in enumerate(streams):
        path = described / f"{stream.sobject}.json"
        path.write_text(json.dumps(stream.describe(f"a{at:02}")), "utf-8")
    with Sandbox(describe=described) as sandbox:
        yield sandbox


def object_name(file: str) -> str:
    return file.partition(".")[0]


def assert_loads_by_exact_names(file: str, data: bytes, org: Org) -> None:
    """Load a file, each stream mapped under its own name, and compare the org with the reading."""
    reading = read(data, object_name(file))
    org.sandbox.control.reset()
    run = org.load(
        data.rstrip(b"\n"),
        external_id=KEY,
        max_rejects="100%",
        streams={name: it.settings() for name, it in reading.streams.items()},
    )
    judge(org, run, reading)


def judge(org: Org, run: Run, reading: Reading) -> None:
    """Each record is loaded, rejected by name, or after the line at which the run stops."""
    assert "Traceback" not in run.log
    if reading.stops_at:
        assert run.code == 1
        assert f"Line {reading.stops_at} of the input" in run.reason, run.log
        # No STATE covers what came before that line.
        assert reading.states == []
        assert run.states == []
        return
    assert run.code == 0, run.log
    assert "no SCHEMA had" not in run.log
    assert run.states[-1:] == reading.states[-1:]
    for stream in reading.streams.values():
        assert stored(org, stream) == sorted(map(_comparable, filled(stream)), key=repr)
    wanted = [it for stream in reading.streams.values() for it in stream.rejects]
    paths = run.output.glob("*.rejects.jsonl")
    lines = [it for path in paths for it in path.read_bytes().split(b"\n") if it]
    found = [_loads(line) for line in lines]
    assert sorted((it["record"] for it in found), key=repr) == sorted(wanted, key=repr)
    assert all(it["code"] and it["message"] for it in found)


def filled(stream: Stream) -> list[dict[str, Any]]:
    """The rows of the reading, with what the org has where the source had nothing."""
    empty = {
        stream.held_by(name): False if stream.kind(name) == "boolean" else None
        for name in stream.properties
    }
    return [{**empty, **row} for row in stream.rows]


def stored(org: Org, stream: Stream) -> list[dict[str, Any]]:
    """The rows of the org."""
    if not stream.properties:
        return []
    kinds = {stream.held_by(name): stream.kind(name) for name in stream.properties}
    rows = org.query(f"SELECT {', '.join(kinds)} FROM {stream.sobject}")  # noqa: S608 - our own names
    found = [{name: _read_back(kinds[name], value) for name, value in row.items()} for row in rows]
    return sorted(map(_comparable, found), key=repr)


def _read_back(kind: str, value: Any) -> Any:
    if kind == "date-time" and value is not None:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f%z")
    if kind in ("integer", "number") and value is not None:
        return Decimal(value).quantize(Decimal(1).scaleb(-SCALE if kind == "number" else 0))
    return value


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the JSON of nested values, whichever way it is spaced."""
    return {name: _nested(row[name]) for name in sorted(row)}


def _nested(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        return _loads(value)
    return value
