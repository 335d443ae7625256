"""What is shipped: the wheel, built once, with its data and without its tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("tap-sfbulk", "target-sfbulk")


def run(*command: str | Path, **env: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        # Not the checkout: Python would import from there.
        cwd=Path(sys.prefix),
        env={**os.environ, **env},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    run(sys.executable, "-m", "pip", *build, ROOT)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_rooms_and_the_sandbox_s_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/", 1)[0] for name in names if ".dist-info" not in name}
    assert tops == {"sfbulk", "sfbulk_singer", "tap_sfbulk", "target_sfbulk", "sfbulk_sandbox"}
    assert "sfbulk_sandbox/soql/grammar.lark" in names
    assert "sfbulk_sandbox/data/sample/Account.csv" in names
    assert all(f"{room}/py.typed" in names for room in tops)


def test_the_sandbox_serves_its_sample_org_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "from sfbulk_sandbox import Sandbox\nwith Sandbox() as sandbox:\n"
    code += "    print(sandbox.org.counts()['Account'])"
    code += "; import sfbulk_sandbox; print(sfbulk_sandbox.__file__)"
    counted, where = run(sys.executable, "-c", code, PYTHONPATH=str(tmp_path)).split()
    assert int(counted) > 10
    assert Path(where).is_relative_to(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_both_plugins_run_with_their_runtime_dependencies_alone(
    wheel: Path, tmp_path: Path
) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel)
    for command in COMMANDS:
        about = json.loads(run(tmp_path / "venv" / "bin" / command, "--about", "--format=json"))
        assert about["name"] == command
        assert about["version"] == "0.1.0"
    installed = run(python, "-m", "pip", "list", "--format=freeze").lower()
    assert "starlette" not in installed
