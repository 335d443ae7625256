"""JSON for X-PrettyPrint: each member on its own line, each list on one line (as recorded)."""

from __future__ import annotations

import json
from typing import Any

_STEP = "  "


class _Number(str):
    """A number as text, so that no digit changes."""

    __slots__ = ()


def pretty_json(body: bytes) -> bytes:
    """Return a JSON document with Salesforce's spaces and line breaks."""
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
        # As recorded: only objects add a level of indentation, lists do not.
        return "[ " + ", ".join(_text(member, indent) for member in value) + " ]"
    if isinstance(value, dict | list):
        return "{ }" if isinstance(value, dict) else "[ ]"
    return json.dumps(value, ensure_ascii=False)
