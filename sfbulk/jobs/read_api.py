"""The APIs that run a query."""

from __future__ import annotations

from enum import Enum


class ReadApi(str, Enum):
    """The APIs that run a query."""

    BULK2 = "BULK2"
    """Bulk API 2.0; Salesforce divides large queries by itself."""
    BULK1 = "BULK"
    """Bulk API 1.0 with PK chunking."""
    REST = "REST"
    """Pages of up to 2,000 rows; also for objects that Bulk API does not support."""
