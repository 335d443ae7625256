"""Writes rejected records down, and counts per stream what came in and what became of it."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from sfbulk.errors import ConfigError
from target_sfbulk.json_lines import json_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


# A line of the log with every reason of a run could be endless.
_REASONS_TOLD = 5


class Kind(str, Enum):
    """How a record came to be rejected."""

    REJECTED = "rejected"
    """Salesforce refused the row."""
    UNPROCESSED = "unprocessed"
    """Its job ended before the row was tried."""
    UNKNOWN = "unknown"
    """Its job ended without a result for it: it may be in, and must be queried first."""
    OVERSIZE = "oversize"
    """It is longer than Salesforce takes; it was not sent."""
    UNCONVERTIBLE = "unconvertible"
    """A value does not fit its field; it was not sent."""


@dataclass(frozen=True)
class Reject:
    """Why a record is not in Salesforce.

    Attributes:
        code: Salesforce's code, or one of ours for a record that was not sent.
        message: Salesforce's text, which may quote the record, or ours, which never does.
        fields: The Salesforce fields at fault, where they are known.
        job_id: The job that carried the row; None when none did.
    """

    kind: Kind
    code: str
    message: str
    fields: tuple[str, ...] = ()
    job_id: str | None = None

    @property
    def reason(self) -> str:
        """A text for logs and reports: it holds no record value."""
        where = f" on {', '.join(self.fields)}" if self.fields else ""
        return f"{self.code}{where}" + (
            f": {self.message}" if self.kind is not Kind.REJECTED and self.message else ""
        )


@dataclass
class StreamReport:
    """What became of one stream's records in this run.

    Attributes:
        fitted: Values that were sent as Salesforce stores them, by field.
        nulls_kept: Nulls of fields that cannot be null, by field; they leave it as it is.
    """

    stream: str
    sobject: str
    operation: str
    rejects_file: str
    read: int = 0
    created: int = 0
    loaded: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    fitted: Counter[str] = field(default_factory=Counter)
    nulls_kept: Counter[str] = field(default_factory=Counter)
    job_ids: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The report as written to `<output_dir>/<stream>.report.json`."""
        return {**self.__dict__, "reasons": dict(self.reasons), "seconds": round(self.seconds, 3)}

    def summary(self) -> str:
        """One line for the log; it holds no record value."""
        return (
            f"{self.stream}: {self.read} rows read; {self.operation} into {self.sobject}:"
            f" {self.loaded} done, {self.created} of them created, {self.rejected} rejected;"
            f" {len(self.job_ids)} jobs, {self.seconds:.1f} s"
            + (f". {self.told_rejects()}" if self.rejected else "")
        )

    def told_changes(self) -> str:
        """One line for the log on the values that were not sent as they came; or an empty text."""
        told = [
            f"{what}: {', '.join(f'{name} {count}' for name, count in counts.items())}"
            for what, counts in (
                ("values fitted as Salesforce stores them, line breaks as LF", self.fitted),
                ("nulls of fields that cannot be null, left as they are", self.nulls_kept),
            )
            if counts
        ]
        return f"{self.stream}: {'; '.join(told)}" if told else ""

    def told_rejects(self) -> str:
        """Why rows were rejected, the most frequent reasons first, and where they lie."""
        reasons = self.reasons.most_common()
        told = ", ".join(f"{count} x {reason}" for reason, count in reasons[:_REASONS_TOLD])
        more = f" and {len(reasons) - _REASONS_TOLD} other reasons" * (len(reasons) > _REASONS_TOLD)
        return f"{told}{more}; see {self.rejects_file}"


class StreamOutput:
    """The files of one stream in the output folder: its rejects and its report.

    Rejects are appended: a run whose STATE went out must not lose them to the next run.
    """

    def __init__(self, folder: Path, stream: str, sobject: str, operation: str) -> None:
        """Make the folder, and the report of nothing yet.

        Raises:
            OSError: The folder cannot be made or written.
        """
        # A stream name may hold what a file name may not.
        name = quote(stream, safe=" ")
        self.report = StreamReport(
            stream, sobject, operation, rejects_file=str(folder / f"{name}.rejects.jsonl")
        )
        self._rejects = folder / f"{name}.rejects.jsonl"
        self._report_file = folder / f"{name}.report.json"
        self._require_folder(folder)

    def _require_folder(self, folder: Path) -> None:
        """Find out before any row is sent.

        Raises:
            ConfigError: The folder cannot be made or written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.write_report()
        except OSError as error:
            problem = f"output_dir: {folder} cannot be written ({error.strerror})."
            raise ConfigError([f"{problem} Name a folder that can."]) from error

    def reject(self, rejects: Iterable[tuple[bytes, Reject]]) -> None:
        """Append records (as JSON) with their reasons; on return they are on the disk.

        Raises:
            OSError: They cannot be written; names the file.
        """
        with _appended(self._rejects) as file:
            for record, reject in rejects:
                file.write(_reject_line(record, reject))
                self.report.rejected += 1
                self.report.reasons[reject.reason] += 1

    def write_report(self) -> None:
        """Write the report of the run so far over the last one."""
        self._report_file.write_text(
            json.dumps(self.report.as_json(), ensure_ascii=False, indent=2) + "\n", "utf-8"
        )


@contextmanager
def _appended(path: Path) -> Iterator[IO[bytes]]:
    """A file open at the end of its last line, on the disk when the block ends."""
    try:
        with path.open("a+b") as file:
            _end_last_line(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # A full disk's error does not say whose disk.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _end_last_line(file: IO[bytes]) -> None:
    """Give a last line its end; what is left of one that a run died over is removed.

    That run wrote no STATE after it, so its record comes again.
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
            "record": msgspec.Raw(record),
            "code": reject.code,
            "message": reject.message,
            "fields": reject.fields,
            "job_id": reject.job_id,
            "kind": reject.kind.value,
        }
    )
    return line + b"\n"
