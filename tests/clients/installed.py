"""Clients we did not write, installed from the package indexes and kept from run to run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".clients"
INSTALL_SECONDS, RUN_SECONDS = 600, 110


def python_client(name: str, *requirements: str) -> Path:
    """Return the Python of an environment that holds the packages."""
    folder = KEPT / name

    def install() -> None:
        run(sys.executable, "-m", "venv", "--clear", folder, timeout=INSTALL_SECONDS)
        pip: list[str | Path] = [folder / "bin" / "pip", "install", "--quiet"]
        run(*pip, *requirements, timeout=INSTALL_SECONDS)

    _once(folder, requirements, install)
    return folder / "bin" / "python"


def npm_client(name: str, *packages: str) -> Path:
    """Return the folder whose node_modules holds the packages."""
    folder = KEPT / name

    def install() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
        run(*npm, "--prefix", folder, *packages, timeout=INSTALL_SECONDS)

    _once(folder, packages, install)
    return folder


def run(*command: str | Path, timeout: int = RUN_SECONDS, **environment: str) -> str:
    """Run a command to its good end and return its stdout."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**without_python_settings(), **environment},
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-5000:]}"
    return done.stdout


def without_python_settings() -> dict[str, str]:
    """Return the environment without what would lead a client's Python to our packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _once(folder: Path, wanted: tuple[str, ...], install: Callable[[], None]) -> None:
    kept = folder / "installed.txt"
    text = "\n".join(wanted)
    if kept.exists() and kept.read_text() == text:
        return
    install()
    # Last: an installation that broke off is made anew.
    kept.write_text(text)
