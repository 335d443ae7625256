"""docs/running.md: the command of each example runs, and Dockerfile is one that can be built."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import BIN, ROOT, bash, sign_in
from tests.target.support import as_lines, record, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAGE = (ROOT / "docs" / "running.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
SYNC = "meltano run tap-sfbulk target-duckdb"
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
# A loader that only says that its STATE has arrived; the tap and Meltano are the real ones.
LOADER = f"""#!{sys.executable}
import json, sys
messages = [json.loads(line) for line in sys.stdin]
with open("loaded.txt", "a") as file:
    file.write(str(sum(message["type"] == "RECORD" for message in messages)) + "\\n")
print(json.dumps([message["value"] for message in messages if message["type"] == "STATE"][-1]))
"""


def block(title: str, language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", SECTIONS[title], re.MULTILINE | re.DOTALL)
    return str(found)


def assigned(code: str, name: str) -> list[Any]:
    """The values of the arguments of this name in a program."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    given = (word for call in calls for word in call.keywords)
    return [ast.literal_eval(word.value) for word in given if word.arg == name]


def steps() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = yaml.safe_load(block("GitHub Actions", "yaml"))["jobs"]["sync"][
        "steps"
    ]
    return listed


def of_cron() -> str:
    *times, command = block("cron", "cron").strip().split(" ", maxsplit=5)
    assert len(times) == 5
    return command


def of_dagster() -> str:
    code = block("Dagster", "python")
    first = next(
        node.args[0]
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "subprocess.run"
    )
    return shlex.join(ast.literal_eval(first))


EXAMPLES: dict[str, Callable[[], str]] = {
    "cron": of_cron,
    "meltano schedule": lambda: block("meltano schedule", "bash"),
    "GitHub Actions": lambda: steps()[-1]["run"],
    "Airflow": lambda: assigned(block("Airflow", "python"), "bash_command")[0],
    "Dagster": of_dagster,
}


def test_every_example_runs_the_same_command() -> None:
    for title in ("cron", "GitHub Actions", "Airflow", "Dagster"):
        assert SYNC in EXAMPLES[title](), title
    (job,) = yaml.safe_load(block("meltano schedule", "yaml"))["jobs"]
    assert job["tasks"] == [SYNC.removeprefix("meltano run ")]
    assert set(EXAMPLES) | {"What every way needs", "Docker"} == set(SECTIONS)


def test_every_schedule_is_the_same_and_three_never_start_two_runs_at_a_time() -> None:
    said = "15 * * * *"
    assert block("cron", "cron").startswith(f"{said} ")
    assert "flock --nonblock" in of_cron()
    workflow = yaml.safe_load(block("GitHub Actions", "yaml"))
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True]["schedule"] == [{"cron": said}]
    assert workflow["concurrency"]
    airflow = block("Airflow", "python")
    assert assigned(airflow, "schedule") == [said]
    assert assigned(airflow, "max_active_runs") == [1]
    assert assigned(block("Dagster", "python"), "cron_schedule") == [said]


