"""A local Salesforce org behind HTTP, for tests, demos and dry runs.

It shares no code with the client: they only communicate over a socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfbulk_sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    # Imported late: pytest imports this package for its plugin at every start, also where the
    # packages of the extra `sandbox` are not installed.
    if name == "Sandbox":
        from sfbulk_sandbox.extra import missing_extra  # noqa: PLC0415 - see above

        if missing := missing_extra():
            raise ImportError(missing)
        from sfbulk_sandbox.sandbox import Sandbox  # noqa: PLC0415 - see above

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
