"""Plans what one run reads of one stream: columns, window, SOQL, and the bookmark after it. No I/O.

The contract: a run fixes its upper bound from the server's clock before its first job, reads
`lower <= key < upper`, and moves the bookmark to that upper bound only when every row of
the window is out. The next run starts where this window ended, minus a lookback, because a
row gets its stamp before it is committed and may become visible late. Where Salesforce says up
to when it has covered all changes, the bookmark does not pass that time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

from sfbulk import soql
from sfbulk.errors import ConfigError
from sfbulk_singer.names import did_you_mean
from tap_sfbulk.api_choice import BY_ITSELF, ApiOption
from tap_sfbulk.clocks import bookmark_ahead, covered_behind, date_ahead
from tap_sfbulk.passes import PassKind, Queries
from tap_sfbulk.query_settings import window_problem
from tap_sfbulk.refresh_settings import deletion_problem
from tap_sfbulk.resume import CannotResume, ResumePoint
from tap_sfbulk.schema import is_replication_key
from tap_sfbulk.state import Bookmark, Window, deletions_are_due, starts_over
from tap_sfbulk.windows import (
    SECOND,
    Bounds,
    cannot_be_divided,
    first_part,
    half,
    is_too_large,
    length_of,
    step_in,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sfbulk import SObjectDescribe
    from sfbulk.errors import SalesforceError
    from tap_sfbulk.columns import PageColumn
    from tap_sfbulk.formulas import FormulaRefresh
    from tap_sfbulk.passes import Pass
    from tap_sfbulk.sources import StreamSource


@dataclass(frozen=True)
class StreamRequest:
    """What is asked for: all that describe, catalog, settings and state say of one stream."""

    source: StreamSource
    properties: Mapping[str, Mapping[str, Any]]
    """JSON Schema of the selected fields by name."""
    replication_method: str
    replication_key: str | None
    lookback: timedelta
    key_properties: Sequence[str] = ()
    where: str | None = None
    include_deleted: bool = True
    refresh: FormulaRefresh | None = None
    """When the formulas of all rows are read again; None never."""
    api: ApiOption = BY_ITSELF
    hard_deletes: str | None = None
    """How rows that are gone are found: `recent`, `sweep`, or not at all."""
    is_mapped: bool = False
    """Whether stream maps change the rows."""
    state: Mapping[str, Any] | None = None
    row_limit: int | None = None
    """Most rows of a dry run; None reads everything."""

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.source.name

    @property
    def sobject(self) -> SObjectDescribe:
        """The object whose rows are read."""
        return self.source.sobject

    @property
    def is_incremental(self) -> bool:
        """Whether a window is read; else the whole table."""
        return self.replication_method != REPLICATION_FULL_TABLE


@dataclass(frozen=True)
class StreamPlan:
    """What one run reads of one stream."""

    name: str
    sobject: str
    """The object whose rows are read."""
    queries: Queries
    columns: tuple[PageColumn, ...]
    passes: tuple[Pass, ...]
    """Read in this order; none if there is nothing to read."""
    bookmark: Bookmark | None = None
    """How far earlier runs have read; None for a whole table."""
    window: Window | None = None
    """What is read first, or next; None for a whole table."""
    end: datetime | None = None
    """Where the last window of the run ends."""
    warnings: tuple[str, ...] = ()
    """What a user should know before it is read, a sentence each."""
    lookback: timedelta = timedelta(0)
    """What the window reads again before the end of the last one."""
    formulas_read_to: datetime | None = None
    """Up to when the formulas of all rows are read after this run; None if they are not."""
    finds_deletions: bool = False
    """Whether rows that are gone are found after all else."""
    is_part: bool = False
    """Whether only some of the rows are read: in a dry run."""
    resume: ResumePoint | None = None
    """Where the first pass goes on, if an interrupted run has left its job."""
    not_resumed: str | None = None
    """Why the job that an interrupted run has left is not read on."""
    api: ApiOption = BY_ITSELF

    @property
    def key(self) -> str | None:
        """The replication key; None for a whole table."""
        return self.bookmark.key if self.bookmark else None

    @property
    def moves_bookmark(self) -> bool:
        """Whether the bookmark moves at the end of the window."""
        return self.window is not None and bool(self.row_passes) and not self.is_part

    @property
    def row_passes(self) -> tuple[Pass, ...]:
        """Those that the bookmark depends on."""
        return tuple(each for each in self.passes if each.kind is PassKind.ROWS)

    @property
    def later_passes(self) -> tuple[Pass, ...]:
        """Those that are read after the last window."""
        return tuple(each for each in self.passes if each.kind is PassKind.FORMULAS)

    @property
    def asks_covered(self) -> bool:
        """Whether Salesforce can say up to when all changes are visible."""
        is_known = self.resume is not None
        return self.moves_bookmark and self.queries.source.sobject.replicateable and not is_known

    @property
    def seconds(self) -> int | None:
        """How long the window is, in whole seconds."""
        return length_of(self.window) // SECOND if self.window else None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to read, so that no request is needed."""
        return not (self.passes or self.finds_deletions)

    def check_clock(self, second_clock: datetime) -> list[str]:
        """Warnings of what a second clock says about the window and the bookmark.

        Raises:
            ConfigError: If the bookmark is ahead of that clock by more than the lookback.
        """
        if not (self.bookmark and self.window):
            return []
        ahead = bookmark_ahead(self.name, self.bookmark.read_to, second_clock, self.lookback)
        # What the first clock has shown already is not reported twice.
        found = (
            None if self.warnings else ahead,
            date_ahead(self.name, self.end or self.window.upper, second_clock),
        )
        return [warning for warning in found if warning]

    def check_covered(self, covered: datetime, second_clock: datetime) -> str | None:
        """A warning if Salesforce covers all changes only up to long before the run's end.

        An end that is in the future by the second clock is reported by `check_clock`.
        """
        end = min(self.end or covered, second_clock)
        return covered_behind(self.name, covered, end, self.lookback)

    def smaller(self, error: SalesforceError) -> StreamPlan:
        """After a query that was too large: the first half of the window.

        Raises:
            SalesforceError: The query failed for another reason, or no smaller one is possible.
        """
        if not is_too_large(error) or self.is_part:
            raise error
        step = half(self.window) if self.window else None
        if self.window is None or step is None:
            raise cannot_be_divided(self.name, error, self.window) from error
        return self._with_window(first_part(self.window, step))

    def following(self, bookmark: Bookmark | None, times: int = 1) -> StreamPlan | None:
        """The next window; None at the end of the run's last one.

        Args:
            bookmark: The stream's, after this window.
            times: How many times as long as this window it is.
        """
        if not (self.window and self.end and bookmark) or self.window.upper >= self.end:
            return None
        rest = Window(self.window.upper, self.end)
        plan = self._with_window(first_part(rest, times * length_of(self.window)))
        return replace(plan, bookmark=bookmark)

    def resumed(self, left: ResumePoint) -> StreamPlan:
        """The plan to read the rest of what an interrupted run has left, and nothing else.

        If its query is not one of this stream any more, or its window leaves a gap, this plan
        remains.
        """
        rest = replace(
            self,
            window=left.window,
            end=left.window.upper if left.window else None,
            passes=(self.queries.rows(self.columns, left.window),),
            formulas_read_to=None,
            # What an earlier run has left of a window is followed by a plan of its own.
            finds_deletions=self.finds_deletions and not left.window,
            resume=left,
        )
        is_same = rest.passes[0].fingerprint == left.query
        if not is_same or (left.window is None) != (self.bookmark is None):
            return replace(self, not_resumed="its query is another one now")
        if not self._reaches(left):
            return replace(self, not_resumed="its window begins after the bookmark")
        return rest

    def _reaches(self, left: ResumePoint) -> bool:
        """Whether no time lies between what was read and what an interrupted run has left.

        A user may have set the bookmark back, or removed it, and left the place in the state. What
        was not covered is not claimed to be read, so there may be such a time before the window.
        """
        if not (self.bookmark and self.window and left.window and left.window.lower):
            return True
        read_to = self.bookmark.read_to or self.window.lower
        claimed_from = min(left.window.lower, left.covered or left.window.lower)
        return read_to is not None and claimed_from <= read_to

    def _with_window(self, window: Window) -> StreamPlan:
        passes = (self.queries.rows(self.columns, window),)
        return replace(self, window=window, passes=passes, resume=None)

    def bookmark_after(
        self, maximum: datetime | None, covered: datetime | None = None
    ) -> Bookmark | None:
        """The bookmark once every row is out; None if it stays.

        Args:
            maximum: The latest replication key of the rows.
            covered: Up to when all changes are visible; None if Salesforce does not say.
        """
        if not (self.moves_bookmark and self.bookmark and self.window):
            return None
        return self.bookmark.after(self.window, maximum, covered)


