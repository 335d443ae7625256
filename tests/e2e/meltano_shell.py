"""A shell with Meltano, in a project of its own, and the wheel that stands in for a release."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.e2e.commands import MELTANO, ROOT, succeed

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox


def built_wheel(folder: Path) -> Path:
    """The wheel of the checkout, built in a folder."""
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    succeed([sys.executable, "-m", "pip", *build, "--wheel-dir", str(folder), ROOT])
    return next(folder.glob("*.whl"))


class Shell:
    """A user's shell, which stays in the folder that `cd` has led to."""

    def __init__(self, folder: Path, org: Sandbox) -> None:
        self.folder = folder
        self._org = org
        self._env = {
            **os.environ,
            "PATH": f"{MELTANO.parent}{os.pathsep}{os.environ['PATH']}",
            "TAP_SFBULK_LOGIN_URL": org.url,
            "TARGET_SFBULK_LOGIN_URL": org.url,
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
        }

    def __call__(self, lines: str) -> str:
        for name, value in (("ID", self._org.client_id), ("SECRET", self._org.client_secret)):
            lines = lines.replace(f"YOUR_CLIENT_{name}", value)
        done = subprocess.run(
            ["/bin/sh", "-ec", f"{lines}\npwd >'{self.folder / 'here'}'"],
            cwd=self.folder,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout
