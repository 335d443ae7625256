"""The command `sfbulk-sandbox`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sfbulk_sandbox.extra import missing_extra

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command. The exit code is 0, or 1 with the reason on stderr."""
    if missing := missing_extra():
        sys.exit(f"sfbulk-sandbox: {missing}")
    # The commands need the packages of the extra.
    from sfbulk_sandbox.commands import run  # noqa: PLC0415 - see above

    run(arguments)
