"""Tells by Salesforce's words whether Bulk API refuses an object or a query that REST may read.

The codes differ (INVALIDENTITY, InvalidEntity, FUNCTIONALITY_NOT_ENABLED, FeatureNotEnabled,
API_ERROR, InvalidBatch), and lists of objects are never complete, so the words decide. They are
those of error answers, of the `errorMessage` of a 2.0 job, and of the `stateMessage` of a batch:

- Entity 'TaskStatus' is not supported by the Bulk API.
- Entity 'TaskStatus' is not supported by the Bulk Query API.
- Selecting compound data not supported in Bulk Query
- Aggregate Relationships not supported in Bulk V2 Query with CSV content type
- Blob field not supported in Bulk V2 Query with CSV content type
- Binary field not supported
"""

from __future__ import annotations


def is_bulk_refusal(text: str) -> bool:
    """Whether the text of an error says that Bulk API does not support something."""
    return ("not supported" in text and "Bulk" in text) or "Binary field not supported" in text


def is_query_refusal(text: str) -> bool:
    """Whether the text says that an object cannot be queried, by bulk or at all."""
    # "entity type X does not support query". Other taps read some such objects by REST.
    return is_bulk_refusal(text) or "does not support query" in text
