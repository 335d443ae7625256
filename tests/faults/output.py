"""What one run of the tap wrote: its messages, with the records of BATCH files in their places."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.faults.commands import Ended

Records = dict[str, list[dict[str, Any]]]


class Output:
    """The messages of a run in their order.

    Args:
        ended: The run. If it was killed, its last line may be only the beginning of one.
    """

    def __init__(self, ended: Ended) -> None:
        lines = ended.messages if ended.code >= 0 else list(_whole(ended.messages))
        self.messages = [*_with_files(lines)]
        self._check_schemas()

    @property
    def records(self) -> Records:
        """All records by stream."""
        return records_of(self.messages)

    def states(self) -> Iterator[tuple[dict[str, Any], Records]]:
        """Each STATE, and the records before it."""
        for at, message in enumerate(self.messages):
            if message["type"] == "STATE":
                yield message["value"], records_of(self.messages[:at])

    def versions(self) -> Iterator[tuple[str, Records]]:
        """The stream of each ACTIVATE_VERSION after the first row, and the records before it."""
        for at, message in enumerate(self.messages):
            if message["type"] == "ACTIVATE_VERSION":
                yield message["stream"], records_of(self.messages[:at])

    def last_state(self, before: dict[str, Any]) -> dict[str, Any]:
        """What a runner keeps: the last STATE, or what it had."""
        values = [value for value, _ in self.states()]
        return values[-1] if values else before

    def _check_schemas(self) -> None:
        """Each record has the properties of the last SCHEMA of its stream, all of them."""
        schemas: dict[str, set[str]] = {}
        for message in self.messages:
            if message["type"] == "SCHEMA":
                schemas[message["stream"]] = {*message["schema"]["properties"]}
            elif message["type"] == "RECORD":
                assert {*message["record"]} == schemas[message["stream"]], message["stream"]


def records_of(messages: list[dict[str, Any]]) -> Records:
    found: Records = {}
    for message in messages:
        if message["type"] == "RECORD":
            found.setdefault(message["stream"], []).append(message["record"])
    return found


def merged(first: Records, second: Records) -> Records:
    """The records of two runs."""
    return {stream: [*first.get(stream, []), *second.get(stream, [])] for stream in first | second}


def counted(rows: list[dict[str, Any]]) -> Counter[str]:
    """Rows that can be counted and compared."""
    return Counter(json.dumps(row, sort_keys=True) for row in rows)


def _whole(lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        try:
            json.loads(line)
        except ValueError:
            assert line is lines[-1]
            return
        yield line


def _with_files(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        message: dict[str, Any] = json.loads(line)
        if message["type"] == "BATCH":
            yield from _file_records(message)
        else:
            yield message


def _file_records(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for url in message["manifest"]:
        text = gzip.decompress(Path(urlparse(url).path).read_bytes())
        for line in text.splitlines():
            yield {"type": "RECORD", "stream": message["stream"], "record": json.loads(line)}
