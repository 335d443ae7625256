"""The operations of ingest jobs."""

from __future__ import annotations

from enum import Enum


class Operation(str, Enum):
    """What an ingest job does with its rows, in Salesforce's words."""

    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"
    HARD_DELETE = "hardDelete"