@pytest.fixture(scope="module")
def org() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def project(org: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Meltano project with the tap, which is not installed again, and a loader."""
    folder = tmp_path_factory.mktemp("sync")
    (folder / "loader.py").write_text(LOADER)
    (folder / "loader.py").chmod(0o755)
    settings = [{"name": name} for name in ("login_url", "client_id", "client_secret")]
    tap = {
        "name": "tap-sfbulk",
        "namespace": "tap_sfbulk",
        "executable": str(BIN / "tap-sfbulk"),
        "capabilities": ["catalog", "discover", "state"],
        "settings": [*settings, {"name": "streams_to_discover", "kind": "array"}],
        "config": {**sign_in(org), "streams_to_discover": ["Account"]},
    }
    loader = {"name": "target-duckdb", "namespace": "target_duckdb"}
    loader |= {"executable": str(folder / "loader.py")}
    plugins = {"extractors": [tap], "loaders": [loader]}
    described = {"version": 1, "default_environment": "dev", "environments": [{"name": "dev"}]}
    described |= {"plugins": plugins} | yaml.safe_load(block("meltano schedule", "yaml"))
    (folder / "meltano.yml").write_text(yaml.safe_dump(described))
    return folder


def shell(lines: str, folder: Path, **env: str) -> str:
    done = bash(lines, folder, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.meltano
@pytest.mark.parametrize("title", EXAMPLES)
def test_the_command_of_an_example_moves_rows(title: str, project: Path) -> None:
    loaded = project / "loaded.txt"
    before = loaded.read_text().split() if loaded.exists() else []
    shell(EXAMPLES[title]().replace("/srv/sync", str(project)), project)
    runs = loaded.read_text().split()
    assert len(runs) == len(before) + 1
    # The first run reads all rows, the others what has changed since.
    assert (int(runs[-1]) > 10) == (not before)


def docker_runs() -> list[list[str]]:
    """The words that `docker run` gives to the image."""
    lines = [line for line in block("Docker", "bash").splitlines() if line.startswith("docker run")]
    return [line.split(" sfbulk ", maxsplit=1)[1].split() for line in lines]


@pytest.mark.slow
def test_the_commands_of_the_container_run(org: Sandbox, tmp_path: Path) -> None:
    reading, loading = docker_runs()
    given = {f"TAP_SFBULK_{name.upper()}": value for name, value in sign_in(org).items()}
    given |= {f"TARGET_SFBULK_{name.upper()}": value for name, value in sign_in(org).items()}
    given |= {"TAP_SFBULK_STREAMS_TO_DISCOVER": '["Account"]', "TARGET_SFBULK_OPERATION": "insert"}
    rows = (schema("Contact", "LastName"), record("Contact", LastName="Docker"))
    (tmp_path / "messages.jsonl").write_bytes(as_lines(rows))
    before = org.org.counts()["Contact"]
    assert json.loads(shell(" ".join(reading), tmp_path, **given).splitlines()[-1])
    shell(" ".join(loading), tmp_path, **given)
    assert org.org.counts()["Contact"] == before + 1
    # What must outlive the container is in the folder of the run.
    assert (tmp_path / "output" / "journal.sqlite").exists()


def instructions() -> list[tuple[str, str]]:
    lines = re.sub(r"\\\n", "", DOCKERFILE).splitlines()
    found = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in found]


def test_the_image_is_built_of_what_its_context_has() -> None:
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (packages,) = re.findall(r"wheel\]\npackages = \[(.*)\]", project)
    needed = {
        "pyproject.toml",
        "hatch_build.py",
        "README.md",
        "LICENSE",
        *json.loads(f"[{packages}]"),
    }
    assert set(kept) == needed
    assert all((ROOT / name).exists() for name in kept)


def test_the_image_runs_as_a_user_without_rights_in_a_volume() -> None:
    words = [word for word, _ in instructions()]
    given = dict(instructions())
    assert set(words) <= {"FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "STOPSIGNAL", "CMD"}
    assert given["USER"] == "sfbulk"
    assert given["WORKDIR"] == given["VOLUME"] == "/data"
    version = re.findall(r"^FROM python:([\d.]+)-slim", DOCKERFILE, re.MULTILINE)
    assert len(version) == 2
    classifier = f"Programming Language :: Python :: {version[0]}"
    assert classifier in (ROOT / "pyproject.toml").read_text("utf-8")


def test_every_command_of_the_dockerfile_exists() -> None:
    runs = [rest for word, rest in instructions() if word == "RUN"]
    commands = [shlex.split(part) for run in runs for part in run.split("&&")]
    # The shell is where pip, useradd and the others are looked up in the image too.
    for words in commands:
        options = [word.partition("=")[0] for word in words if word.startswith("--")]
        told = shell(f"{words[0]} {words[1] if words[0] == 'pip' else ''} --help", ROOT)
        assert all(option in told for option in options), words
    assert json.loads(dict(instructions())["CMD"])[0] in {path.name for path in BIN.iterdir()}
