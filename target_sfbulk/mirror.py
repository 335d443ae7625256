"""Loads one stream as a mirror: upserts, and deletes what the source does not have any more.

A record with `_sdc_deleted_at` is deleted by its key. What else the source does not have is known
only when it has sent a full table to its end, which ACTIVATE_VERSION says: the keys of the org are
then compared with those of the stream. This happens when all input is read, since records of later
streams may still move to other parents, and a delete takes children along. STATE messages after
the ACTIVATE_VERSION wait for it.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

from target_sfbulk.delete_cap import MirrorError
from target_sfbulk.losses import UnconvertibleError
from target_sfbulk.mirror_deletes import Covered, marked_load, missing_load, plan_of_deletes
from target_sfbulk.mirror_keys import VersionKeys
from target_sfbulk.stream import StreamLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_sfbulk.load_context import LoadContext
    from target_sfbulk.output import StreamOutput
    from target_sfbulk.preflight import Schema, StreamPlan
    from target_sfbulk.reject_schema import SourceSchema
    from target_sfbulk.rejects import Reject

LOGGER = logging.getLogger("target-sfbulk")

DELETED_AT = "_sdc_deleted_at"
"""The record field by which taps mark a record that the source has deleted."""


class MirrorLoad(StreamLoad):
    """The rows of one stream that is a mirror.

    Args:
        plan: How the stream is loaded.
        output: The stream's rejects and report.
        context: What all streams share.
        replan: As for `StreamLoad`.
        version: Returns the version of the record that is read; None if it has none.

    Raises:
        ConfigError: Salesforce refuses `where`.
    """

    def __init__(
        self,
        plan: StreamPlan,
        output: StreamOutput,
        context: LoadContext,
        *,
        replan: Callable[[Schema], StreamPlan],
        version: Callable[[], int | None],
    ) -> None:
        self._org = Covered(plan, context.salesforce, dry_run=output.dry_run is not None)
        self._version = version
        self._keys = VersionKeys(output.keys_file(context.new_folder()), self._org.name)
        self._deletes = marked_load(plan, output, context, replan, self._org)
        self._missing = missing_load(plan, output, context)
        self._has_records = self._has_numbers = False
        self._is_due = False
        self._came_first = False
        self._held_to = math.inf
        self._group = context.group
        super().__init__(plan, output, context, replan=replan)

    def use(self, plan: StreamPlan) -> None:
        """Encode later records by this plan, as after another SCHEMA."""
        super().use(plan)
        self._deletes.use(plan_of_deletes(plan, self._org))

    def describe(self, schema: SourceSchema) -> None:
        """As `StreamLoad.describe`; the rows of missing records are none of the source."""
        super().describe(schema)
        self._deletes.describe(schema)

    @property
    def settled_to(self) -> float:
        """As `StreamLoad.settled_to`; up to the ACTIVATE_VERSION while its deletes are due."""
        return min(super().settled_to, self._deletes.settled_to, self._held_to)

    @property
    def pending_rows(self) -> int:
        """Rows without an outcome."""
        return super().pending_rows + self._deletes.pending_rows + self._missing.pending_rows

    @property
    def without_outcome(self) -> tuple[int, int]:
        """As `StreamLoad.without_outcome`: the records that are missing are none of the input."""
        sent, unsent = super().without_outcome
        deletes = self._deletes.without_outcome
        return sent + deletes[0], unsent + deletes[1]

    def add(self, record: Mapping[str, Any], required: Sequence[str]) -> Reject | None:
        """As `StreamLoad.add`; a record that is marked as deleted needs its key only."""
        self._begin_record(self._version())
        if record.get(DELETED_AT) is None:
            reject = super().add(record, required)
        else:
            reject = self._deletes.add(record, ())
        # Also the key of a record that was rejected: the source has it.
        self._note_key(record)
        return reject

    def activate_version(self, version: int, *, number: int, is_incremental: bool) -> None:
        """Delete at the end of the input what this version does not have.

        Many taps send the message before the records too, or only then: what comes before them
        says nothing about them, unless none come.
        """
        if is_incremental and not self._has_records:
            LOGGER.info(
                "%s: ACTIVATE_VERSION without records of an incremental stream", self.stream
            )
            return
        if self._has_numbers and self._keys.version != version:
            self._ignore_version(f"the records are of version {self._keys.version}")
            return
        if not self._has_records or self._keys.version is None:
            self._keys.use(version)
        if self._keys.is_partial:
            self._ignore_version(
                "records of other versions, or by other keys, came between. If the tap begins it"
                f" again, remove {self._keys.path} first"
            )
            return
        self._came_first = not self._has_records
        self._is_due = True
        # A STATE before the message may be the same number of records after the start.
        self._held_to = min(self._held_to, number - 1)

    def find_missing(self) -> None:
        """API call: find the records that the activated version does not have.

        Raises:
            MirrorError: Too many would be deleted, or the version has keys that are not known.
            SalesforceError: The keys of the org cannot be read.
        """
        if not self._is_due:
            return
        if self._keys.unreadable:
            raise MirrorError(
                f"{self.stream}: {self._keys.unreadable} rejected records have keys that cannot be"
                " compared with those of the org. Nothing that the source no longer has was"
                " deleted. Correct these records, and let the tap begin the table again."
            )
        missing = self._keys.compare(self._org.keys())
        if missing and self._keys.is_empty:
            self._org.budget.require_all(missing)
        self._org.budget.spend(missing)

    def delete_missing(self) -> bool:
        """API calls, as far as they are due: delete what `find_missing` has found.

        Returns:
            Whether there is something; the caller drains the group.
        """
        if not self._is_due:
            return False
        for record_id, key in self._keys.missing():
            self._missing.buffer({"Id": record_id, self._org.key: key}, ())
            self._group.advance()
        return True

    def collect(self) -> None:
        """Count the outcomes that are new, and write their rejects and the report."""
        super().collect()
        self._deletes.collect()
        self._missing.collect()

    def write_rejects(self) -> None:
        """Write down what must survive before a STATE leaves: rejects, and keys of the version."""
        self._keys.commit()
        super().write_rejects()
        self._deletes.write_rejects()

    def mark(self, number: int) -> None:
        """Remember that the records so far are among the first ones of the input."""
        super().mark(number)
        self._deletes.mark(number)

    def cover(self, number: int) -> None:
        """Note in the journal that a STATE was written which covers the first records."""
        super().cover(number)
        self._deletes.cover(number)

    def drop_uncovered(self) -> int:
        """Drop the rows after the last mark that are not sent; returns how many."""
        return super().drop_uncovered() + self._deletes.drop_uncovered()

    def mirrored(self) -> None:
        """The deletes are done: STATE may leave."""
        self._held_to = math.inf

    def end(self) -> None:
        """The run has ended well: the keys of a version that is dealt with are not needed."""
        # Not before STATE has left: without it, the next run goes on with the same version.
        if self._is_due:
            self._keys.forget()

    def close(self) -> None:
        """Keep the keys for a run that goes on with the version."""
        self._keys.close()

    def _begin_record(self, version: int | None) -> None:
        if self._came_first:
            self._ignore_version("it came before the records of the version")
        elif self._is_due and version not in (None, self._keys.version):
            self._ignore_version(f"records of version {version} came after it")
        self._has_records = True
        self._has_numbers = self._has_numbers or version is not None
        self._keys.use(version)

    def _note_key(self, record: Mapping[str, Any]) -> None:
        try:
            text = self._encoder.key_text(record)
            if text is not None:
                text.encode()
                self._keys.add(text)
        except (UnconvertibleError, UnicodeEncodeError):
            self._keys.unreadable += 1

    def _ignore_version(self, reason: str) -> None:
        LOGGER.warning(
            "%s: ACTIVATE_VERSION is ignored, as %s: nothing is deleted for it", self.stream, reason
        )
        self._is_due = self._came_first = False
        self._held_to = math.inf
