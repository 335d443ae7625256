"""The fixtures of the tests over HTTP, for the recordings that need no objects of their own."""

from __future__ import annotations

from tests.sandbox_bulk1.conftest import api
from tests.sandbox_http.conftest import org

__all__ = ["api", "org"]
