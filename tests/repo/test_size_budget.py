"""The size budget: short functions, files one can read in one sitting, comments that say why."""

from __future__ import annotations

import ast
import io
import statistics
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("sfbulk", "sfbulk_singer", "tap_sfbulk", "target_sfbulk", "sfbulk_sandbox")
BODY_MEDIAN, BODY_P90, BODY_MAX = 8, 30, 60
FILE_P90, FILE_MAX = 450, 700
# Many reasons are in docstrings, so the bound for comments is below the usual 5 per 100 lines. The
# client has the facts of the protocol, and needs more of them than the others.
COMMENTS_PER_100 = {"sfbulk": 4, "sfbulk_singer": 4}
LEAST_COMMENTS_PER_100, MOST_COMMENTS_PER_100 = 2.4, 12
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> list[Path]:
    return [p for room in ROOMS for p in sorted((ROOT / room).rglob("*.py"))]


def body_lines(function: Function) -> int:
    """Lines of a function's body, its docstring left out."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    if not body:
        return 0
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1


def functions() -> dict[str, Function]:
    found: dict[str, Function] = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = node
    return found


def percentile_90(values: list[int]) -> float:
    return statistics.quantiles(values, n=10)[-1]


def test_function_bodies_keep_to_the_budget() -> None:
    lengths = {name: body_lines(node) for name, node in functions().items()}
    assert statistics.median(lengths.values()) <= BODY_MEDIAN
    assert percentile_90(list(lengths.values())) <= BODY_P90
    assert {name: n for name, n in lengths.items() if n > BODY_MAX} == {}


def test_files_keep_to_the_budget() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in sources()}
    assert percentile_90(list(lengths.values())) <= FILE_P90
    assert {name: n for name, n in lengths.items() if n > FILE_MAX} == {}


def test_every_parameter_and_return_is_annotated() -> None:
    bare = []
    for name, node in functions().items():
        args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        missing = [a.arg for a in args if a.annotation is None and a.arg not in {"self", "cls"}]
        if missing or node.returns is None:
            bare.append(name)
    assert bare == []


@pytest.mark.parametrize("room", ROOMS)
def test_comments_are_neither_absent_nor_noise(room: str) -> None:
    code = comments = 0
    for path in (p for p in sources() if p.is_relative_to(ROOT / room)):
        text = path.read_text("utf-8")
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            comments += token.type == tokenize.COMMENT
            code += token.type == tokenize.NEWLINE
    least = COMMENTS_PER_100.get(room, LEAST_COMMENTS_PER_100)
    assert least <= 100 * comments / code <= MOST_COMMENTS_PER_100
