"""A pytest plug-in for CumulusCI's own tests: the sandbox is the scratch org that they ask for.

They look for it in the keychain of the user, which their environment hides.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from cumulusci.core.config import (  # type: ignore[import-not-found]  # lives in the client's own venv
    OrgConfig,
)
from cumulusci.tests.pytest_plugins import (  # type: ignore[import-not-found]  # the same
    pytest_sf_orgconnect,
)

_ORG = json.loads(os.environ["SANDBOX_ORG"])


@pytest.fixture(scope="session")
def cli_org_config(project_config: Any) -> Any:
    """The org that `--org` names."""
    return OrgConfig({**_ORG, "scratch": True}, "sandbox", project_config.keychain)


pytest_sf_orgconnect.cli_org_config = cli_org_config
