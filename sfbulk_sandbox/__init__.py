"""A local Salesforce org behind HTTP, for tests, demos and dry runs.

It shares no code with the client: they meet over a socket only.
"""

from __future__ import annotations

from sfbulk_sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]
