"""`sfbulk query -o` and `sfbulk load`, killed and run again."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.faults.killed import (
    PAGE_ROWS,
    REFUSED,
    ROWS,
    KillFlow,
    Verdict,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.commands import Ended


class QueryKills(KillFlow):
    """`sfbulk query -o`."""

    command = "sfbulk.cli.main:main"

    @property
    def _path(self) -> Path:
        return self.work / "output" / "accounts.csv"

    def _begin(self) -> None:
        rows = [f"Row {n},A-{n}" for n in range(1, ROWS + 1)]
        self._sandbox.control.seed_csv("Account", "\n".join(["Name,Ext_Id__c", *rows]))
        self._sandbox.control.set_page_rows(PAGE_ROWS)

    def _arguments(self) -> list[str]:
        soql = "SELECT Name, Ext_Id__c FROM Account"
        return ["--config", str(self._config()), "query", soql, "-o", str(self._path)]

    def _take(self, ended: Ended) -> None: ...

    def acknowledged(self) -> Verdict:
        # The file is there only when it is whole.
        return self._judge_file() if self._path.exists() else Verdict()

    def judge(self) -> Verdict:
        verdict = self._judge_file()
        others = [path.name for path in self._path.parent.iterdir() if path != self._path]
        verdict.left = [*others, *self._left("spool", "temporary")]
        return verdict

    def _judge_file(self) -> Verdict:
        verdict = Verdict()
        with self._path.open(encoding="utf-8", newline="") as file:
            found = [(row["Name"], row["Ext_Id__c"]) for row in csv.DictReader(file)]
        verdict.compare(found, self._rows("Name", "Ext_Id__c"))
        return verdict


class LoadKills(KillFlow):
    """`sfbulk load` of an insert."""

    command = "sfbulk.cli.main:main"

    def _begin(self) -> None:
        rows = [f"{'' if n == REFUSED else f'Row {n}'},S-{n}" for n in range(1, ROWS + 1)]
        (self._folder / "accounts.csv").write_text("\n".join(["Name,Site", *rows]), "utf-8")

    def _arguments(self) -> list[str]:
        words = ["load", str(self._folder / "accounts.csv"), "--sobject", "Account"]
        words += ["--operation", "insert", "--max-rejects", "1"]
        return ["--config", str(self._config()), *words, "--output-dir", str(self.work / "output")]

    def _take(self, ended: Ended) -> None: ...

    def is_done(self, ended: Ended) -> bool:
        # A kill may come in the milliseconds between the last step and the exit code.
        is_over = f"{ROWS} records read" in ended.log and self._is_forgotten()
        return is_over or super().is_done(ended)

    def _is_forgotten(self) -> bool:
        """Whether the journal knows no row any more."""
        path = self.work / "output" / "accounts.journal.sqlite"
        with closing(sqlite3.connect(path)) as journal:
            query = "SELECT (SELECT count(*) FROM files) + (SELECT count(*) FROM known)"
            found: tuple[int] = journal.execute(query).fetchone()
        return found == (0,)

    def acknowledged(self) -> Verdict:
        return Verdict()

    def judge(self) -> Verdict:
        verdict = Verdict(left=self._left("spool", "temporary"))
        with (self._folder / "accounts.csv").open(encoding="utf-8", newline="") as file:
            wanted = [(row["Name"], row["Site"]) for row in csv.DictReader(file) if row["Name"]]
        verdict.compare(self._rows("Name", "Site"), wanted)
        lines = (self.work / "output" / "accounts.rejects.jsonl").read_bytes().splitlines()
        verdict.compare((json.loads(line)["record"]["Site"] for line in lines), [f"S-{REFUSED}"])
        output = [path for path in (self.work / "output").iterdir() if path.is_dir()]
        verdict.left += [path.name for path in output]
        return verdict
