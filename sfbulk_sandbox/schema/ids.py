"""Salesforce record ids: the forms of 15 and 18 characters, and a source of new ids.

The suffix has one character for each group of five (SOAP API guide, field type ID). Bit i of its
number is set if character i of the group is an upper-case letter.
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
    """The 18-character form of an id of 15 or 18 characters. A given suffix is ignored."""
    short = record_id[:_SHORT]
    return short + "".join(_check(short[start : start + 5]) for start in (0, 5, 10))


def _check(group: str) -> str:
    return _SUFFIX[sum(1 << bit for bit, character in enumerate(group) if "A" <= character <= "Z")]


def is_valid(record_id: str) -> bool:
    """Whether the text is an id: 15 characters, or 18 with the right suffix."""
    if len(record_id) not in (_SHORT, _LONG) or not (record_id.isascii() and record_id.isalnum()):
        return False
    return len(record_id) == _SHORT or to18(record_id) == record_id


class IdSource:
    """A source of new ids; the same seed gives the same ids. Safe to share between threads.

    An id has the object's key prefix, four characters that stand for the org, and a serial number
    per prefix.

    Args:
        seed: Orgs with different seeds have different ids.
    """

    def __init__(self, seed: int) -> None:
        # In real orgs these characters begin with a digit or a lower-case letter, so loaded ids
        # rarely collide with new ones.
        self._pod = "X" + _base62(seed, _POD_DIGITS - 1)
        self._lock = threading.Lock()
        self.serials: Counter[str] = Counter()

    def new_id(self, prefix: str) -> str:
        """The next id for a key prefix (three characters), in its 18-character form."""
        return to18(prefix + self._pod + _base62(self.next_serial(prefix), _SERIAL_DIGITS))

    def next_serial(self, name: str) -> int:
        """The next number of a counter: 1, 2, 3..."""
        with self._lock:
            self.serials[name] += 1
            return self.serials[name]

    def reserve(self, record_id: str) -> None:
        """Do not use ids up to this one, which was loaded."""
        prefix, pod, serial = record_id[:3], record_id[3:7], record_id[7:_SHORT]
        if pod != self._pod:
            return
        number = 0
        for character in serial:
            number = number * len(_DIGITS) + _VALUES[character]
        self.advance(prefix, number)

    def advance(self, name: str, serial: int) -> None:
        """Do not use numbers of a counter up to this one."""
        with self._lock:
            self.serials[name] = max(self.serials[name], serial)


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
