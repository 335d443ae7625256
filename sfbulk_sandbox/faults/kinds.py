"""The kinds of faults, their keys, and what each kind applies to.

A fault is a JSON object; its `kind` decides which keys it may have. There are three groups: faults
of requests (selected by method, path, query, headers and body), of jobs, and of rows.
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


# Unknown keys are refused: with a misspelled key a fault would never apply, or always.
class _Fault(msgspec.Struct, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """The keys of every fault: how many matches it skips, and how often it applies after them.

    Attributes:
        skip: How many more matches are skipped.
        times: How often it still applies; None is without end.
    """

    skip: _Count = 0
    times: _Number | None = 1

    def applies(self) -> bool:
        """Count one match, and return whether the fault applies to it."""
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    @property
    def is_spent(self) -> bool:
        """Whether it cannot apply again."""
        return self.times == 0


class RequestFault(_Fault, kw_only=True):
    """A fault of requests.

    Attributes:
        method: A glob.
        path: A glob of the whole path.
        request_query: Globs by parameter name. Each parameter must be there and match.
        request_headers: Globs by header name, in any case. Each header must be there and match.
        request_body: A text that the decompressed body must contain.
    """

    method: str = "*"
    path: str = "*"
    request_query: _Globs = field(default_factory=dict)
    request_headers: _Globs = field(default_factory=dict)
    request_body: str = ""

    def is_for(self, method: str, path: str) -> bool:
        """Return whether the fault is for this method and path."""
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path)

    def matches(self, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether query, headers and body of a request match."""
        return (
            _all_match(query, self.request_query)
            and _all_match(headers, {name.lower(): it for name, it in self.request_headers.items()})
            and self.request_body.encode() in body
        )


class Answer(RequestFault, kw_only=True, tag="answer"):
    """The client gets `status`, `headers` and `body`; the request is not carried out.

    Attributes:
        encoding: How a text as `body` is encoded. The header Content-Type may say otherwise.
    """

    status: _Status = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        """Refuse an encoding that Python does not know, or that cannot encode the text."""
        try:
            self.encoded()
        except (LookupError, UnicodeError) as error:
            raise ValueError(f"encoding {self.encoding!r} cannot encode the body") from error

    def encoded(self) -> bytes:
        """Return a body that is a text; empty if it is none."""
        return self.body.encode(self.encoding) if isinstance(self.body, str) else b""


class ConnectionFault(RequestFault, kw_only=True):
    """The connection closes.

    Attributes:
        reset: It is reset (RST), instead of closed (FIN).
    """

    reset: bool = False


class Cut(ConnectionFault, kw_only=True, tag="cut"):
    """The request is carried out; the connection closes after `after_bytes` of the answer."""

    after_bytes: _Count = 0


class Lost(ConnectionFault, kw_only=True, tag="lost"):
    """The request is carried out; the connection closes without an answer."""


class Closed(ConnectionFault, kw_only=True, tag="closed"):
    """The connection closes after `after_bytes` of the request's body.

    The request is not carried out.
    """

    after_bytes: _Count = 0


class Shortened(RequestFault, kw_only=True, tag="shortened"):
    """The request is carried out; the answer lacks its end, and is framed as if it were whole.

    Attributes:
        lines: How many lines are missing at the end.
        bytes: How many bytes are missing at the end, after these lines.
    """

    lines: _Count = 0
    bytes: _Count = 0


class WrongLength(RequestFault, kw_only=True, tag="wrong_length"):
    """The request is carried out; the answer's Content-Length is wrong.

    Attributes:
        by: How many bytes it is too large: the connection closes after the body. If it is
            negative, the rest of the body follows all the same.
    """

    by: int


class Stalled(RequestFault, kw_only=True, tag="stalled"):
    """The request is carried out; the answer pauses `seconds` after `after_bytes` of its body."""

    after_bytes: _Count = 0
    seconds: _Seconds


class Delay(RequestFault, kw_only=True, tag="delay"):
    """The request is carried out `seconds` later."""

    seconds: _Seconds


class ExpiredSession(RequestFault, kw_only=True, tag="expired_session"):
    """The session of the request ends: it is refused until the client signs in again."""


class UsedUp(RequestFault, kw_only=True, tag="used_up"):
    """From this request on, `remaining` is left of the daily `limit`."""

    limit: str
    remaining: _Count = 0


class JobFault(_Fault, kw_only=True):
    """A fault of load and query jobs; in Bulk API 1.0, of batches.

    Attributes:
        object: A glob.
        operation: A glob: `insert`, `query`...
        after_rows: How many rows are processed first. The other rows stay unprocessed.
        over_rows: It applies only to a job with more rows than this; None for every job.
    """

    object: str = "*"
    operation: str = "*"
    after_rows: _Count = 0
    over_rows: _Count | None = None

    def is_for(self, sobject: str, operation: str) -> bool:
        """Return whether the fault is for a job of this object and operation."""
        return fnmatchcase(sobject, self.object) and fnmatchcase(operation, self.operation)


class JobFailed(JobFault, kw_only=True, tag="job_failed"):
    """The job becomes Failed with an errorMessage; in Bulk API 1.0, the batch."""

    message: str = "InternalServerError : An unexpected error occurred"


class JobAborted(JobFault, kw_only=True, tag="job_aborted"):
    """Another user aborts the job; in Bulk API 1.0, the batch becomes NotProcessed."""


class RowFault(_Fault, kw_only=True, tag="row_error"):
    """Rows are rejected, in every API. A row must match all keys that are given.

    Attributes:
        times: How many rows it applies to; None, the default, for all.
        object: A glob.
        operation: A glob.
        where: Globs of cells by field name.
        rows: Numbers of rows in their job, batch or request; the first is 1.
        every: Every nth row.
        attempts: How many attempts at the same record are rejected; None for all.
        key: The field that tells whether two attempts are at the same record. The default is the
            upsert's external id, else Id, else all cells of the row.
        code: The StatusCode.
        message: The error's text.
        fields: Names of the wrong fields.
    """

    times: _Number | None = None
    object: str = "*"
    operation: str = "*"
    where: _Globs = field(default_factory=dict)
    rows: list[_Number] = field(default_factory=list)
    every: _Number = 1
    attempts: _Number | None = None
    key: str | None = None
    # The most frequent row error that a second attempt can solve.
    code: str = "UNABLE_TO_LOCK_ROW"
    message: str = "unable to obtain exclusive access to this record"
    fields: list[str] = field(default_factory=list)

    def is_for(self, sobject: str, operation: str) -> bool:
        """Return whether the fault is for rows of this object and operation."""
        return fnmatchcase(sobject, self.object) and fnmatchcase(operation, self.operation)

    def matches(self, number: int, cells: Mapping[str, str]) -> bool:
        """Return whether a row matches. `cells` are by field name in lower case."""
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
    | Shortened
    | WrongLength
    | Stalled
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
        ValueError: The kind is unknown, or a key or a value is not valid for the kind; the text
            names it.
    """
    # msgspec's message for an unknown kind does not list the kinds.
    if document.get("kind") not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {document.get('kind')!r}")
    fault: ScriptedFault = msgspec.convert(dict(document), ScriptedFault)
    return fault


def fault_document(fault: ScriptedFault) -> dict[str, Any]:
    """Return a fault as a JSON document."""
    document: dict[str, Any] = msgspec.to_builtins(fault)
    return document


def _all_match(texts: Mapping[str, str], globs: Mapping[str, str]) -> bool:
    return all(name in texts and fnmatchcase(texts[name], glob) for name, glob in globs.items())
