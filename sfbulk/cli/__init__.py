"""The command `sfbulk`, and how every command of this distribution ends."""

from __future__ import annotations

from sfbulk.cli.error_line import (
    ErrorLineCommand,
    ErrorLineGroup,
    add_note,
    error_line,
    one_line,
)

__all__ = ["ErrorLineCommand", "ErrorLineGroup", "add_note", "error_line", "one_line"]
