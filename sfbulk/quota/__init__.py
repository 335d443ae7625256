"""The org's limits, and how much of them a run may use."""

from __future__ import annotations

from sfbulk.quota.limits import QUOTA_SCHEMA, Limit, Quota

__all__ = ["QUOTA_SCHEMA", "Limit", "Quota"]
