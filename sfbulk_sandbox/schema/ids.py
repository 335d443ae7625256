"""Salesforce record ids: 15 characters, the check suffix that makes them 18, and a seeded source.

The suffix is the one of the SOAP API guide (field type ID): per group of five characters a number
whose bit i says that character i is an upper-case letter.
"""

from __future__ import annotations

import threading
from collections import Counter

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {character: value for value, character in enumerate(_DIGITS)}
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT = 15
_LONG = 18
_SERIAL_DIGITS = 8
_POD_DIGITS = 4


def to18(record_id: str) -> str:
    """The 18-character form of an id of 15 or 18 characters; the suffix is computed anew."""
    short = record_id[:_SHORT]
    return short + "".join(_check(short[start : start + 5]) for start in (0, 5, 10))


def _check(group: str) -> str:
    return _SUFFIX[sum(1 << bit for bit, character in enumerate(group) if "A" <= character <= "Z")]


def is_valid(record_id: str) -> bool:
    """Whether the text is an id: 15 characters, or 18 whose suffix fits."""
    if len(record_id) not in (_SHORT, _LONG) or not (record_id.isascii() and record_id.isalnum()):
        return False
    return len(record_id) == _SHORT or to18(record_id) == record_id


class IdSource:
    """New ids, the same ones for the same seed; safe to share between threads.

    An id is the object's key prefix, four characters that stand for this org, and a serial
    number per prefix.

    Args:
        seed: Orgs of different seeds give different ids.
    """

    def __init__(self, seed: int) -> None:
        # Real orgs begin here with a digit or a lower-case letter, so loaded ids rarely collide.
        self._pod = "X" + _base62(seed, _POD_DIGITS - 1)
        self._lock = threading.Lock()
        self.serials: Counter[str] = Counter()

    def new_id(self, prefix: str) -> str:
        """The next id of an object's key prefix (three characters), in its 18-character form."""
        return to18(prefix + self._pod + _base62(self.next_serial(prefix), _SERIAL_DIGITS))

    def next_serial(self, name: str) -> int:
        """The next number of a counter: 1, 2, 3..."""
        with self._lock:
            self.serials[name] += 1
            return self.serials[name]

    def reserve(self, record_id: str) -> None:
        """Never hand out an id up to this one, which came from outside."""
        prefix, pod, serial = record_id[:3], record_id[3:7], record_id[7:_SHORT]
        if pod != self._pod:
            return
        number = 0
        for character in serial:
            number = number * len(_DIGITS) + _VALUES[character]
        self.advance(prefix, number)

    def advance(self, name: str, serial: int) -> None:
        """Never hand out a number of a counter up to this one."""
        with self._lock:
            self.serials[name] = max(self.serials[name], serial)


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
