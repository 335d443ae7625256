"""The product's commands as processes, as a shell would join them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
MELTANO = ROOT / ".venv-meltano" / "bin" / "meltano"
MELTANO_PROJECT = ROOT / ".meltano"
"""What Meltano keeps of this project: one Meltano at a time, see `tests.locks`."""
SECONDS = 240


def sign_in(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "login_url": sandbox.url,
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }


def write_json(path: Path, body: Any) -> Path:
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def run(
    command: list[str | Path], *, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(part) for part in command],
        input=stdin,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )


def bash(lines: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run lines of a page in a folder, with our commands and Meltano, to the first that fails."""
    path = os.pathsep.join([str(BIN), str(MELTANO.parent), os.environ["PATH"]])
    return subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", lines],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "PATH": path, "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false", **env},
    )


def succeed(command: list[str | Path], *, stdin: bytes = b"") -> bytes:
    done = run(command, stdin=stdin)
    assert done.returncode == 0, f"exit {done.returncode}:\n{done.stderr.decode()[-4000:]}"
    return done.stdout


def tap(config: dict[str, Any], folder: Path, *arguments: str | Path) -> bytes:
    path = write_json(folder / "tap.json", config)
    return succeed([BIN / "tap-sfbulk", "--config", path, *arguments])


def messages(lines: bytes, kind: str) -> list[dict[str, Any]]:
    found = (json.loads(line) for line in lines.splitlines())
    return [message for message in found if message["type"] == kind]