def plan_stream(request: StreamRequest, bounds: Bounds | None) -> StreamPlan:
    """What a run reads for a request.

    Args:
        request: What is asked for.
        bounds: Of the run; a request that is not incremental needs none.

    Raises:
        ConfigError: If a selected field does not exist, or if catalog or state ask for
            something impossible.
    """
    columns, key = _columns(request), _window_key(request)
    queries = Queries(request.source, key, request.where, request.include_deleted)
    bookmark = _bookmark(request, key) if key else None
    whole = bounds.window(bookmark, request.lookback) if bounds and bookmark else None
    is_empty = whole is not None and whole.is_empty
    window = first_part(whole, step_in(request.state or {})) if whole and not is_empty else whole
    rows = () if is_empty else (queries.rows(columns, window, request.row_limit),)
    refresh = request.refresh if whole and request.row_limit is None else None
    refreshes = refresh is not None and refresh.is_due(request.state or {}, whole)
    changing = refresh.columns(request.source, columns) if refresh and refreshes else ()
    found = (*rows, *queries.formulas(changing, whole))
    end = whole.upper if whole else None
    way = _finds_deletions(request)
    finds_deletions = way is not None and (
        bool(found) or deletions_are_due(request.state or {}, end)
    )
    sweep = (queries.ids(),) if finds_deletions and way == "sweep" else ()
    plan = StreamPlan(
        name=request.name,
        sobject=request.sobject.name,
        queries=queries,
        columns=columns,
        passes=(*found, *sweep),
        bookmark=bookmark,
        window=window,
        end=end,
        warnings=_warnings(request, bookmark, bounds),
        lookback=request.lookback,
        formulas_read_to=end if refreshes else None,
        finds_deletions=finds_deletions,
        is_part=request.row_limit is not None,
        api=request.api,
    )
    return plan if plan.is_part else _resumed(plan, request.state or {})


