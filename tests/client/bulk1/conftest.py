"""Fixtures for tests of Bulk API 1.0 on the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk_sandbox import Sandbox


@pytest.fixture
def in_org(sandbox: Sandbox) -> Callable[[str], list[tuple[object, ...]]]:
    """Rows of a query, read from the org itself and not over HTTP."""
    return lambda soql: [tuple(row) for row in sandbox.org.query(soql).rows()]
