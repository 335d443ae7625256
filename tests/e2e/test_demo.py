"""`make demo`'s program, run twice: it keeps its promises, and again."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.commands import MELTANO, ROOT, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.meltano
@pytest.mark.xdist_group("meltano")
@pytest.mark.timeout(400)
def test_the_demo_moves_rows_both_ways_and_works_a_second_time(tmp_path: Path) -> None:
    output = tmp_path / "demo"
    command: list[str | Path] = [
        sys.executable,
        ROOT / "demo" / "demo.py",
        "--meltano",
        MELTANO,
        "--output",
        output,
    ]
    for _ in range(2):
        done = run(command)
        text = done.stdout.decode()
        assert done.returncode == 0, text + done.stderr.decode()
        assert "first full load  Account" in text
        assert str(output / "warehouse.duckdb") in text
    rejects = (output / "reverse-etl" / "contacts.rejects.jsonl").read_text("utf-8").splitlines()
    assert sorted((r["code"], r["record"]["contact_key"]) for r in map(json.loads, rejects)) == [
        ("INVALID_EMAIL_ADDRESS", "R-C-012"),
        ("INVALID_FIELD", "R-C-011"),
        ("REQUIRED_FIELD_MISSING", "R-C-010"),
    ]
