"""The settings with which a 1.0 job is created."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.bulk1 import documents
from sfbulk.bulk1.states import Concurrency, ContentType, QueryOperation
from sfbulk.errors import DataError
from sfbulk.jobs.key_column import check_external_id

if TYPE_CHECKING:
    from sfbulk.bulk1.chunking import PkChunking
    from sfbulk.jobs.operation import Operation


@dataclass(frozen=True)
class JobSettings:
    """The settings of a new job; see `Bulk1.ingest_job` and `Bulk1.query_job`."""

    sobject: str
    operation: Operation | QueryOperation
    content_type: ContentType = ContentType.CSV
    concurrency: Concurrency = Concurrency.PARALLEL
    external_id: str | None = None
    assignment_rule_id: str | None = None
    pk_chunking: PkChunking | None = None
    line_ending: str | None = None
    retry_batches: bool = True

    def check(self) -> None:
        """Refuse settings that contradict each other.

        Raises:
            DataError: says which.
        """
        check_external_id(self.sobject, self.operation, self.external_id)
        if self.pk_chunking and not isinstance(self.operation, QueryOperation):
            raise DataError(f"{self.sobject}: PK chunking is for queries only.")

    @property
    def document(self) -> bytes:
        """The jobInfo, with its elements in the order that Salesforce requires."""
        # In another order than that of the schema, Salesforce refuses the XML.
        return documents.job_document(
            {
                "operation": self.operation.value,
                "object": self.sobject,
                "assignmentRuleId": self.assignment_rule_id,
                "externalIdFieldName": self.external_id,
                "concurrencyMode": self.concurrency.value,
                "contentType": self.content_type.value,
            }
        )

    @property
    def headers(self) -> dict[str, str]:
        """The settings that Salesforce reads from headers (Bulk API guide: Headers)."""
        headers = {
            "Sforce-Enable-PKChunking": self.pk_chunking.header if self.pk_chunking else None,
            "Sforce-Line-Ending": self.line_ending,
            "Sforce-Disable-Batch-Retry": None if self.retry_batches else "TRUE",
        }
        return {name: value for name, value in headers.items() if value is not None}
