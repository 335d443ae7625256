"""Finds the bytes of the members of a JSON object, however deeply they are nested.

A decoder that gives raw bytes cannot do it for each STATE: msgspec has a limit of nesting, and
refuses the escape of a lone surrogate.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sfbulk_singer.numbers import NUMBER_GRAMMAR

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    rb'[ \t\r\n]*("[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"|[][{},:]|true|false|null|%s)'
    % NUMBER_GRAMMAR.encode()
)
_CLOSING = {b"{": b"}", b"[": b"]"}


def raw_members(line: bytes) -> dict[bytes, bytes]:
    """The members of the object on a line: the name as it is quoted, and the value's bytes.

    Raises:
        ValueError: The line is not an object, or its brackets do not match.
    """
    members: dict[bytes, bytes] = {}
    closing: list[bytes] = []
    name, begin, end = b"", 0, 0
    for token, start, stop in _tokens(line):
        if token in _CLOSING:
            closing.append(_CLOSING[token])
        outermost = len(closing) == 1
        if outermost and token == b":":
            name, begin = line[begin:end].strip(), stop
        elif outermost and token in b"{},":
            if name:
                members[name] = line[begin:end].strip()
            name, begin = b"", stop
        if token in b"]}" and (not closing or closing.pop() != token):
            raise ValueError(f"The bracket at byte {start} closes nothing.")
        end = stop
    if closing or not line.lstrip().startswith(b"{"):
        raise ValueError("It is not a whole object.")
    return members


def _tokens(line: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    while found := _TOKEN.match(line, at):
        at = found.end()
        yield found[1], found.start(1), at
    if line[at:].strip():
        raise ValueError(f"There is no JSON at byte {at}.")
