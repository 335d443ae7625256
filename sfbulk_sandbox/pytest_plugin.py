"""The pytest plugin: the fixture `salesforce_sandbox`, a new org for each test that uses it.

The package registers the plugin (entry point `pytest11`), so a test needs no import::

    def test_my_load(salesforce_sandbox):
        load(salesforce_sandbox.url, salesforce_sandbox.access_token)
        assert salesforce_sandbox.org.counts()["Account"] == 3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk_sandbox.sandbox import Sandbox

_MARKER = (
    "salesforce_sandbox(data, describe, sample, seed, db): the settings of the org of the fixture "
    "salesforce_sandbox; folders are relative to the test's file"
)
_PATHS = frozenset({"data", "describe", "db"})


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def salesforce_sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A local Salesforce org on a free port of 127.0.0.1, which ends with the test.

    It is the sample org, unless the marker `salesforce_sandbox` has other settings. The arguments
    of the marker are those of `sfbulk_sandbox.Sandbox`.
    """
    # Imported late: every run of pytest loads this module, but few tests need an org.
    from sfbulk_sandbox.extra import missing_extra  # noqa: PLC0415 - see above

    if missing := missing_extra():
        pytest.fail(missing)
    from sfbulk_sandbox.sandbox import Sandbox  # noqa: PLC0415 - see above

    with Sandbox(**_options(request)) as sandbox:
        yield sandbox


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    marker = request.node.get_closest_marker("salesforce_sandbox")
    if marker is None:
        return {}
    folder: Path = request.path.parent
    return {
        name: folder / value if name in _PATHS and value is not None else value
        for name, value in marker.kwargs.items()
    }