def _resumed(plan: StreamPlan, state: Mapping[str, Any]) -> StreamPlan:
    try:
        left = ResumePoint.read(state)
    except CannotResume as reason:
        return replace(plan, not_resumed=str(reason))
    return plan.resumed(left) if left else plan


def _columns(request: StreamRequest) -> tuple[PageColumn, ...]:
    """The selected fields that a bulk query can select.

    Raises:
        ConfigError: If a selected field does not exist, or none is selected.
    """
    known = {field.name.casefold(): field for field in request.source.fields}
    fields = {name: known.get(name.casefold()) for name in request.properties}
    names = [field.name for field in request.source.fields]
    readable = {field.name for field in request.source.fields if field.column}
    missing = [
        f"{request.name}.{name} is selected in the catalog, but the org shows this user no such "
        f"field{did_you_mean(name, names)}. Deselect it, or discover again."
        for name, field in fields.items()
        if field is None
    ]
    missing += [
        f"The key property {key} of {request.name} is no field that is read"
        f"{did_you_mean(key, names)}. Correct key_properties in the catalog."
        for key in request.key_properties
        if key not in readable
    ]
    columns = tuple(
        field.column.as_property(name, request.properties[name])
        for name, field in fields.items()
        if field and field.column
    )
    if missing or not columns:
        raise ConfigError(
            missing or [f"No field of {request.name} that bulk can read is selected. Select one."]
        )
    return columns


def _window_key(request: StreamRequest) -> str | None:
    """The field that limits the window; None to read the whole table.

    Raises:
        ConfigError: If the catalog asks for something impossible.
    """
    if not request.is_incremental:
        return None
    method, key = request.replication_method, request.replication_key
    stamps = [field.name for field in request.sobject.fields if is_replication_key(field)]
    if method == REPLICATION_INCREMENTAL and key in stamps:
        _check_rows_have_no_order(request)
        return key
    problem = (
        f"{request.name}: the replication method {method} with the replication key {key} is not "
        "possible. Choose FULL_TABLE, or INCREMENTAL with one of: "
        f"{', '.join(stamps) or 'no field of this object'}."
    )
    raise ConfigError([problem])


def _check_rows_have_no_order(request: StreamRequest) -> None:
    own = request.source.statement
    if own and (problem := window_problem(own)):
        raise ConfigError([f"queries, {request.name}: {problem}"])


def _bookmark(request: StreamRequest, key: str) -> Bookmark:
    try:
        return Bookmark.read(request.state or {}, key)
    except ValueError:
        problem = (
            f"The state of {request.name} has a bookmark of {key} that is not a date-time. "
            "Give the last STATE of an earlier run, or remove the bookmark of this stream to "
            "read it from its start."
        )
        raise ConfigError([problem]) from None


def _finds_deletions(request: StreamRequest) -> str | None:
    """How rows that are gone are found; not in a dry run.

    Raises:
        ConfigError: If they cannot be found for this stream.
    """
    if request.hard_deletes is None:
        return None
    problem = deletion_problem(
        request.name,
        where=request.where,
        keys=request.source.key_properties,
        properties=request.properties,
        is_mapped=request.is_mapped,
    )
    if problem:
        raise ConfigError([problem])
    return request.hard_deletes if request.row_limit is None else None


def _warnings(
    request: StreamRequest, bookmark: Bookmark | None, bounds: Bounds | None
) -> tuple[str, ...]:
    if not (bookmark and bounds):
        return ()
    ahead = bookmark_ahead(request.name, bookmark.read_to, bounds.now, request.lookback)
    reason = starts_over(request.state or {}, bookmark)
    start = soql.utc_text(bounds.start) if bounds.start else "the first row"
    over = f"{request.name}: it starts over from {start}: {reason}." if reason else None
    return tuple(warning for warning in (ahead, over) if warning)
