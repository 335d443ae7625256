"""The command and the package where the packages of the extra `sandbox` are not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

PACKAGES = ("lark", "starlette", "uvicorn")
COMMAND = "from sfbulk_sandbox.cli import main; main()"


def run(code: str, *arguments: str, hidden: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process that does not find the hidden packages."""
    hide = f"import sys; sys.modules.update(dict.fromkeys({hidden!r})); {code}"
    return subprocess.run(
        [sys.executable, "-c", hide, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("hidden", "arguments"),
    [
        (PACKAGES, ["--help"]),
        (PACKAGES, []),
        (PACKAGES, ["serve"]),
        (("lark",), ["describe"]),
        (("uvicorn",), ["serve", "--help"]),
    ],
)
def test_without_its_extra_the_command_says_in_one_line_what_to_install(
    hidden: tuple[str, ...], arguments: list[str]
) -> None:
    result = run(COMMAND, *arguments, hidden=hidden)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("sfbulk-sandbox: ")
    assert 'pip install "sfbulk[sandbox]"' in result.stderr
    are = "is" if len(hidden) == 1 else "are"
    assert f"needs {', '.join(hidden)}, which {are} not installed" in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_its_extra_the_class_names_it() -> None:
    result = run("from sfbulk_sandbox import Sandbox", hidden=("starlette",))
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: the sandbox needs starlette")
    assert 'pip install "sfbulk[sandbox]"' in last


def test_without_its_template_library_the_page_says_what_to_install() -> None:
    code = (
        "import requests; from sfbulk_sandbox import Sandbox; sandbox = Sandbox().__enter__(); "
        "answer = requests.get(sandbox.url); print(answer.status_code, answer.text); "
        "sandbox.__exit__(None, None, None)"
    )
    result = run(code, hidden=("jinja2",))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("503 the sandbox needs jinja2, which is not installed")
    assert 'pip install "sfbulk[sandbox]"' in result.stdout
