"""Writes text of any origin as HTML, and bars as SVG."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sfbulk.report_page.refusals import Shown

# HTML cannot have these, or nobody could see them, or they change the order of what stands beside
# them: control characters, marks of direction, spaces without a width, halves of surrogate pairs.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)


def text(value: str) -> str:
    """A text as HTML; characters that cannot be seen as `U+0000`."""
    return _UNSEEN.sub(_named, escape(value))


def attribute(value: str) -> str:
    """A text as the value of an attribute, in double quotes."""
    return _UNSEEN.sub("\ufffd", escape(value))


def shown(value: Shown) -> str:
    """A text that may be cut, or null, as HTML; says where it is cut."""
    if value.text is None:
        return '<i class="null">null</i>'
    if not value.text:
        return '<i class="null">empty</i>'
    # Isolated: the direction of a value must not change that of the text around it.
    cut = f' <i class="cut">… cut here, {value.length:,} characters in all</i>'
    return f"<bdi>{text(value.text)}</bdi>" + cut * value.is_cut


def joined(parts: Iterable[str]) -> str:
    """Names in `code`, with commas between them."""
    return ", ".join(f"<code>{text(part)}</code>" for part in parts)


def table(
    name: str, heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], note: str = ""
) -> str:
    """A table whose rows are blocks on a narrow screen.

    Args:
        name: Its class.
        heads: For each column its head, and the class of its cells.
        rows: Cells as HTML.
        note: HTML below it.
    """
    head = "".join(f'<th scope="col" class="{kind}">{text(title)}</th>' for title, kind in heads)
    # On a narrow screen the head is not shown, so each cell has its own.
    body = "".join(f"<tr>{_cells(heads, cells)}</tr>\n" for cells in rows)
    below = f'<p class="note">{note}</p>' if note else ""
    return (
        f'<div class="wide"><table class="{name}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>{below}\n"
    )


def _cells(heads: Sequence[tuple[str, str]], cells: Sequence[str]) -> str:
    return "".join(
        f'<td class="{kind}" data-head="{attribute(title)}">{cell}</td>'
        for (title, kind), cell in zip(heads, cells, strict=True)
    )


def bar(parts: Sequence[tuple[str, float]], label: str, whole: float, kind: str = "bar") -> str:
    """A bar of parts beside each other; what they leave of the whole is empty.

    Args:
        parts: The class and the number of each.
        label: The numbers, in words.
        whole: The number that the whole bar stands for.
        kind: The class of the bar.
    """
    at, drawn = 0.0, []
    for look, number in parts:
        # A few records of a million must be seen.
        width = max(100 * number / whole, 0.6) if number > 0 and whole > 0 else 0.0
        if width:
            drawn.append(f'<rect class="{look}" x="{at:.2f}" width="{width:.2f}" height="10"/>')
        at += width
    # Parts that were widened to be seen may be more than the whole.
    scale = max(at, 100.0)
    return (
        f'<svg class="{kind}" viewBox="0 0 {scale:.2f} 10" preserveAspectRatio="none" role="img"'
        f' aria-label="{attribute(label)}"><rect class="ground" width="{scale:.2f}" height="10"/>'
        f"{''.join(drawn)}</svg>"
    )


def span(begin: float, end: float, label: str, look: str) -> str:
    """A bar from `begin` to `end`, as parts of the whole width from 0 to 1."""
    # A short job in a long run must be seen, also at the end.
    width = max(100 * (end - begin), 1.0)
    at = min(100 * begin, 100 - width)
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img"'
        f' aria-label="{attribute(label)}"><rect class="ground" width="100" height="10"/>'
        f'<rect class="{look}" x="{at:.2f}" width="{width:.2f}" height="10"/></svg>'
    )


def _named(found: re.Match[str]) -> str:
    return f'<i class="unseen">U+{ord(found[0]):04X}</i>'
