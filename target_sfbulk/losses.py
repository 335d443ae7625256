"""What an encoder does with a value that its field cannot hold, or would hold as another value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

Encode = Callable[[Any], str]
"""Encodes any JSON value but null and the empty text; raises `UnconvertibleError`."""

OnLoss = Callable[[str], object]
"""Called with what Salesforce would change, before a fitted value is returned; it may raise."""


class UnconvertibleError(ValueError):
    """A value that its Salesforce field cannot hold; the message never quotes it."""


def refuse(change: str) -> NoReturn:
    """Refuse each value that would be changed: the `OnLoss` of `precision_loss: reject`."""
    raise UnconvertibleError(change)
