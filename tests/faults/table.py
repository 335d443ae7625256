"""The table of what became of each flow under all faults; writes the last one into the docs.

`python -m tests.faults.table` puts the table that `make test-faults` has left in `build/` into
docs/reliability.md.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.tally import Outcome

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ROOT / "build" / "faults.json"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- make test-faults: begin -->\n", "<!-- make test-faults: end -->\n"
FLOW, FAULT = 0, 1


def lines(rows: list[list[str]], by: int) -> list[str]:
    """A markdown table by flow or by fault, with the sums in its last line."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        for name in (row[by], "all"):
            counts.setdefault(name, Counter())[row[2]] += int(row[3])
    total = counts.pop("all", Counter())
    head = ["flow" if by == FLOW else "fault", "runs", *(outcome.value for outcome in Outcome)]
    return [
        _line(head),
        _line(["---", *["---:"] * (len(head) - 1)]),
        *(_counted(name, count) for name, count in sorted(counts.items())),
        _counted("**all**", total),
    ]


def document(rows: list[list[str]], *, date: str, seed: str, seconds: float) -> dict[str, Any]:
    """What is kept of a run of the tests."""
    return {
        "commit": commit(),
        "date": date,
        "seed": seed,
        "minutes": round(seconds / 60),
        "rows": rows,
    }


def commit() -> str:
    """The commit that is tested, with a word if files differ from it."""
    line = ["git", "describe", "--always", "--abbrev=10", "--exclude=*", "--dirty= with changes"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def block(measured: dict[str, Any]) -> str:
    """The text that stands between the markers."""
    rows = measured["rows"]
    said = (
        f"Measured by `make test-faults` on {measured['date']} at commit `{measured['commit']}`, "
        f"in {measured['minutes']} minutes, with `FAULTS_SEED={measured['seed']}`."
    )
    return "\n".join([said, "", *lines(rows, FLOW), "", *lines(rows, FAULT), ""])


def update(page: Path, measured: dict[str, Any]) -> None:
    """Replace what stands between the markers."""
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} lacks the markers {BEGIN.strip()} and {END.strip()}")
    page.write_text(f"{before}{begin}\n{block(measured)}\n{end}{after}", "utf-8")


def _counted(name: str, count: Counter[str]) -> str:
    return _line([name, f"{count.total():,}", *(f"{count[it.value]:,}" for it in Outcome)])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    update(PAGE, json.loads(MEASURED.read_text("utf-8")))
