"""Finds why a record cannot be sent before its values are looked at: what it lacks or cannot be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from target_sfbulk.rejects import Reject, RejectKind
from target_sfbulk.rows import RejectedRecordError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def require_properties(record: Mapping[str, Any], required: Sequence[str]) -> None:
    """Check that a record has the properties that its SCHEMA requires.

    Raises:
        RejectedRecordError: It lacks some. Not an error of the run: the other records are as
            they should be, and `max_rejects` says how many rejects a run may have.
    """
    if missing := tuple(name for name in required if name not in record):
        names = ", ".join(f"`{name}`" for name in missing)
        message = f"the record lacks {names}, which its SCHEMA requires"
        raise RejectedRecordError(
            Reject(RejectKind.UNCONVERTIBLE, "MISSING_PROPERTY", message, missing)
        )


def lone_surrogate(record: Mapping[str, Any]) -> Reject:
    """The reject of a record with a surrogate that is not half of a pair."""
    fields = tuple(name for name, value in record.items() if _has_surrogate([name, value]))
    message = "a text has a lone surrogate (\\ud800 to \\udfff), which UTF-8 cannot hold"
    # A name may be the text itself.
    names = tuple(name.encode(errors="backslashreplace").decode() for name in fields)
    return Reject(RejectKind.UNCONVERTIBLE, "LONE_SURROGATE", message, names)


def _has_surrogate(value: Any) -> bool:
    text = json.dumps(value, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
