"""No two files, and no two folders, import each other in a circle; typing imports count too."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Graph = Mapping[str, set[str]]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("sfbulk", "sfbulk_singer", "tap_sfbulk", "target_sfbulk", "sfbulk_sandbox")


def modules() -> dict[str, Path]:
    """Every module by its dotted name; a package's `__init__` is not among them.

    An `__init__` only offers names of the modules below it, which nobody inside takes from it.
    """
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__init__.py"
    }


def imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in [node.module, *inner] if name in known)


def files() -> Graph:
    known = modules()
    return {name: set(imported(path, known)) - {name} for name, path in known.items()}


def room(module: str) -> str:
    """The folder below its package that a module lies in; the module itself where there is none."""
    return ".".join(module.split(".")[:2])


def rooms() -> Graph:
    arrows: dict[str, set[str]] = {}
    for name, targets in files().items():
        arrows.setdefault(room(name), set()).update(room(target) for target in targets)
    return {name: targets - {name} for name, targets in arrows.items()}


def circles(graph: Graph) -> list[list[str]]:
    """The sets of nodes that all reach each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        index[node] = lowest[node] = len(index)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in index:
                visit(target)
                lowest[node] = min(lowest[node], lowest[target])
            elif target in stack:
                lowest[node] = min(lowest[node], index[target])
        if lowest[node] == index[node]:
            at = stack.index(node)
            found.append(sorted(stack[at:]))
            del stack[at:]

    for node in graph:
        if node not in index:
            visit(node)
    return [component for component in found if len(component) > 1]


@pytest.mark.parametrize("graph", [files, rooms])
def test_nothing_imports_in_a_circle(graph: object) -> None:
    assert callable(graph)
    arrows = graph()
    assert sum(map(len, arrows.values())) > 50
    assert circles(arrows) == []


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
