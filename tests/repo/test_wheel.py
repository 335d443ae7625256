"""What is released: the wheel, with its data and without its tests, and the sdist. Built once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("tap-sfbulk", "target-sfbulk")
FAKED = {
    # Nothing listens there, and without records nothing is asked.
    "instance_url": "http://127.0.0.1:1",
    "access_token": "t",
    "operation": "insert",
    "faker_config": {"seed": 1},
    "stream_maps": {"people": {"email": "fake.email()"}},
}
ROOMS = {"sfbulk", "sfbulk_singer", "tap_sfbulk", "target_sfbulk", "sfbulk_sandbox"}
MAKE_DIST = ("-t", "sdist", "-t", "wheel")


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
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` builds, by its own command, in another folder."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [Path(sys.executable).parent / "hatchling", "build", "-d", folder, *MAKE_DIST],
        cwd=ROOT,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    return next(dist.glob("*.whl"))


def test_make_dist_builds_what_is_tested_here() -> None:
    line = f"\t$(BIN)/hatchling build -d dist {' '.join(MAKE_DIST)}\n"
    assert line in (ROOT / "Makefile").read_text("utf-8")


def test_both_files_have_the_licence_and_the_version(dist: Path, wheel: Path) -> None:
    licence = (ROOT / "LICENSE").read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("sfbulk-0.1.0.dist-info/licenses/LICENSE") == licence
        metadata = archive.read("sfbulk-0.1.0.dist-info/METADATA").decode()
    assert "License-Expression: Apache-2.0\n" in metadata
    assert "Description-Content-Type: text/markdown\n" in metadata
    assert "Classifier: Typing :: Typed\n" in metadata
    with tarfile.open(dist / "sfbulk-0.1.0.tar.gz") as archive:
        packed = archive.extractfile("sfbulk-0.1.0/LICENSE")
        assert packed
        assert packed.read() == licence


def test_a_release_has_project_urls_and_whole_links_of_the_repository_that_builds_it(
    tmp_path: Path,
) -> None:
    github = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_REF_NAME": "v0.1.0",
    }
    subprocess.run(
        [Path(sys.executable).parent / "hatchling", "build", "-d", tmp_path, "-t", "wheel"],
        cwd=ROOT,
        env={**os.environ, **github},
        timeout=300,
        check=True,
    )
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        metadata = archive.read("sfbulk-0.1.0.dist-info/METADATA").decode()
    assert "Project-URL: Source, https://github.com/owner/name\n" in metadata
    assert "](https://github.com/owner/name/blob/v0.1.0/docs/tap.md)" in metadata
    links = metadata.split("](")[1:]
    assert links
    assert [link for link in links if not link.startswith("https://")] == []


def test_the_sdist_has_what_builds_and_tests_the_packages_and_nothing_else(dist: Path) -> None:
    with tarfile.open(dist / "sfbulk-0.1.0.tar.gz") as archive:
        names = {name.removeprefix("sfbulk-0.1.0/") for name in archive.getnames()}
    tops = {name.split("/", 1)[0] for name in names}
    folders = {*ROOMS, "tests", "docs", "demo", "benchmarks", "hub"}
    texts = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"}
    pinned = {"constraints.txt", "constraints-meltano.txt", "constraints-docs.txt"}
    tools = {
        "Makefile",
        "Dockerfile",
        ".dockerignore",
        "hatch_build.py",
        "pyproject.toml",
        "meltano.yml",
        "mkdocs.yml",
        ".gitignore",
        ".github",
    }
    assert tops == folders | texts | pinned | tools | {"PKG-INFO"}
    assert {"tests/repo/test_wheel.py", "docs/tap.md", "sfbulk/py.typed"} <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_release_publishes_what_make_dist_has_built_and_without_a_stored_secret() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    commands = [step.get("run") for step in jobs["build"]["steps"]]
    assert commands.index("make test") < commands.index("make dist")
    assert jobs["publish"]["needs"] == "build"
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    uses = [step["uses"].partition("@")[0] for step in jobs["publish"]["steps"]]
    assert uses == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]
    assert "secrets." not in text


def test_the_wheel_holds_the_rooms_and_the_sandbox_s_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/", 1)[0] for name in names if ".dist-info" not in name}
    assert tops == ROOMS
    assert "sfbulk_sandbox/soql/grammar.lark" in names
    assert "sfbulk_sandbox/data/sample/Account.csv" in names
    assert "sfbulk_sandbox/page/templates/overview.html" in names
    assert "sfbulk_sandbox/page/static/style.css" in names
    assert all(f"{room}/py.typed" in names for room in tops)


def test_the_sandbox_serves_its_sample_org_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)  # noqa: S202 - our own wheel
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
    assert "0.1.0" in run(tmp_path / "venv" / "bin" / "sfbulk", "--version")
    installed = run(python, "-m", "pip", "list", "--format=freeze").lower()
    assert "starlette" not in installed
    assert "faker" not in installed

    settings = tmp_path / "config.json"
    settings.write_text(json.dumps(FAKED))
    target = [str(tmp_path / "venv" / "bin" / "target-sfbulk"), "--config", str(settings)]
    asked = subprocess.run(target, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert b"Install sfbulk[faker]" in asked.stderr
    assert b"Traceback" not in asked.stderr
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[faker]")
    answered = subprocess.run(target, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert (answered.returncode, b"faker" in answered.stderr.lower()) == (0, False)
