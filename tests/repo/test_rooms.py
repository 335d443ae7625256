"""The arrows of docs/decisions/0001: who may import whom, read from the source with ast."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("sfbulk", "sfbulk_singer", "tap_sfbulk", "target_sfbulk", "sfbulk_sandbox")
MAY_IMPORT = {
    "sfbulk": set(),
    "sfbulk_singer": {"sfbulk"},
    "tap_sfbulk": {"sfbulk", "sfbulk_singer"},
    "target_sfbulk": {"sfbulk", "sfbulk_singer"},
    "sfbulk_sandbox": set(),
}
SINGER_ROOMS = ("sfbulk_singer", "tap_sfbulk", "target_sfbulk")
# The Singer rooms leave HTTP, CSV and waiting to the client. Polars is theirs for columns only.
NOT_FOR_SINGER_ROOMS = {"requests", "urllib3", "csv", "backoff", "http", "socket", "time"}
# A room is a module or a folder.
ENDS = (".py", "/__init__.py")
CSV_TOOLS = {"CsvDecoder", "CsvEncoder", "CsvRows", "decode_rows", "header_names", "quote_row"}
CSV_TOOLS |= {"read_csv", "read_csv_batched", "scan_csv"}
WAITING = {"sleep", "PollTimer", "Patience", "next_look"}
# The sandbox writes and reads the wire by itself; with the client's tools a fault of one
# of them would cancel itself out on both sides.
NOT_FOR_SANDBOX = {"requests", "urllib3", "polars", "backoff", "singer_sdk"}
NOT_FOR_DATA_AND_RULES = {"starlette", "uvicorn", "http"}
DATA_AND_RULES = ("org", "rules", "schema", "faults", "soql")


def sources(room: str) -> list[Path]:
    found = sorted((ROOT / room).rglob("*.py"))
    assert found, f"{room} holds no source"
    return found


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def modules_imported(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def used(path: Path) -> set[str]:
    """The names that a module imports from others, and those that it reads after a dot."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_its_arrows_allow(room: str) -> None:
    forbidden = set(ROOMS) - {room} - MAY_IMPORT[room]
    broken = {str(p.relative_to(ROOT)): imported(p) & forbidden for p in sources(room)}
    assert {path: names for path, names in broken.items() if names} == {}


def taken_from_the_client(path: Path) -> set[tuple[str, str]]:
    """Module and name of all that a file imports from the client, or uses of a module of it."""
    tree = ast.parse(path.read_text("utf-8"))
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module]
    taken = {
        (node.module or "", alias.name)
        for node in imports
        if (node.module or "").split(".")[0] == "sfbulk"
        for alias in node.names
    }
    modules = {
        name
        for module, name in taken
        if module == "sfbulk" and any((ROOT / "sfbulk" / f"{name}{end}").exists() for end in ENDS)
    }
    used = {
        (f"sfbulk.{node.value.id}", node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in modules
    }
    return (taken - {("sfbulk", name) for name in modules}) | used


@pytest.mark.parametrize("room", SINGER_ROOMS)
def test_singer_rooms_take_from_the_client_what_its_rooms_offer(room: str) -> None:
    taken = {(p.name, *found) for p in sources(room) for found in taken_from_the_client(p)}
    assert taken
    not_offered = {
        (file, module, name)
        for file, module, name in taken
        # A room is a folder or a file of `sfbulk`; what lies deeper is its own.
        if module.count(".") > 1 or name not in getattr(import_module(module), "__all__", ())
    }
    assert sorted(not_offered) == []


@pytest.mark.parametrize("room", SINGER_ROOMS)
def test_singer_rooms_import_nothing_for_http_csv_or_polling(room: str) -> None:
    broken = {p.name: imported(p) & NOT_FOR_SINGER_ROOMS for p in sources(room)}
    assert {path: names for path, names in broken.items() if names} == {}


@pytest.mark.parametrize("room", SINGER_ROOMS)
def test_singer_rooms_leave_salesforce_s_csv_and_waiting_to_the_client(room: str) -> None:
    broken = {p.name: used(p) & (CSV_TOOLS | WAITING) for p in sources(room)}
    assert {path: names for path, names in broken.items() if names} == {}


def test_result_pages_are_read_as_columns_in_one_room_of_the_client() -> None:
    readers = {
        p.parent.relative_to(ROOT)
        for room in ROOMS
        for p in sources(room)
        if used(p) & {"read_csv", "read_csv_batched", "scan_csv"}
    }
    assert readers == {Path("sfbulk/frames")}


def test_the_client_knows_nothing_of_singer() -> None:
    broken = [p.name for p in sources("sfbulk") if "singer_sdk" in imported(p)]
    assert broken == []


def test_the_sandbox_shares_no_tool_with_the_client() -> None:
    broken = {p.name: imported(p) & NOT_FOR_SANDBOX for p in sources("sfbulk_sandbox")}
    assert {path: names for path, names in broken.items() if names} == {}


def test_data_and_rules_of_the_sandbox_never_see_http() -> None:
    inner = [p for folder in DATA_AND_RULES for p in sources(f"sfbulk_sandbox/{folder}")]
    broken = {str(p): imported(p) & NOT_FOR_DATA_AND_RULES for p in inner}
    assert {path: names for path, names in broken.items() if names} == {}


def test_data_and_rules_of_the_sandbox_never_use_its_rooms_of_http() -> None:
    rooms = {f"sfbulk_sandbox.{name}" for name in ("http", "rest", "bulk2", "bulk1", "sign_in")}
    inner = [p for folder in DATA_AND_RULES for p in sources(f"sfbulk_sandbox/{folder}")]
    used = {
        str(p): {name for name in modules_imported(p) if ".".join(name.split(".")[:2]) in rooms}
        for p in inner
    }
    assert {path: names for path, names in used.items() if names} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(p.relative_to(ROOT))
        for room in ROOMS
        for p in sources(room)
        if not ast.get_docstring(ast.parse(p.read_text("utf-8")))
    ]
    assert silent == []


def test_nothing_shipped_relies_on_assert() -> None:
    asserting = [
        f"{p.relative_to(ROOT)}:{node.lineno}"
        for room in ROOMS
        for p in sources(room)
        for node in ast.walk(ast.parse(p.read_text("utf-8")))
        if isinstance(node, ast.Assert)
    ]
    assert asserting == []
