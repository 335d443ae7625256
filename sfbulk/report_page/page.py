"""Makes the page of a run: how it ended, its streams, and the sections of refusals and jobs."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from sfbulk.report_page.html import bar, joined, table, text
from sfbulk.report_page.jobs_section import jobs_section
from sfbulk.report_page.refusals_section import refusals_section
from sfbulk.report_page.style import STYLE
from sfbulk.report_page.words import counted, duration, moment, percent
from sfbulk.report_page.writer import GENERATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sfbulk.report_page.model import PageStream, RunPage

# The page may be opened long after, and sent around: nothing in a value may run or be loaded.
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
    "; base-uri 'none'; form-action 'none'"
)
# Browsers are slow with tables of thousands of rows.
_MOST_STREAMS = 500
_MOST_FILES = 500
_MOST_FIELDS = 500


class Part(NamedTuple):
    """What may have happened to records.

    Attributes:
        look: Its class.
        title: In a few words.
        number: How many records of a stream it happened to.
    """

    look: str
    title: str
    number: Callable[[PageStream], int]


_IN = Part("in", "In", lambda stream: stream.loaded)
_PARTS = (
    _IN,
    Part("skipped", "Skipped", lambda stream: stream.skipped),
    Part("deleted", "Deleted", lambda stream: stream.deleted),
    Part("refused", "Refused", lambda stream: stream.refused),
    Part("left", "No outcome", lambda stream: stream.left),
)


def document(run: RunPage) -> str:
    """The page as HTML."""
    # The title is what a list of open pages shows.
    title = f"{run.command}{' (dry run)' * run.dry_run}: {run.ending.title}"
    sections = (
        _ending(run),
        _totals(run),
        _streams(run),
        refusals_section(run.refusals, run.noun),
        _changes(run),
        jobs_section(run.jobs),
        _files(run.streams),
        _paths(run),
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{GENERATOR.decode()}\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
        '<meta name="format-detection" content="telephone=no">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style></head>\n"
        f"<body>\n{''.join(sections)}</body></html>\n"
    )


def _ending(run: RunPage) -> str:
    ending = run.ending
    kind = "Dry run" if run.dry_run else "Run"
    reason = f"<p>{text(ending.reason)}</p>" if ending.reason else ""
    code = "none yet" if ending.exit_code is None else str(ending.exit_code)
    until = "Page written" if ending.exit_code is None else "Ended"
    took = duration((run.written - run.begun).total_seconds())
    facts = [
        ("Run", f'<span class="id">{text(run.run_id)}</span>' if run.run_id else ""),
        ("Began", moment(run.begun)),
        (until, f"{moment(run.written)}, after {took}"),
        ("Exit code", code),
        ("Position", text(run.position)),
    ]
    drawn = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts if value)
    return (
        f"<header><h1>{kind} of {text(run.command)}</h1>\n"
        f'<div class="ending {ending.look}"><b>{text(ending.title)}</b>{reason}</div>\n'
        f'<dl class="facts">{drawn}</dl></header>\n'
    )


def _totals(run: RunPage) -> str:
    streams = run.streams
    if not streams:
        return f'<p class="note">No {run.noun.lower()} was opened.</p>\n'
    sums = [(part, sum(map(part.number, streams))) for part in _parts(streams)]
    read = sum(stream.read for stream in streams)
    created = sum(stream.created for stream in streams)
    tiles = [("", "records read", read)]
    for part, number in sums:
        title = _title(part, dry_run=run.dry_run).lower()
        tiles.append((part.look if number else "", title, number))
        if part is _IN and created:
            tiles.append(("", "of them created", created))
    drawn = "".join(
        f'<div class="tile {look}"><b>{number:,}</b><span>{title}</span></div>'
        for look, title, number in tiles
    )
    return f'<section><div class="tiles">{drawn}</div>\n{_whole(run, sums)}</section>\n'


def _whole(run: RunPage, sums: Sequence[tuple[Part, int]]) -> str:
    """The chart of all records, with its legend."""
    whole = sum(number for _, number in sums)
    if not whole:
        return ""
    named = [(part.look, _title(part, dry_run=run.dry_run), number) for part, number in sums]
    label = ", ".join(f"{number:,} {title.lower()}" for _, title, number in named)
    drawn = bar([(look, number) for look, _, number in named], label, whole, "whole")
    legend = "".join(
        f'<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="{look}" width="10"'
        f' height="10"/></svg>{title} {percent(number, whole)}</li>'
        for look, title, number in named
        if number
    )
    return f'{drawn}<ul class="legend">{legend}</ul>\n'


def _streams(run: RunPage) -> str:
    streams = run.streams
    if not streams:
        return ""
    parts = _parts(streams)
    has_jobs = not run.dry_run
    has_times = has_jobs and any(stream.seconds is not None for stream in streams)
    heads = [(run.noun, "name"), ("Read", "number")]
    for part in parts:
        heads.append((_title(part, dry_run=run.dry_run), "number"))
        heads += [("Created", "number")] if part is _IN and has_jobs else []
    heads += [("Jobs", "number")] if has_jobs else []
    heads += [("Time", "number")] if has_times else []
    heads.append(("", "chart"))
    rows = (
        list(_stream_cells(one, parts, has_jobs=has_jobs, has_times=has_times))
        for one in streams[:_MOST_STREAMS]
    )
    left_out = len(streams) - _MOST_STREAMS
    note = f"{counted(left_out, 'more stream')} not shown." if left_out > 0 else ""
    return f"<section><h2>{run.noun}s</h2>\n{table('streams', heads, rows, note)}</section>\n"


def _stream_cells(
    stream: PageStream, parts: Sequence[Part], *, has_jobs: bool, has_times: bool
) -> Iterator[str]:
    yield f"<bdi>{text(stream.name)}</bdi>{''.join(_stream_notes(stream))}"
    yield f"{stream.read:,}"
    for part in parts:
        number = part.number(stream)
        # Only what needs a look is marked.
        is_marked = number and part.look in ("refused", "left")
        yield f'<b class="{part.look}">{number:,}</b>' if is_marked else f"{number:,}"
        if part is _IN and has_jobs:
            yield f"{stream.created:,}"
    if has_jobs:
        yield f"{stream.jobs:,}"
    if has_times:
        yield "" if stream.seconds is None else duration(stream.seconds)
    numbers = [(part.look, part.number(stream)) for part in parts]
    label = ", ".join(f"{part.number(stream):,} {part.title.lower()}" for part in parts)
    whole = sum(number for _, number in numbers)
    yield bar(numbers, f"{stream.name[:100]}: {label}", whole)


def _stream_notes(stream: PageStream) -> Iterator[str]:
    """What a row of the table says below the name of the stream."""
    notes = [f"{text(stream.operation)} into {text(stream.sobject)}"]
    if stream.gone:
        notes.append(f"{stream.gone:,} to delete were gone already")
    if stream.recovered:
        notes.append(f"{counted(stream.recovered, 'reject')} of an earlier run")
    if stream.unfilled:
        notes.append(f"new records lack {joined(stream.unfilled)}")
    for note in notes:
        yield f'<span class="sub">{note}</span>'


def _changes(run: RunPage) -> str:
    """The values that were not sent as they came."""
    rows = [
        [f"<bdi>{text(stream.name)}</bdi>", joined([name]), what, f"{count:,}"]
        for stream in run.streams
        for what, counts in (
            ("sent as Salesforce stores it", stream.fitted),
            ("null not sent, as the field cannot be null", stream.nulls_kept),
        )
        for name, count in counts.items()
    ]
    if not rows:
        return ""
    left_out = len(rows) - _MOST_FIELDS
    note = f"{counted(left_out, 'more line')} not shown." if left_out > 0 else ""
    heads = [(run.noun, "name"), ("Field", "field"), ("What", "what"), ("Values", "number")]
    drawn = table("changes", heads, rows[:_MOST_FIELDS], note)
    return f"<section><h2>Values that were changed or kept back</h2>\n{drawn}</section>\n"


def _files(streams: Sequence[PageStream]) -> str:
    """What a dry run has written."""
    files = [file for stream in streams for file in stream.files]
    if not files:
        return ""
    rows = (
        [f'<span class="id">{text(path)}</span>', f"{rows:,}", f"{size:,}"]
        for path, rows, size in files[:_MOST_FILES]
    )
    left_out = len(files) - _MOST_FILES
    note = f"{counted(left_out, 'more file')} not shown." if left_out > 0 else ""
    heads = [("File", "path"), ("Rows", "number"), ("Bytes", "number")]
    drawn = table("files", heads, rows, note)
    return f"<section><h2>Files that would be sent</h2>\n{drawn}</section>\n"


def _paths(run: RunPage) -> str:
    items = "".join(
        f'<dt>{text(what)}</dt><dd class="id">{text(path)}</dd>' for what, path in run.paths
    )
    files = f'<h2>Files of this run</h2>\n<dl class="facts">{items}</dl>\n' if items else ""
    note = "Times are in UTC, those of jobs by Salesforce's clock."
    if run.refusals.count:
        note = f"This page has values of refused records: treat it as you treat the data. {note}"
    return f'<section>{files}</section>\n<footer class="note"><p>{note}</p></footer>\n'


def _parts(streams: Sequence[PageStream]) -> list[Part]:
    """What happened to any record, and what every table has."""
    # A reader looks for these, also when they are zero.
    always = ("in", "refused")
    return [part for part in _PARTS if part.look in always or any(map(part.number, streams))]


def _title(part: Part, *, dry_run: bool) -> str:
    return "Could be sent" if dry_run and part is _IN else part.title
