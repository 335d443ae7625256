"""A sandbox over a real socket, and a Bulk API 1.0 caller of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox_bulk1.async_api import AsyncApi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[AsyncApi]:
    api = AsyncApi(sandbox)
    yield api
    api.session.close()
