"""Writes the rejects file and the report of each stream into the output folder."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

import msgspec

from sfbulk.errors import ConfigError
from target_sfbulk.json_lines import json_line
from target_sfbulk.report import StreamReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


class RejectKind(str, Enum):
    """How a record was rejected: the `kind` in the rejects file."""

    REJECTED = "rejected"
    """Salesforce rejected the row."""
    UNPROCESSED = "unprocessed"
    """Its job ended before the row was processed."""
    UNKNOWN = "unknown"
    """Its job ended without a result for it: it may be in Salesforce, so query it first."""
    OVERSIZE = "oversize"
    """It is larger than Salesforce allows; it was not sent."""
    UNCONVERTIBLE = "unconvertible"
    """A value does not fit its field; it was not sent."""


@dataclass(frozen=True)
class Reject:
    """Why a record is not in Salesforce.

    Attributes:
        code: Salesforce's code, or one of ours for a record that was not sent.
        message: Salesforce's text, which may quote the record, or ours, which never does.
        fields: The Salesforce fields that are wrong, if they are known.
        job_id: The job that had the row; None if it was not sent.
    """

    kind: RejectKind
    code: str
    message: str
    fields: tuple[str, ...] = ()
    job_id: str | None = None

    @property
    def reason(self) -> str:
        """A text for logs and reports, without a record value."""
        where = f" on {', '.join(self.fields)}" if self.fields else ""
        return f"{self.code}{where}" + (
            f": {self.message}" if self.kind is not RejectKind.REJECTED and self.message else ""
        )


class StreamOutput:
    """The files of one stream in the output folder: its rejects and its report.

    Rejects are appended: after a run wrote its STATE, the next run must not remove its rejects.

    Args:
        folder: The output folder; it is created if it does not exist.
        stream: The stream's name.
        sobject: The object it is loaded into.
        operation: The operation of its rows.

    Raises:
        ConfigError: The folder cannot be created or written.
    """

    def __init__(self, folder: Path, stream: str, sobject: str, operation: str) -> None:
        # A stream name may have characters that a file name may not.
        name = quote(stream, safe=" ")
        self.report = StreamReport(
            stream, sobject, operation, rejects_file=str(folder / f"{name}.rejects.jsonl")
        )
        self._rejects = folder / f"{name}.rejects.jsonl"
        self._report_file = folder / f"{name}.report.json"
        self._require_folder(folder)

    def _require_folder(self, folder: Path) -> None:
        """Write the first report, so that a folder that cannot be written is an error early."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.write_report()
        except OSError as error:
            problem = f"output_dir: {folder} cannot be written ({error.strerror})."
            raise ConfigError([f"{problem} Name a folder that can."]) from error

    def reject(self, rejects: Iterable[tuple[bytes, Reject]]) -> None:
        """Append records (as JSON) with their reasons; on return they are flushed to the disk.

        Raises:
            OSError: They cannot be written; names the file.
        """
        with _appended(self._rejects) as file:
            for record, reject in rejects:
                file.write(_reject_line(record, reject))
                self.report.rejected += 1
                self.report.reasons[reject.reason] += 1

    def write_report(self) -> None:
        """Replace the report file by the report of the run so far."""
        self._report_file.write_text(
            json.dumps(self.report.as_json(), ensure_ascii=False, indent=2) + "\n", "utf-8"
        )


@contextmanager
def _appended(path: Path) -> Iterator[IO[bytes]]:
    """A file open after its last complete line, flushed to the disk when the block ends."""
    try:
        with path.open("a+b") as file:
            _end_last_line(file)
            yield file
            file.flush()
            # STATE may leave next, so the rejects before it must survive a power failure.
            os.fsync(file.fileno())
    except OSError as error:
        # The error of a full disk does not name the file.
        raise OSError(error.errno, error.strerror, str(path)) from error


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


def _reject_line(record: bytes, reject: Reject) -> bytes:
    line = json_line(
        {
            # As it was read: parsed again, its numbers could lose digits.
            "record": msgspec.Raw(record),
            "code": reject.code,
            "message": reject.message,
            "fields": reject.fields,
            "job_id": reject.job_id,
            "kind": reject.kind.value,
        }
    )
    return line + b"\n"
