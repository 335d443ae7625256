"""Counts what happened to the records of each stream, and compares the rejects with the budget."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sfbulk.count_or_share import WHOLE, CountOrShare
from sfbulk_singer.progress import counted

if TYPE_CHECKING:
    from sfbulk.load import FileOutcome
    from target_sfbulk.rows import EncodedRow

# With every reason of a run, a line of the log could be endless.
_MOST_REASONS = 5


@dataclass
class StreamReport:
    """What happened to one stream's records in this run, in numbers.

    Attributes:
        run_id: The run.
        time: When its first SCHEMA arrived, in UTC.
        read: Records of the input.
        loaded: Rows that Salesforce confirmed.
        created: Those of them that are new records.
        skipped: Rows whose record exists, in an upsert of new records only, and rows that an
            earlier run has sent that did not end well.
        replaced: Rows that were not sent, as a later one of the same record sets all their fields.
        deleted_marked: In a mirror, deleted records that the source marks as deleted.
        already_gone: Such records that the org did not have, or that do not belong to the mirror.
        deleted_missing: In a mirror, deleted records that the source does not have any more; they
            are not in `read`.
        rejected: Records that the run wrote to the rejects file.
        recovered: Rejects of such a run that this run wrote to the rejects file; not in
            `rejected`.
        kinds: How many of each kind.
        reasons: Why they were rejected, with their number; without record values.
        fitted: Values that were sent as Salesforce stores them, by field. Those of rows that are
            rejected do not count.
        nulls_kept: Nulls that were not sent because the field cannot be null, by field; likewise.
        required_not_filled: In an upsert, required fields that no record fills; new records are
            rejected for them.
        seconds: Time spent loading.
        dry_run: Whether nothing was sent.
        files: In a dry run, the files that would be sent, each as one job.
    """

    stream: str
    sobject: str
    operation: str
    run_id: str
    time: str
    rejects_file: str
    read: int = 0
    created: int = 0
    loaded: int = 0
    skipped: int = 0
    deleted_marked: int = 0
    already_gone: int = 0
    deleted_missing: int = 0
    replaced: int = 0
    rejected: int = 0
    recovered: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    fitted: Counter[str] = field(default_factory=Counter)
    nulls_kept: Counter[str] = field(default_factory=Counter)
    required_not_filled: list[str] = field(default_factory=list)
    job_ids: list[str] = field(default_factory=list)
    seconds: float = 0.0
    dry_run: bool = False
    files: list[dict[str, Any]] = field(default_factory=list)

    def add(self, outcome: FileOutcome) -> None:
        """Add the outcomes of a file; its rejects are added by `count_reject`."""
        self.skipped += outcome.counts.skipped
        self.replaced += outcome.counts.replaced
        if written := outcome.written:
            self.files.append({**written.__dict__, "path": str(written.path)})
            return
        if outcome.job_id and outcome.job_id not in self.job_ids:
            self.job_ids.append(outcome.job_id)
        self.loaded += outcome.counts.succeeded
        self.created += outcome.counts.created

    def count_changes(self, row: EncodedRow) -> None:
        """Add the values of a row that were not sent as they came."""
        self.fitted.update(row.fitted)
        self.nulls_kept.update(row.nulls_kept)

    def uncount_changes(self, row: EncodedRow) -> None:
        """Take away what `count_changes` has added for a row."""
        # Only numbers above zero stay.
        self.fitted -= Counter(row.fitted)
        self.nulls_kept -= Counter(row.nulls_kept)

    def count_reject(self, kind: str, reason: str) -> None:
        """Add one record of the rejects file."""
        self.rejected += 1
        self.kinds[kind] += 1
        self.reasons[reason] += 1

    @property
    def unaccounted(self) -> int:
        """How many records of the input have no outcome, after a run that has read all of it.

        A mirror has outcomes of records too that are not in the input.
        """
        deleted = self.deleted_marked + self.already_gone
        others = self.skipped + self.replaced + deleted
        missing = self.read - (self.loaded + self.rejected + others)
        return max(missing, 0) if self._is_mirror else missing

    def as_json(self) -> dict[str, Any]:
        """The report as written to `<output_dir>/<stream>.report.json`."""
        return {**self.__dict__, "seconds": round(self.seconds, 3)}

    def summary(self) -> str:
        """One line for the log; it holds no record value."""
        if self.dry_run:
            return self._dry_run_summary()
        return (
            f"{self.stream}: {self.read} rows read; {self.operation} into {self.sobject}:"
            f" {self.loaded} done, {self.created} of them created,"
            + self._deletes()
            + (f" {self.recovered} rejects of an earlier run," if self.recovered else "")
            + self._not_sent()
            + f" {self.rejected} rejected;"
            f" {counted(len(self.job_ids), 'job')}, {self.seconds:.1f} s"
            + (f". {self.reject_summary()}" if self.rejected else "")
        )

    def _not_sent(self) -> str:
        skipped = f" {self.skipped} skipped," if self.skipped else ""
        return skipped + (f" {self.replaced} replaced by later ones," if self.replaced else "")

    def _deletes(self) -> str:
        if not self._is_mirror:
            return ""
        gone = f" {self.already_gone} gone already," if self.already_gone else ""
        return f" {self._deleted} deleted ({self._of_missing}),{gone}"

    @property
    def _is_mirror(self) -> bool:
        return self.operation == "mirror"

    @property
    def _deleted(self) -> int:
        return self.deleted_marked + self.deleted_missing

    @property
    def _of_missing(self) -> str:
        return f"{self.deleted_missing} that the source no longer has"

    def _dry_run_summary(self) -> str:
        rows = sum(file["rows"] for file in self.files)
        return (
            f"{self.stream}: {self.read} rows read; {self.operation} into {self.sobject} would"
            f" send {rows} rows in {len(self.files)} jobs,"
            + (f" {self._deleted} of them deletes ({self._of_missing})," * self._is_mirror)
            + self._not_sent()
            + f" {self.rejected} rejected"
            + (f". {self.reject_summary()}" if self.rejected else "")
        )

    def change_summary(self) -> str:
        """One line for the log about values that were not sent as they came; may be empty."""
        changes = [
            f"{what}: {', '.join(f'{name} {count}' for name, count in counts.items())}"
            for what, counts in (
                ("values fitted to what Salesforce stores", self.fitted),
                ("nulls not sent, as the field cannot be null", self.nulls_kept),
            )
            if counts
        ]
        return f"{self.stream}: {'; '.join(changes)}" if changes else ""

    def reject_summary(self) -> str:
        """Why rows were rejected, the most frequent reasons first, and the file with them."""
        reasons = self.reasons.most_common()
        parts = [f"{count} x {reason}" for reason, count in reasons[:_MOST_REASONS]]
        if self.recovered:
            parts.append(f"{counted(self.recovered, 'reject')} of a run that could not report them")
        shown = ", ".join(parts)
        more = f" and {len(reasons) - _MOST_REASONS} other reasons" * (len(reasons) > _MOST_REASONS)
        return f"{shown}{more}; see {self.rejects_file}"


class RejectBudget(CountOrShare):
    """Rejected rows a run may have, as a count or as a share of the rows read."""

    setting = "max_rejects"

    def is_exceeded(self, *, rejected: int, read: int) -> bool:
        """Whether this number of rejects among the rows read is too high."""
        # An earlier run may have read rows of which this one writes the rejects.
        return self.percent != WHOLE and rejected > self.of(read)
