"""Who is signed in, which org it is, and what the user may do."""

from __future__ import annotations

from sfbulk.access.identity import Organization, User

__all__ = ["Organization", "User"]
