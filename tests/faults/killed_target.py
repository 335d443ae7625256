"""Loads by the target that are killed and run again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.faults.killed import (
    JOB_ROWS,
    OLD_ROWS,
    REFUSED,
    ROWS,
    STATE_EVERY,
    KillFlow,
    Row,
    Verdict,
)
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Ended


class TargetKills(KillFlow):
    """A load by the target from the record after the last STATE; each STATE is a number."""

    command = "target-sfbulk"

    def __init__(self, sandbox: Sandbox, database: Path, folder: Path, operation: str) -> None:
        super().__init__(sandbox, database, folder)
        self._operation = operation
        self._done = 0

    def _begin(self) -> None:
        self._done = 0
        keys = {"mirror": "B", "insert": "", "upsert": ""}.get(self._operation, "A")
        numbers = range(1, 1 + (OLD_ROWS if keys == "B" else ROWS))
        rows = [f"Old,{keys}-{n}" for n in numbers if keys and n != REFUSED]
        if rows:
            self._sandbox.control.seed_csv("Account", "\n".join(["Name,Ext_Id__c", *rows]))

    @property
    def _names(self) -> list[str]:
        second = {"insert": ["Site"], "delete": []}.get(self._operation, ["Ext_Id__c"])
        return [*(["Ext_Id__c"] if self._operation == "delete" else ["Name"]), *second]

    def _record(self, number: int) -> dict[str, str | None]:
        """A record of the source."""
        name = None if number == REFUSED else f"Row {number}"
        whole = {"Name": name, "Site": f"S-{number}", "Ext_Id__c": f"A-{number}"}
        return {each: whole[each] for each in self._names}

    def _arguments(self) -> list[str]:
        by_key = {} if self._operation == "insert" else {"external_id": "Ext_Id__c"}
        config = self._config(
            operation=self._operation,
            **by_key,
            batch_size_rows=JOB_ROWS,
            max_rejects="1",
            delete_cap="100%",
            output_dir=str(self.work / "output"),
            spool_dir=str(self.work / "spool"),
        )
        return ["--config", str(config)]

    def _stdin(self) -> bytes:
        messages: list[dict[str, Any]] = [schema("Account", *self._names)]
        for number in range(self._done + 1, ROWS + 1):
            messages.append({**record("Account", **self._record(number)), "version": 1})
            if number % STATE_EVERY == 0 and number < ROWS:
                messages.append(state(done=number))
        # A tap whose STATE has the whole version begins another one.
        if self._done < ROWS:
            messages.append({"type": "ACTIVATE_VERSION", "stream": "Account", "version": 1})
        return as_lines([*messages, state(done=ROWS)])

    def _take(self, ended: Ended) -> None:
        for line in ended.messages:
            self._done = max(self._done, json.loads(line)["done"])

    def _wanted(self, last: int) -> list[Row]:
        numbers = [number for number in range(1, last + 1) if number != REFUSED]
        rows = [self._record(number) for number in numbers]
        return [tuple(str(row[name]) for name in self._names) for row in rows]

    def _rejected(self) -> list[str]:
        path = self.work / "output" / "Account.rejects.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        rows = [json.loads(line)["record"] for line in lines if line.endswith(b"\n")]
        return [str(row[self._names[-1]]) for row in rows]

    def acknowledged(self) -> Verdict:
        found, verdict = self._rows(*self._names), Verdict()
        if self._operation == "delete":
            verdict.lost = [row for row in self._wanted(self._done) if row in found]
        else:
            verdict.lost = [row for row in self._wanted(self._done) if row not in found]
        if self._done >= REFUSED and not self._rejected():
            verdict.lost.append("the reject")
        return verdict

    def judge(self) -> Verdict:
        verdict = Verdict(left=self._left("spool", "temporary"))
        deletes = self._operation == "delete"
        verdict.compare(self._rows(*self._names), [] if deletes else self._wanted(ROWS))
        refused = self._record(REFUSED)[self._names[-1]]
        verdict.compare(self._rejected(), [refused])
        output = [path for path in (self.work / "output").iterdir() if path.is_dir()]
        verdict.left += [path.name for path in output if path.name != "reports"]
        return verdict
