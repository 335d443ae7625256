"""An org of many objects with a few rows each, and what was asked of it."""

from __future__ import annotations

import itertools
import json
import string
from typing import TYPE_CHECKING, Any

from tests.e2e.commands import BIN, succeed

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

ROWS = 3
JOBS = "/services/data/v68.0/jobs/query"


def names(count: int) -> list[str]:
    return [f"Item{number:03}__c" for number in range(count)]


def many_objects(folder: Path, count: int) -> tuple[Path, Path]:
    """The folders of rows and of describes that a `Sandbox` is given."""
    describes, rows = folder / "describe", folder / "data"
    describes.mkdir()
    rows.mkdir()
    prefixes = itertools.product("b", string.ascii_uppercase, string.ascii_uppercase)
    text = json.dumps(plain_object())
    for name, prefix in zip(names(count), prefixes, strict=False):
        described = json.loads(text.replace("Invoice__c", name)) | {"keyPrefix": "".join(prefix)}
        (describes / f"{name}.json").write_text(json.dumps(described))
        cells = "".join(f"{name} {number}\n" for number in range(ROWS))
        (rows / f"{name}.csv").write_text(f"Name\n{cells}")
    return rows, describes


def plain_object() -> dict[str, Any]:
    """A custom object that has the standard fields only."""
    described: dict[str, Any] = json.loads(
        succeed([BIN / "sfbulk-sandbox", "describe", "Invoice__c"])
    )
    described["fields"] = [field for field in described["fields"] if not field["custom"]]
    return described


def job_calls(sandbox: Sandbox, method: str) -> list[str]:
    """The ids of the jobs that were created, aborted, deleted or read, in this order."""
    made = [r for r in sandbox.requests if r.method == method and r.path.startswith(JOBS)]
    return [r.path.removeprefix(JOBS).split("/")[-1] for r in made if "results" not in r.path]
