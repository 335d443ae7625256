"""The part of the page about refused records: by code and field, with the first of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.report_page.html import bar, shown, table, text
from sfbulk.report_page.words import counted, percent

if TYPE_CHECKING:
    from sfbulk.report_page.refusals import Group, Refusals, Sample, Shown

_OPEN = 5
"""Groups whose first records are there at once; others open when they are asked for."""

_AT_ONCE = 10
"""Fields of a record that are there at once; likewise."""

_KINDS = {
    "rejected": "by Salesforce",
    "unprocessed": "not processed: the job ended before",
    "unknown": "unknown whether it is loaded",
    "unmatched": "by Salesforce; the record is not known",
    "oversize": "not sent: too large",
    "unconvertible": "not sent: a value does not fit",
    "not_deleted": "a delete, by Salesforce",
}


def refusals_section(refusals: Refusals, noun: str) -> str:
    """The section; empty if no record was refused.

    Args:
        refusals: The records.
        noun: What they are of, such as `Stream`.
    """
    groups = refusals.groups()
    if not groups:
        return ""
    # The longest bar is the largest group, so that small ones can be compared too.
    most = max(group.count for group in groups)
    rows = ([*_cells(group), _bar(group, most, refusals.count)] for group in groups)
    beyond = sum(refusals.ungrouped.values())
    # They were counted only.
    note = f"{counted(beyond, 'more record')} of other reasons: see the rejects files." * bool(
        beyond
    )
    samples = "".join(_samples(group, is_open=at < _OPEN) for at, group in enumerate(groups))
    drawn = table("refusals", _heads(noun), rows, note)
    return (
        f"<section><h2>Refused records, by reason</h2>\n{drawn}"
        f"</section>\n<section><h2>The first records of each reason</h2>\n{samples}</section>\n"
    )


def _heads(noun: str) -> list[tuple[str, str]]:
    before = [("Code", "name"), ("Fields", "field"), (noun, "stream")]
    return [*before, ("Refused", "how"), ("Records", "number"), ("", "chart")]


def _cells(group: Group) -> list[str]:
    return [
        f"<code>{shown(group.code)}</code>",
        _fields(group),
        f"<bdi>{text(group.stream)}</bdi>",
        text(_KINDS.get(group.kind, group.kind)),
        f'<b class="refused">{group.count:,}</b>',
    ]


def _fields(group: Group) -> str:
    return ", ".join(f"<code>{shown(name)}</code>" for name in group.fields)


def _bar(group: Group, most: int, whole: int) -> str:
    share = percent(group.count, whole)
    label = f"{group.count:,} of {whole:,} refused records"
    return bar([("refused", group.count)], label, most) + f'<span class="sub">{share}</span>'


def _samples(group: Group, *, is_open: bool) -> str:
    fields = f" on {_fields(group)}" if group.fields else ""
    of = f"{len(group.samples):,} of {group.count:,}"
    head = (
        f"<summary><b><code>{shown(group.code)}</code></b>{fields}"
        f' <span class="note">in <bdi>{text(group.stream)}</bdi>, {of}</span></summary>'
    )
    wrong = {name.text.casefold() for name in group.fields if name.text}
    cards = "".join(_sample(sample, wrong) for sample in group.samples)
    opened = " open" * is_open
    return f'<details class="group"{opened}>{head}\n<div class="samples">{cards}</div></details>\n'


def _sample(sample: Sample, wrong: set[str]) -> str:
    cells = [_cell(name, value, wrong) for name, value in sample.cells]
    first, others = cells[:_AT_ONCE], cells[_AT_ONCE:]
    job = f'<p class="note">Job <span class="id">{text(sample.job_id or "")}</span></p>'
    return (
        '<article class="sample">'
        + (f'<p class="message">{shown(sample.message)}</p>' if sample.message.text else "")
        + (f"<dl>{''.join(first)}</dl>" if first else '<p class="note">Without fields.</p>')
        + (_more(others, sample.more) if others else "")
        + (job if sample.job_id else "")
        + "</article>\n"
    )


def _cell(name: Shown, value: Shown, wrong: set[str]) -> str:
    kind = ' class="wrong"' if (name.text or "").casefold() in wrong else ""
    return f"<dt{kind}>{shown(name)}</dt><dd{kind}>{shown(value)}</dd>"


def _more(cells: list[str], left_out: int) -> str:
    note = f'<p class="note">{counted(left_out, "field")} not shown</p>' if left_out else ""
    return (
        f"<details><summary>{counted(len(cells) + left_out, 'more field')}</summary>"
        f"<dl>{''.join(cells)}</dl>{note}</details>"
    )
