"""Changes valid inputs at random, as a fuzzer does; the same seed makes the same inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

# What parsers stumble over, beside single bytes.
_WORDS = [
    *(b'"', b"'", b"\\", b",", b"\n", b"\r", b"\r\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\x85"),
    *(
        b"\\ud800",
        b"\xed\xa0\x80",
        "\u2028\U0001f600".encode(),
        b"\\u0000",
        b"\\",
        b"&amp;",
        b"]]>",
    ),
    *(b"{", b"}", b"[", b"]", b"(", b")", b"<", b">", b"</", b"/>", b"<!DOCTYPE a>", b"<?xml ?>"),
    *(b"null", b"true", b"NaN", b"Infinity", b"-0", b"1e999999999", b"1E-400", b"9" * 40, b"0.1"),
    *(b"9" * 5_000, b"[" * 3_000, b"(" * 3_000, b'{"a":' * 3_000, b"<a>" * 3_000, b"NOT " * 3_000),
    *(b"SELECT Id FROM Account", b" WHERE ", b" LIMIT ", b" AND ", b" OR ", b" IN ", b"TYPEOF "),
    *(b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59.999-14:00", b"+0000", b"GMT", b"-0000"),
]


def mutated(source: random.Random, seeds: Sequence[bytes], count: int) -> Iterator[bytes]:
    """So many inputs, each made of one or two of the seeds."""
    yield from seeds[:count]
    for _ in range(count - len(seeds)):
        data = source.choice(seeds)
        for _ in range(source.choice((1, 1, 1, 2, 2, 4, 8))):
            data = source.choice(_CHANGES)(source, data, seeds)
        yield data


def _flip(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    if not data:
        return b""
    at = source.randrange(len(data))
    return data[:at] + bytes([source.randrange(256)]) + data[at + 1 :]


def _insert(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    at = source.randint(0, len(data))
    return data[:at] + source.choice(_WORDS) + data[at:]


def _replace(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    start, end = _part(source, data)
    return data[:start] + source.choice(_WORDS) + data[end:]


def _remove(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    start, end = _part(source, data)
    return data[:start] + data[end:]


def _repeat(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    start, end = _part(source, data)
    return data[:start] + data[start:end] * source.choice((2, 3, 20)) + data[end:]


def _cut(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    return data[: source.randint(0, len(data))]


def _splice(source: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    other = source.choice(seeds)
    return data[: source.randint(0, len(data))] + other[source.randint(0, len(other)) :]


def _part(source: random.Random, data: bytes) -> tuple[int, int]:
    start = source.randint(0, len(data))
    return start, min(len(data), start + source.choice((1, 2, 4, 16, 64)))


_CHANGES = (_flip, _insert, _insert, _replace, _remove, _repeat, _cut, _splice)
