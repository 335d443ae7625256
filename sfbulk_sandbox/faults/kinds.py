"""What a tester may let go wrong: the kinds of faults, their keys, and whom each may strike.

A fault is a JSON object whose `kind` says which keys it may have. Three families: faults of calls
(by method, path and what the request holds), of jobs, and of rows.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, get_args

import msgspec
from msgspec import Meta, field

if TYPE_CHECKING:
    from collections.abc import Mapping

_Count = Annotated[int, Meta(ge=0)]
_Number = Annotated[int, Meta(ge=1)]
_Seconds = Annotated[float, Meta(ge=0)]
_Status = Annotated[int, Meta(ge=200, le=599)]
_Globs = dict[str, str]


class _Fault(msgspec.Struct, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """What every fault says: how many it lets pass, and how often it strikes then.

    Attributes:
        skip: How many of those it is for it still lets pass.
        times: How many of them it still strikes; None for all.
    """

    skip: _Count = 0
    times: _Number | None = 1

    def applies(self) -> bool:
        """Count one that it is for, and tell whether this is one to strike."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    @property
    def is_spent(self) -> bool:
        """Whether it can strike no more."""
        return self.times == 0


class RequestFault(_Fault, kw_only=True):
    """A fault of calls.

    Attributes:
        method: A glob.
        path: A glob of the whole path.
        request_query: Globs by name; each parameter must be there and match.
        request_headers: Globs by name in any case; each header must be there and match.
        request_body: A text that the body, decompressed, must hold.
    """

    method: str = "*"
    path: str = "*"
    request_query: _Globs = field(default_factory=dict)
    request_headers: _Globs = field(default_factory=dict)
    request_body: str = ""

    def is_for(self, method: str, path: str) -> bool:
        """Tell whether method and path are those of the fault."""
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path)

    def matches(self, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> bool:
        """Tell whether the rest of the request is what the fault asks for."""
        return (
            _all_match(query, self.request_query)
            and _all_match(headers, {name.lower(): it for name, it in self.request_headers.items()})
            and self.request_body.encode() in body
        )


class Answer(RequestFault, kw_only=True, tag="answer"):
    """`status`, `headers` and `body` come instead of the answer; the work is not done."""

    status: _Status = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None


class Cut(RequestFault, kw_only=True, tag="cut"):
    """The work is done; the connection closes after `after_bytes` of the answer's body."""

    after_bytes: _Count = 0


class Lost(RequestFault, kw_only=True, tag="lost"):
    """The work is done; the connection closes without an answer."""


class Closed(RequestFault, kw_only=True, tag="closed"):
    """The connection closes after `after_bytes` of the request's body; the work is not done."""

    after_bytes: _Count = 0


class Delay(RequestFault, kw_only=True, tag="delay"):
    """The work begins `seconds` later."""

    seconds: _Seconds


class ExpiredSession(RequestFault, kw_only=True, tag="expired_session"):
    """The session of the call ends: it is refused, and only another sign-in helps."""


class UsedUp(RequestFault, kw_only=True, tag="used_up"):
    """`remaining` of the daily `limit` is left from this call on."""

    limit: str
    remaining: _Count = 0


class JobFault(_Fault, kw_only=True):
    """A fault of jobs, and in Bulk API 1.0 of batches; loads and queries alike.

    Attributes:
        object: A glob.
        operation: A glob: `insert`, `query`...
        after_rows: How many rows are worked on before; the rest is unprocessed.
    """

    object: str = "*"
    operation: str = "*"
    after_rows: _Count = 0

    def is_for(self, sobject: str, operation: str) -> bool:
        """Tell whether a job is one for the fault."""
        return fnmatchcase(sobject, self.object) and fnmatchcase(operation, self.operation)


class JobFailed(JobFault, kw_only=True, tag="job_failed"):
    """The job becomes Failed with an errorMessage; in Bulk API 1.0 the batch does."""

    message: str = "InternalServerError : An unexpected error occurred"


class JobAborted(JobFault, kw_only=True, tag="job_aborted"):
    """Somebody else aborts the job; in Bulk API 1.0 the batch becomes NotProcessed."""


class RowFault(_Fault, kw_only=True, tag="row_error"):
    """Rows are refused, by any of the APIs; a row must be in all that is named here.

    Attributes:
        times: How many rows it strikes; None, the default, for all.
        object: A glob.
        operation: A glob.
        where: Globs of cells by field.
        rows: Numbers of rows in their job, batch or call; the first is 1.
        every: Every nth row.
        attempts: Only the first so many attempts at the same record; None for all.
        key: The field by which attempts are at the same record. Without a word it is the upsert's
            external id, or Id, or all cells of the row.
        code: The StatusCode.
        message: Its text.
        fields: Names of the fields at fault.
    """

    times: _Number | None = None
    object: str = "*"
    operation: str = "*"
    where: _Globs = field(default_factory=dict)
    rows: list[_Number] = field(default_factory=list)
    every: _Number = 1
    attempts: _Number | None = None
    key: str | None = None
    code: str = "UNABLE_TO_LOCK_ROW"
    message: str = "unable to obtain exclusive access to this record"
    fields: list[str] = field(default_factory=list)

    def is_for(self, sobject: str, operation: str) -> bool:
        """Tell whether the rows of an object are ones for the fault."""
        return fnmatchcase(sobject, self.object) and fnmatchcase(operation, self.operation)

    def matches(self, number: int, cells: Mapping[str, str]) -> bool:
        """Tell whether a row is one: its number and its cells by field in lower case."""
        return (
            number % self.every == 0
            and (not self.rows or number in self.rows)
            and _all_match(cells, {name.lower(): glob for name, glob in self.where.items()})
        )


ScriptedFault = (
    Answer
    | Cut
    | Lost
    | Closed
    | Delay
    | ExpiredSession
    | UsedUp
    | JobFailed
    | JobAborted
    | RowFault
)
KINDS: tuple[str, ...] = tuple(kind.__struct_config__.tag for kind in get_args(ScriptedFault))


def parse_fault(document: Mapping[str, Any]) -> ScriptedFault:
    """Return the fault that a JSON document describes.

    Raises:
        ValueError: The kind is unknown, a key is not one of its kind, or a value does not do; the
            text names it.
    """
    if document.get("kind") not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {document.get('kind')!r}")
    fault: ScriptedFault = msgspec.convert(dict(document), ScriptedFault)
    return fault


def fault_document(fault: ScriptedFault) -> dict[str, Any]:
    """Return a fault as JSON holds it."""
    document: dict[str, Any] = msgspec.to_builtins(fault)
    return document


def _all_match(texts: Mapping[str, str], globs: Mapping[str, str]) -> bool:
    return all(name in texts and fnmatchcase(texts[name], glob) for name, glob in globs.items())
