"""The verbs of a load, which both front doors have: `Salesforce` and `Bulk1`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sfbulk.jobs.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Generator

    from typing_extensions import Unpack

    from sfbulk.load.options import LoadOptions
    from sfbulk.load.outcomes import IngestSummary, RowOutcome
    from sfbulk.load.record_load import RecordLoad
    from sfbulk.load.sources import Records


class LoadVerbs(ABC):
    """Insert, update, upsert, delete and load, by one of the bulk APIs."""

    def load(
        self,
        sobject: str,
        operation: Operation,
        records: Records,
        *,
        external_id: str | None = None,
        **options: Unpack[LoadOptions],
    ) -> Generator[RowOutcome, None, None]:
        """API call: load records; yields the outcome of each, in their order.

        Every record that was read has its outcome before an error is raised. A later version of
        a record is loaded after the earlier one. A job is created when its upload is full or the
        records end, so a generator that waits for new records holds back outcomes.

        Results of Bulk API 2.0 have no order: they are matched with the records by the key, or
        by the values of a row without key. With Bulk API 1.0, the job is created when the first
        batch is full or the records end, and aborted if the loop ends early. When Salesforce
        refuses a batch after the first, no error is raised: the remaining records are reported
        as unprocessed.

        Args:
            sobject: object API name.
            operation: what to do with the rows.
            records: see `insert`.
            external_id: the field that finds the records of an upsert, update or delete. An
                update or delete without one finds them by `Id`.
            options: see `LoadOptions`.

        Raises:
            DataError: a record cannot be sent; names its number. Jobs and batches before it are
                loaded. Or an option that this bulk API does not have.
            JobError: as `RecordLoad.summary`; or a 1.0 job has batches that were not sent.
            ApiError, TransportError: as `RecordLoad.summary`.
        """
        yield from self._record_load(sobject, operation, external_id, options).outcomes(records)

    def insert(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: create records; see `RecordLoad` for the values of a record.

        Records are mappings, sequences (with the option `columns`), or CSV with a header row as
        bytes, a path, or a file open for reading bytes. The summary has the rows that Salesforce
        rejects; `load` yields every row.
        """
        return self._record_load(sobject, Operation.INSERT, None, options).summary(records)

    def update(
        self,
        sobject: str,
        records: Records,
        *,
        external_id: str | None = None,
        **options: Unpack[LoadOptions],
    ) -> IngestSummary:
        """API call: update records by their `Id`, or by `external_id`; see `insert`.

        By an external id, the Ids are read before a job is created. A key that no record has, or
        several, is a failed row with the code `NO_SUCH_RECORD` or `SEVERAL_RECORDS`.
        """
        load = self._record_load(sobject, Operation.UPDATE, external_id, options)
        return load.summary(records)

    def upsert(
        self, sobject: str, records: Records, *, external_id: str, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: update records by `external_id`, and create missing ones; see `insert`.

        With the option `new_only`, records that exist are skipped.
        """
        return self._record_load(sobject, Operation.UPSERT, external_id, options).summary(records)

    def delete(
        self,
        sobject: str,
        records: Records,
        *,
        external_id: str | None = None,
        **options: Unpack[LoadOptions],
    ) -> IngestSummary:
        """API call: move records to the recycle bin by `Id` or `external_id`; see `update`."""
        load = self._record_load(sobject, Operation.DELETE, external_id, options)
        return load.summary(records)

    def hard_delete(
        self,
        sobject: str,
        records: Records,
        *,
        external_id: str | None = None,
        **options: Unpack[LoadOptions],
    ) -> IngestSummary:
        """API call: delete records permanently by `Id` or `external_id`; see `update`.

        It needs a permission.
        """
        load = self._record_load(sobject, Operation.HARD_DELETE, external_id, options)
        return load.summary(records)

    @abstractmethod
    def _record_load(
        self, sobject: str, operation: Operation, external_id: str | None, options: LoadOptions
    ) -> RecordLoad:
        """What loads records by this bulk API."""
