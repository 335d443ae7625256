"""A local Salesforce org behind HTTP, for tests, demos and dry runs.

It shares no code with the client: they meet over a socket only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfbulk_sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    # Late: pytest imports this package for its plugin at every start, in environments too that
    # have not the packages an org needs.
    if name == "Sandbox":
        from sfbulk_sandbox.sandbox import Sandbox  # noqa: PLC0415 - see above

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
