"""A generated org: custom objects of mixed sizes and types, and its rows in SQLite to compare with.

The same seed gives the same org. Nothing here uses the product: the rows are written as CSV for the
sandbox and as text into SQLite.
"""

from __future__ import annotations

import copy
import csv
import json
import random
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import requests

from sfbulk_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

API = "/services/data/v68.0"
# Around the limits of a REST page, a chunk and a batch, and sizes between.
SIZES = (0, 1, 2, 199, 200, 201, 1_999, 2_000, 2_001, 5_000)
STARTED = datetime(2024, 1, 1, tzinfo=timezone.utc)
TEXTS = (
    "plain",
    'quoted "text"',
    "comma, comma",
    "two\nlines",
    "Ünïcödé 漢字 😀",
    "NA",
    "null",
    "007",
)


@dataclass(frozen=True)
class Kind:
    """A type of field: what its describe says, and a value of it as Bulk CSV has it."""

    facts: dict[str, Any]
    value: Callable[[random.Random], str]


def _number(scale: int) -> Callable[[random.Random], str]:
    # Java's form below 10 million, which has one digit after the point at least.
    def value(chance: random.Random) -> str:
        whole = chance.randrange(-999_999, 1_000_000)
        part = str(chance.randrange(10**scale)).zfill(scale).rstrip("0") or "0"
        return f"{whole or 1}.{part}"

    return value


def _moment(chance: random.Random) -> str:
    moment = STARTED - timedelta(seconds=chance.randrange(10**9))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


KINDS = {
    "Text": Kind(
        {"type": "string", "soapType": "xsd:string", "length": 80}, lambda c: c.choice(TEXTS)
    ),
    "Notes": Kind(
        {"type": "textarea", "soapType": "xsd:string", "length": 32_000},
        lambda c: " | ".join(c.choices(TEXTS, k=c.randrange(1, 9))),
    ),
    "Number": Kind(
        {"type": "double", "soapType": "xsd:double", "precision": 18, "scale": 4}, _number(4)
    ),
    "Amount": Kind(
        {"type": "currency", "soapType": "xsd:double", "precision": 18, "scale": 2}, _number(2)
    ),
    "Count": Kind(
        {"type": "int", "soapType": "xsd:int", "digits": 9}, lambda c: str(c.randrange(10**8))
    ),
    "Day": Kind({"type": "date", "soapType": "xsd:date"}, lambda c: _moment(c)[:10]),
    "Moment": Kind({"type": "datetime", "soapType": "xsd:dateTime"}, _moment),
    "Flag": Kind(
        {"type": "boolean", "soapType": "xsd:boolean"}, lambda c: c.choice(("true", "false"))
    ),
}


class GeneratedOrg:
    """Objects with their rows, as folders for a sandbox and as a SQLite database.

    Args:
        folder: An empty folder.
        seed: Decides everything.
        count: The number of objects.
    """

    def __init__(self, folder: Path, seed: int, count: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - test data
        self.data, self.describes = folder / "data", folder / "describes"
        self.data.mkdir()
        self.describes.mkdir()
        self.source = sqlite3.connect(folder / "source.sqlite")
        self.columns: dict[str, list[str]] = {}
        template = _template()
        for number in range(count):
            self._add(f"Made_{number:02}__c", f"a{number:02}", template)
        self.source.commit()

    @property
    def names(self) -> list[str]:
        """Return the names of the objects."""
        return list(self.columns)

    def rows(self, name: str) -> list[tuple[str | None, ...]]:
        """Return the rows of an object by Id, as text, in the order of its columns."""
        return self.source.execute(f'SELECT * FROM "{name}" ORDER BY "Id"').fetchall()  # noqa: S608 - our own names

    def _add(self, name: str, prefix: str, template: dict[str, Any]) -> None:
        kinds = [*KINDS, *self._chance.choices(list(KINDS), k=self._chance.randrange(20))]
        fields = {f"{kind}_{place}__c": KINDS[kind] for place, kind in enumerate(kinds)}
        body = json.dumps(_describe(template, name, prefix, fields))
        (self.describes / f"{name}.json").write_text(body, "utf-8")
        columns = ["Id", "SystemModstamp", *fields]
        self.columns[name] = columns
        rows = [self._row(prefix, number, fields) for number in range(self._chance.choice(SIZES))]
        with (self.data / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([columns, *rows])
        names = ", ".join(f'"{column}"' for column in columns)
        marks = ", ".join("?" for _ in columns)
        self.source.execute(f'CREATE TABLE "{name}" ({names})')
        texts = ([cell or None for cell in row] for row in rows)
        self.source.executemany(f'INSERT INTO "{name}" VALUES ({marks})', texts)  # noqa: S608 - our own names

    def _row(self, prefix: str, number: int, fields: dict[str, Kind]) -> list[str]:
        stamp = STARTED + timedelta(seconds=number // 3)
        cells = [self._cell(kind) for kind in fields.values()]
        # The last three characters are the checksum of upper-case letters; there are none.
        return [f"{prefix}00000{number:07}AAA", stamp.strftime("%Y-%m-%dT%H:%M:%S.000Z"), *cells]

    def _cell(self, kind: Kind) -> str:
        # A checkbox is never empty.
        is_empty = kind.facts["type"] != "boolean" and self._chance.random() < 0.2
        return "" if is_empty else kind.value(self._chance)


def _template() -> dict[str, Any]:
    with Sandbox(sample=False) as sandbox:
        answer = requests.get(
            f"{sandbox.url}{API}/sobjects/Invoice__c/describe",
            headers={"Authorization": f"Bearer {sandbox.access_token}"},
            timeout=30,
        )
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _describe(
    template: dict[str, Any], name: str, prefix: str, fields: dict[str, Kind]
) -> dict[str, Any]:
    body = copy.deepcopy(template)
    plain = next(field for field in body["fields"] if field["name"] == "Notes__c")
    kept = [field for field in body["fields"] if not field["custom"]]
    own = [{**plain, **kind.facts, "name": each, "label": each} for each, kind in fields.items()]
    return {**body, "name": name, "label": name, "keyPrefix": prefix, "fields": [*kept, *own]}


def as_source(record: dict[str, Any], columns: list[str]) -> tuple[str | None, ...]:
    """Return a record as the source's texts; its numbers are texts with their digits already."""
    return tuple(_as_text(record[column]) for column in columns)


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None else str(value)


def read_records(lines: Iterator[bytes] | list[bytes]) -> dict[str, list[dict[str, Any]]]:
    """Return the records of Singer lines by stream; a number is the text it is written with."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        message = json.loads(line, parse_float=str, parse_int=str)
        if message["type"] == "RECORD":
            found.setdefault(message["stream"], []).append(message["record"])
    return found
