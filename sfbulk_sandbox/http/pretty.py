"""JSON as X-PrettyPrint asks for it: objects on lines of their own, lists in one (as recorded)."""

from __future__ import annotations

import json
from typing import Any

_STEP = "  "


class _Number(str):
    """A number as it stands in the document, so that none of its digits changes."""

    __slots__ = ()


def pretty_json(body: bytes) -> bytes:
    """Return a JSON document with the spaces and line ends Salesforce puts into it."""
    document = json.loads(body, parse_float=_Number, parse_int=_Number)
    return _text(document, "").encode()


def _text(value: Any, indent: str) -> str:
    if isinstance(value, _Number):
        return value
    if isinstance(value, dict) and value:
        deeper = indent + _STEP
        members = (
            f"{deeper}{json.dumps(name, ensure_ascii=False)} : {_text(member, deeper)}"
            for name, member in value.items()
        )
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        # Only objects count as a level: what stands in a list is not moved to the right.
        return "[ " + ", ".join(_text(member, indent) for member in value) + " ]"
    if isinstance(value, dict | list):
        return "{ }" if isinstance(value, dict) else "[ ]"
    return json.dumps(value, ensure_ascii=False)
