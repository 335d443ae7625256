"""Switches for answers about which public sources differ, so that a client can be tested with each.

The authors have no Salesforce org. The first choice of a switch is the one with better sources;
docs/sandbox-coverage.md names them.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# The choices of each switch. The first one is the default.
SWITCHES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # The answer of /resultPages: `resultChunks` with paths that lack /services/data/vNN.N,
        # the guide's `resultPages` with whole paths, or a 404.
        "result_pages": ("chunks", "guide", "refused"),
        # A second upload to an ingest job: accepted, and then the close is refused; or refused.
        "second_upload": ("taken", "refused"),
        # Whether an Open job shows its counts after the upload.
        "counts_after_upload": ("shown", "hidden"),
        # A result without rows: 200 with the header, 204, or 200 without a body.
        "empty_results": ("header", "no_content", "empty"),
        # Whether failedResults has the values of a column whose name differs from the describe's
        # in letter case.
        "column_case": ("kept", "lost"),
        # How CR and CRLF inside quoted text are stored: as LF or unchanged.
        "line_breaks": ("lf", "kept"),
        # Whether a CSV row of one empty cell in quotes is skipped like a blank line.
        "empty_rows": ("skipped", "read"),
        # Whether `47.0` and `4.7E1` are refused for an int field in CSV.
        "whole_numbers": ("strict", "lenient"),
        # The value of a field of a new record for an empty CSV cell: its default, or null.
        "empty_on_insert": ("default", "null"),
        # The results of a query job that is not complete: 400, 412 or 204.
        "early_results": ("refused", "precondition", "no_content"),
        # Whether the user may use SOAP login().
        "soap_login": ("permitted", "refused"),
        # Whether the user has the permission "Bulk API Hard Delete".
        "hard_delete": ("permitted", "refused"),
        # The language of the user, for the text about a parent that is not found.
        "language": ("english", "german"),
    }
)

# Recorded for Bulk API 1.0 (2026). Bulk API 2.0 has the same code in capitals.
HARD_DELETE_REFUSED = (
    "hardDelete operation requires special user profile permission, "
    "please contact your system administrator"
)


class Behaviour:
    """The switches of one org. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chosen: dict[str, str] = {}
        self.reset()

    def reset(self) -> None:
        """Set every switch to its default."""
        with self._lock:
            self._chosen = {name: choices[0] for name, choices in SWITCHES.items()}

    def set(self, switches: Mapping[str, Any]) -> None:
        """Set some switches. The others are not changed.

        Raises:
            ValueError: A switch or a choice is unknown. No switch was changed.
        """
        for name, choice in switches.items():
            _check(name, choice)
        with self._lock:
            self._chosen.update(switches)

    def has(self, name: str, choice: str) -> bool:
        """Return whether a switch has a choice.

        Raises:
            ValueError: The switch or the choice is unknown.
        """
        _check(name, choice)
        return self._chosen[name] == choice

    def document(self) -> dict[str, str]:
        """Return the choice of every switch."""
        with self._lock:
            return dict(self._chosen)


def _check(name: str, choice: object) -> None:
    if name not in SWITCHES:
        raise ValueError(f"there is no switch {name}; the switches are {', '.join(SWITCHES)}")
    if choice not in SWITCHES[name]:
        raise ValueError(f"{name} must be {' or '.join(SWITCHES[name])}, not {choice!r}")
