"""What public sources differ about: a switch for each, so that a client meets either answer.

Nobody here could ask Salesforce itself. Where the sources differ, the first choice of a switch is
the one with the better sources; docs/sandbox-coverage.md names them.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# The choices of each switch, the one it begins with first.
SWITCHES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # How /resultPages names the pages of a query job: `resultChunks` without the path's
        # start, the guide's `resultPages` with it, or not at all (404).
        "result_pages": ("chunks", "guide", "refused"),
        # A second upload to an ingest job: taken, so that the close is refused; or refused.
        "second_upload": ("taken", "refused"),
        # Whether an Open job shows its counts once it has its upload.
        "counts_after_upload": ("shown", "hidden"),
        # A result list without rows: 200 and the header, 204, or 200 and no body.
        "empty_results": ("header", "no_content", "empty"),
        # What failedResults has in a column whose name is in another letter case than describe's.
        "column_case": ("kept", "lost"),
        # What CR and CRLF inside quoted text become.
        "line_breaks": ("lf", "kept"),
        # Whether a CSV row of one empty cell in quotes is a blank line, which is no row.
        "empty_rows": ("skipped", "read"),
        # Whether `47.0` and `4.7E1` are refused for an int field in CSV.
        "whole_numbers": ("strict", "lenient"),
        # What an empty cell of CSV makes of a field of a new record: its default, or null.
        "empty_on_insert": ("default", "null"),
        # Results that are asked for before a query job has completed: 400, 412 or 204.
        "early_results": ("refused", "precondition", "no_content"),
        # Whether the user may sign in by SOAP login().
        "soap_login": ("permitted", "refused"),
        # Whether the user has the permission "Bulk API Hard Delete".
        "hard_delete": ("permitted", "refused"),
    }
)

# Recorded of Bulk API 1.0 (2026); Bulk API 2.0 has the same code in capitals.
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
        """Put every switch back to its first choice."""
        with self._lock:
            self._chosen = {name: choices[0] for name, choices in SWITCHES.items()}

    def set(self, switches: Mapping[str, Any]) -> None:
        """Move some switches; the others stay as they are.

        Raises:
            ValueError: A switch or a choice is unknown; none was moved.
        """
        for name, choice in switches.items():
            _check(name, choice)
        with self._lock:
            self._chosen.update(switches)

    def has(self, name: str, choice: str) -> bool:
        """Tell whether a switch stands at a choice.

        Raises:
            ValueError: The switch or the choice is unknown.
        """
        _check(name, choice)
        return self._chosen[name] == choice

    def document(self) -> dict[str, str]:
        """Return where every switch stands."""
        with self._lock:
            return dict(self._chosen)


def _check(name: str, choice: object) -> None:
    if name not in SWITCHES:
        raise ValueError(f"there is no switch {name}; switches are {', '.join(SWITCHES)}")
    if choice not in SWITCHES[name]:
        raise ValueError(f"{name} is {' or '.join(SWITCHES[name])}, not {choice!r}")
