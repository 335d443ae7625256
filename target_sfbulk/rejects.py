"""Writes rejects files: each record that is not in Salesforce, with the reason."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import IO, TYPE_CHECKING, Any

import msgspec

from sfbulk import RowError, RowStatus
from sfbulk.file_lock import lock_for_appending
from sfbulk.load import UNKNOWN_CODE
from sfbulk.private_files import flush_to_disk, open_private
from target_sfbulk.json_lines import JsonLineError, json_line
from target_sfbulk.raw_json import raw_members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from sfbulk import RowOutcome
    from sfbulk.load import ResultRow


class RejectKind(str, Enum):
    """How a record was rejected: the `kind` in the rejects file."""

    REJECTED = "rejected"
    """Salesforce rejected the row."""
    UNPROCESSED = "unprocessed"
    """Its job ended before the row was processed."""
    UNKNOWN = "unknown"
    """Its job ended without a result for it: it may be in Salesforce, so query it first."""
    UNMATCHED = "unmatched"
    """Salesforce rejected a row whose record is not known: the line has the row as it came back."""
    OVERSIZE = "oversize"
    """It is larger than Salesforce allows; it was not sent."""
    UNCONVERTIBLE = "unconvertible"
    """A value does not fit its field; it was not sent."""
    NOT_DELETED = "not_deleted"
    """A record of the org, which the source no longer has, was not deleted by a mirror."""


# The messages of these are Salesforce's, which may quote the record.
_SALESFORCE_S = (RejectKind.REJECTED, RejectKind.UNMATCHED, RejectKind.NOT_DELETED)


@dataclass(frozen=True)
class Reject:
    """Why a record is not in Salesforce.

    Attributes:
        code: Salesforce's code, or one of ours for a record that was not sent.
        message: Salesforce's text, which may quote the record, or ours, which never does.
        fields: The Salesforce fields that are wrong, if they are known.
        job_id: The job that had the row; None if it was not sent.
        returned: The row as Salesforce returned it, if it has other values than were sent.
        row: Names the row that was sent, among all rows of all runs.
    """

    kind: RejectKind
    code: str
    message: str
    fields: tuple[str, ...] = ()
    job_id: str | None = None
    returned: Mapping[str, str] | None = None
    row: str | None = None

    @property
    def reason(self) -> str:
        """A text for logs and reports, without a record value."""
        where = f" on {', '.join(self.fields)}" if self.fields else ""
        return f"{self.code}{where}" + (
            f": {self.message}" if self.kind not in _SALESFORCE_S and self.message else ""
        )


def reject_of(row: RowOutcome, state: str, sobject: str, key: str | None) -> Reject:
    """The reject of a row that is not confirmed.

    Args:
        row: Its outcome.
        state: How its job ended.
        sobject: The object it is loaded into.
        key: The column by which Salesforce finds its record; None for an insert.
    """
    if row.status is RowStatus.FAILED:
        error = row.error or RowError("", "")
        job_id, returned = row.job_id, row.returned
        kind = RejectKind.REJECTED
        return Reject(kind, error.code, error.message, error.fields, job_id, returned)
    if row.status is RowStatus.UNPROCESSED:
        return _unprocessed(row, state)
    by = f"`{key}`" if key else "its values"
    message = (
        f"the job ended {state} and none of its results has this row, so it may or may"
        f" not be in Salesforce: query `{sobject}` by {by} before sending it again"
    )
    fields = (key,) if key else ()
    return Reject(RejectKind.UNKNOWN, UNKNOWN_CODE, message, fields, row.job_id)


def reject_of_unmatched(result: ResultRow, job_id: str | None) -> tuple[bytes, Reject]:
    """The row of a result whose record is not known, as JSON, and why it is not in Salesforce.

    An empty cell stands for null or for no value, so it is left out: it changes nothing.
    """
    error = result.error or RowError("", "")
    record = json_line({header: cell for header, cell in result.row.items() if cell})
    return record, Reject(RejectKind.UNMATCHED, error.code, error.message, error.fields, job_id)


def _unprocessed(row: RowOutcome, state: str) -> Reject:
    error = row.error or RowError("", "")
    reason = " : ".join(part for part in (error.code, error.message) if part)
    message = f"the job ended {state} before this row was processed: {reason or 'no reason given'}"
    return Reject(RejectKind.UNPROCESSED, "UNPROCESSED", message, job_id=row.job_id)


@dataclass(frozen=True)
class RejectStamp:
    """What each line of a rejects file says of its run.

    Attributes:
        run_id: The run; its report has the same.
        time: When the line was written, in UTC.
    """

    stream: str
    run_id: str
    time: str


def append_rejects(
    path: Path, rejects: Iterable[tuple[bytes, Reject]], stamp: RejectStamp
) -> int | None:
    """Append records (as JSON) with their reasons; on return they are flushed to the disk.

    Runs that share an output folder wait for each other.

    Returns:
        Where in the file the first of them begins; None without any.

    Raises:
        OSError: They cannot be written; names the file.
    """
    with _appended(path) as file:
        begin = file.seek(0, os.SEEK_END)
        for record, reject in rejects:
            file.write(_reject_line(record, reject, stamp))
        return begin if file.tell() > begin else None


@contextmanager
def _appended(path: Path) -> Iterator[IO[bytes]]:
    """A file open after its last complete line, flushed to the disk when the block ends."""
    # The last line may be one that another run is writing just now.
    with lock_for_appending(path), open_private(path, "a+b") as file:
        _end_last_line(file)
        yield file
        flush_to_disk(file)


def _end_last_line(file: IO[bytes]) -> None:
    """End the last line, or remove it if a run died while it wrote it.

    That run wrote no STATE after the record, so the tap sends the record again.
    """
    file.seek(max(file.seek(0, os.SEEK_END) - 1, 0))
    if file.read() in (b"", b"\n"):
        return
    file.seek(0)
    whole, line = 0, b""
    for line in file:
        whole += len(line) if line.endswith(b"\n") else 0
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError:
        file.truncate(whole)
    else:
        file.write(b"\n")


def _reject_line(record: bytes, reject: Reject, stamp: RejectStamp) -> bytes:
    line: dict[str, Any] = {
        # As it was read: parsed again, its numbers could lose digits.
        "record": msgspec.Raw(record),
        "code": reject.code,
        "message": reject.message,
        "fields": reject.fields,
        "job_id": reject.job_id,
        "kind": reject.kind.value,
        "stream": stamp.stream,
        "run_id": stamp.run_id,
        "time": stamp.time,
    }
    if reject.row is not None:
        line["row"] = reject.row
    if reject.returned is not None:
        line["returned"] = reject.returned
    return json_line(line) + b"\n"


class RejectLine(msgspec.Struct, kw_only=True):
    """One line of a rejects file."""

    record: msgspec.Raw
    stream: str
    run_id: str
    kind: str = ""
    code: str = ""
    message: str = ""
    fields: list[str] = []
    job_id: str | None = None
    row: str | None = None
    returned: dict[str, str] | None = None


_decoder = msgspec.json.Decoder(RejectLine)


def read_reject(line: bytes) -> RejectLine:
    """A line of a rejects file; the digits of its record's numbers are kept.

    Raises:
        JsonLineError: It is none.
    """
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError):
        # A lone surrogate in the record, which msgspec refuses, or no line of a rejects file.
        return _read_in_parts(line)


def _read_in_parts(line: bytes) -> RejectLine:
    try:
        members = raw_members(line)
        record = members.pop(b'"record"')
        # Only the record can have what msgspec refuses.
        others = b",".join(b":".join(member) for member in members.items())
        found = _decoder.decode(b'{"record":null,' + others + b"}")
    except (ValueError, KeyError, RecursionError):
        raise JsonLineError("is not a line of a rejects file") from None
    found.record = msgspec.Raw(record)
    return found
