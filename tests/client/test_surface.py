"""The client's public names: its exports and its tree of errors."""

from __future__ import annotations

import inspect
import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import sfbulk
from sfbulk import bulk2, csvio, errors, load, read
from sfbulk.errors import Recovery, SalesforceError

if TYPE_CHECKING:
    from types import ModuleType


TOOLS = {"annotations", "import_module", "find_spec", "TYPE_CHECKING", "Any"}
"""What the client's first module imports in order to import the others when they are used."""


@pytest.mark.parametrize("module", [sfbulk, bulk2, csvio, load, read])
def test_all_names_exactly_what_a_module_offers(module: ModuleType) -> None:
    for name in module.__all__:
        getattr(module, name)
    offered = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and name not in TOOLS and not inspect.ismodule(value)
    }
    assert set(module.__all__) == offered
    assert list(module.__all__) == sorted(module.__all__, key=_isort_key)


def _isort_key(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def drawn_tree() -> dict[str, str]:
    """Each class in the docstring's drawing, with the parent it is drawn under."""
    path: list[str] = []
    tree: dict[str, str] = {}
    for indent, name in re.findall(r"^([│├└─ ]*)(\w+)", drawing(), flags=re.MULTILINE):
        depth = len(indent) // 4
        del path[depth:]
        tree[name] = path[-1] if path else "Exception"
        path.append(name)
    return tree


def drawing() -> str:
    return (errors.__doc__ or "").split("```")[1].strip()


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    real = {
        name: kind.__mro__[1].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, SalesforceError)
    }
    assert len(real) > 15
    assert drawn_tree() == real


def test_the_errors_page_has_every_error_with_its_recovery_in_the_order_of_the_tree() -> None:
    page = (Path(__file__).parents[2] / "docs" / "errors.md").read_text("utf-8")
    table = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \| (.+) \|$", page, re.MULTILINE)
    kinds = {name: getattr(errors, name) for name in drawn_tree()}
    assert [(name, recovery) for name, recovery, _, _ in table] == [
        (name, kind.recovery.value) for name, kind in kinds.items()
    ]


def test_every_error_is_exported_and_has_a_sentence() -> None:
    for name in drawn_tree():
        kind = getattr(sfbulk, name)
        assert (kind.__doc__ or "").rstrip().endswith(".")
        assert isinstance(kind.recovery, Recovery)


def test_every_error_survives_pickling() -> None:
    for name in drawn_tree():
        kind = getattr(errors, name)
        error = kind.__new__(kind, "what happened")
        error.__dict__.update(message="what happened", job_id="750", code="X", fields=("Name",))
        revived = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
        assert (type(revived), str(revived)) == (kind, "what happened")
        assert vars(revived) == vars(error)


def test_a_docstring_opens_with_api_call_exactly_when_the_method_sends_a_request() -> None:
    no_io = {"from_settings", "close", "loader", "load_group"}
    methods = {
        name: method
        for name, method in inspect.getmembers(sfbulk.Salesforce, callable)
        if not name.startswith("_")
    }
    asking = {n for n, m in methods.items() if (m.__doc__ or "").startswith("API call:")}
    assert asking == set(methods) - no_io
