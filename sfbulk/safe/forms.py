r"""Decodes what URLs, JSON and XML escape in a text, and knows where each character stood; no I/O.

`p%40ss`, `p\u0040ss` and `p&#64;ss` all become `p@ss`. A text that has several forms, or a form
within another, is decoded as a whole.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# How many forms may be around each other: a URL in JSON in JSON.
_DEEPEST = 3

_ESCAPE = re.compile(
    r"(?P<url>(?:%[0-9a-fA-F]{2})+)"
    r"|(?P<json>(?:\\u[0-9a-fA-F]{4})+)"
    r'|\\(?P<plain>["/\\])'
    r"|(?P<xml>&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});)"
)


@dataclass(frozen=True)
class Decoded:
    """A text, and where its characters stood in the text that was decoded."""

    text: str
    _starts: Sequence[int] | None = None

    def start(self, at: int) -> int:
        """Where the character at a position began; where the text ended, for the position after."""
        return at if self._starts is None else self._starts[at]


def decoded(text: str) -> Iterator[Decoded]:
    """The text itself, then decoded once, and again as long as it changes."""
    now = Decoded(text)
    yield now
    for _ in range(_DEEPEST):
        # Most texts have nothing to decode, and each rejected row has such a text.
        if not _may_be_decoded(now.text):
            return
        now = _decoded_once(now)
        yield now


def _may_be_decoded(text: str) -> bool:
    has_mark = "%" in text or "\\" in text or "&" in text
    return has_mark and _ESCAPE.search(text) is not None


def _decoded_once(before: Decoded) -> Decoded:
    texts, widths, at = [], [], 0
    for found in _ESCAPE.finditer(before.text):
        parts = _parts(found)
        texts += [before.text[at : found.start()], *(part for part, _ in parts)]
        widths += [1] * (found.start() - at)
        widths += [width for _, width in parts]
        at = found.end()
    texts.append(before.text[at:])
    widths += [1] * (len(before.text) - at)
    starts = [before.start(place) for place in accumulate(widths, initial=0)]
    return Decoded("".join(texts), starts)


def _parts(found: re.Match[str]) -> list[tuple[str, int]]:
    """The characters that an escape stands for, each with the width of its own escape."""
    whole = found.group()
    if found["url"]:
        octets = bytes.fromhex(whole.replace("%", ""))
        return _with_widths(octets.decode("utf-8", "replace"), octets, 3)
    if found["json"]:
        units = bytes.fromhex(whole.replace("\\u", ""))
        text = units.decode("utf-16-be", "surrogatepass")
        return [(each, 6 * len(each.encode("utf-16-be", "surrogatepass")) // 2) for each in text]
    if found["plain"]:
        return [(found["plain"], 2)]
    return (
        [(one, len(whole))]
        if len(one := html.unescape(whole)) == 1
        else [(each, 1) for each in whole]
    )


def _with_widths(text: str, octets: bytes, width: int) -> list[tuple[str, int]]:
    lengths = [len(each.encode()) for each in text]
    if sum(lengths) != len(octets) or "\ufffd" in text:
        # No UTF-8: as an older program writes it.
        return [(each, width) for each in octets.decode("latin-1")]
    return [(each, width * length) for each, length in zip(text, lengths, strict=True)]
