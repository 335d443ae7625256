"""The demo: from Salesforce into DuckDB, and from files into Salesforce, with a local org.

Run it with `make demo`. It stops every process that it starts, and writes only to one folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
API = "/services/data/v68.0"
WAREHOUSE_STREAMS = ("Account", "Case", "Contact", "Invoice__c", "Opportunity", "User")
REVERSE_TAPS = ("tap-jsonl-accounts", "tap-jsonl-contacts", "tap-jsonl-invoices")
READY_SECONDS = 30.0
HTTP_SECONDS = 30.0


class DemoError(Exception):
    """The demo did not have the expected result."""


@dataclass
class Moved:
    """The rows of one stream in one step: counts, and the wall-clock time in seconds."""

    step: str
    stream: str
    read: int = 0
    loaded: int = 0
    rejected: int = 0
    jobs: int = 0
    seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LocalOrg:
    """A running sandbox with its URL and credentials."""

    ready: Mapping[str, str]

    def call(self, method: str, path: str, **kwargs: Any) -> Any:
        """Make a REST request, and return the JSON of its answer, or None without a body."""
        headers = {"Authorization": f"Bearer {self.ready['access_token']}"}
        answer = requests.request(
            method, self.ready["url"] + API + path, headers=headers, timeout=HTTP_SECONDS, **kwargs
        )
        if not answer.ok:
            raise DemoError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def query(self, soql: str) -> list[dict[str, Any]]:
        """Return the rows of a REST query of one page."""
        return list(self.call("GET", "/query", params={"q": soql})["records"])

    def bulk_jobs_created(self, kind: str) -> int:
        """Return how many Bulk API 2.0 jobs of `kind` (query, ingest) were created so far."""
        answer = requests.get(self.ready["control_url"] + "/requests", timeout=HTTP_SECONDS)
        answer.raise_for_status()
        wanted = f"{API}/jobs/{kind}"
        made = [r for r in answer.json() if r["method"] == "POST" and r["path"] == wanted]
        return len(made)


@contextmanager
def local_org(log: Path) -> Iterator[LocalOrg]:
    """Run `sfbulk-sandbox serve` as a process, and stop it at the end of the block."""
    command = [str(Path(sys.executable).with_name("sfbulk-sandbox")), "serve", "--port", "0"]
    with log.open("w", encoding="utf-8") as stderr:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)  # noqa: S603 - our own command
        try:
            yield LocalOrg(read_ready_line(server, log))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=READY_SECONDS)


def read_ready_line(server: subprocess.Popen[str], log: Path) -> dict[str, str]:
    """Return the JSON that the sandbox prints when it is ready."""
    line = server.stdout.readline() if server.stdout else ""
    if not line:
        raise DemoError(f"the sandbox did not start: see {log}")
    ready: dict[str, str] = json.loads(line)
    return ready


class Meltano:
    """The project's Meltano. Its state and the plugins' output are in the demo's folder."""

    def __init__(self, executable: str, org: LocalOrg, output: Path) -> None:
        self.executable = executable
        self.output = output
        sign_in = {
            "LOGIN_URL": org.ready["url"],
            "CLIENT_ID": org.ready["client_id"],
            "CLIENT_SECRET": org.ready["client_secret"],
        }
        self.env = {
            **os.environ,
            **{f"TAP_SFBULK_{name}": value for name, value in sign_in.items()},
            **{f"TARGET_SFBULK_{name}": value for name, value in sign_in.items()},
            # The sample is so small that the tap would read it by REST; the demo shows bulk jobs.
            "TAP_SFBULK_API_TYPE": "BULK2",
            "TARGET_SFBULK_OUTPUT_DIR": str(output / "reverse-etl"),
            "TARGET_DUCKDB_FILEPATH": str(output / "warehouse.duckdb"),
            "MELTANO_DATABASE_URI": f"sqlite:///{output / 'meltano.db'}",
            "MELTANO_PROJECT_ROOT": str(ROOT),
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
        }

    def __call__(self, *arguments: str, log: str) -> str:
        """Run `meltano ARGUMENTS`; return the output, which is also in the file `log`."""
        print(f"$ meltano {' '.join(arguments)}", flush=True)
        done = subprocess.run(  # noqa: S603 - the project's own Meltano
            # In the JSON log of Meltano, the tap's metrics can be parsed.
            [self.executable, "--log-format=json", *arguments],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        path = self.output / "logs" / log
        path.write_text(done.stdout, encoding="utf-8")
        if done.returncode:
            raise DemoError(
                f"meltano exited with {done.returncode}: see {path}\n{done.stdout[-3000:]}"
            )
        return done.stdout


def metrics(output: str, metric: str) -> dict[str, float]:
    """Return the values of one of the SDK's metrics in the log of a run, by stream."""
    found: dict[str, float] = {}
    for line in output.splitlines():
        point = (json.loads(line) if line.startswith("{") else {}).get("metric_info", {})
        if point.get("metric") == metric:
            stream = point["tags"]["stream"]
            found[stream] = found.get(stream, 0) + point["value"]
    return found


def rows_since(warehouse: Path, stream: str, since: datetime) -> set[str]:
    """Return the ids of a stream's rows in DuckDB that were extracted since a time."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            f'SELECT id FROM salesforce."{stream.lower()}" WHERE _sdc_extracted_at >= ?',  # noqa: S608 - our own names
            [since.replace(tzinfo=None)],
        ).fetchall()
    return {row[0] for row in rows}


def elt(meltano: Meltano, org: LocalOrg, step: str) -> tuple[list[Moved], dict[str, set[str]]]:
    """Run `meltano run tap-sfbulk target-duckdb`; return its counts, and the ids by stream."""
    since = datetime.fromtimestamp(time.time(), tz=timezone.utc)
    jobs = org.bulk_jobs_created("query")
    output = meltano("run", "tap-sfbulk", "target-duckdb", log=f"{step.replace(' ', '-')}.log")
    jobs = org.bulk_jobs_created("query") - jobs
    if jobs != len(WAREHOUSE_STREAMS):
        raise DemoError(f"{step}: {len(WAREHOUSE_STREAMS)} query jobs expected, {jobs} were made")
    read = metrics(output, "record_count")
    seconds = metrics(output, "sync_duration")
    warehouse = meltano.output / "warehouse.duckdb"
    ids = {stream: rows_since(warehouse, stream, since) for stream in WAREHOUSE_STREAMS}
    moved = [
        Moved(
            step,
            stream,
            read=int(read.get(stream, 0)),
            loaded=len(ids[stream]),
            jobs=1,
            seconds=seconds.get(stream, 0.0),
        )
        for stream in WAREHOUSE_STREAMS
    ]
    return moved, ids


def change_a_few_rows(org: LocalOrg) -> dict[str, set[str]]:
    """Change, add and delete records over REST; return the ids of the changes by object."""
    accounts = org.query("SELECT Id FROM Account ORDER BY Name LIMIT 2")
    for row in accounts:
        org.call("PATCH", f"/sobjects/Account/{row['Id']}", json={"Phone": "+1 555 0100"})
    added = org.call("POST", "/sobjects/Contact", json={"LastName": 'O\'Neil, "Née"\r\n😀'})
    case = org.query("SELECT Id FROM Case ORDER BY CaseNumber LIMIT 1")[0]
    org.call("DELETE", f"/sobjects/Case/{case['Id']}")
    return {
        "Account": {row["Id"] for row in accounts},
        "Contact": {added["id"]},
        "Case": {case["Id"]},
    }


def check_only_changes_came(changed: dict[str, set[str]], came: dict[str, set[str]]) -> None:
    """Check that the second run brought exactly the changed rows."""
    for stream, ids in came.items():
        if ids != changed.get(stream, set()):
            raise DemoError(
                f"{stream}: the second run should bring {sorted(changed.get(stream, set()))}, "
                f"but it brought {sorted(ids)}"
            )


def reverse_etl(meltano: Meltano) -> list[Moved]:
    """Load files into the org with a published tap and our target, parents first."""
    pairs = [part for tap in REVERSE_TAPS for part in (tap, "target-sfbulk")]
    meltano("run", *pairs, log="reverse-etl.log")
    moved = []
    for tap in REVERSE_TAPS:
        stream = tap.removeprefix("tap-jsonl-")
        report = json.loads((meltano.output / "reverse-etl" / f"{stream}.report.json").read_text())
        moved.append(
            Moved(
                "reverse ETL",
                stream,
                read=report["read"],
                loaded=report["loaded"],
                rejected=report["rejected"],
                jobs=len(report["job_ids"]),
                seconds=report["seconds"],
                reasons=rejections(meltano.output / "reverse-etl" / f"{stream}.rejects.jsonl"),
            )
        )
    return moved


def rejections(rejects: Path) -> list[str]:
    """Return one line per row of a rejects file: its key, and Salesforce's code and text."""
    if not rejects.exists():
        return []
    rows = [json.loads(line) for line in rejects.read_text("utf-8").splitlines()]
    # In the demo's files the first field is the key.
    return [f"{next(iter(r['record'].values()))}: {r['code']}: {r['message']}" for r in rows]


def check_what_arrived(org: LocalOrg, moved: list[Moved]) -> None:
    """Check in the org that the rows of the files were loaded, with the right parents."""
    contact = org.query(
        "SELECT LastName, Account.Ext_Id__c FROM Contact WHERE Ext_Id__c = 'R-C-001'"
    )
    if not contact or contact[0]["Account"]["Ext_Id__c"] != "R-A-001":
        raise DemoError("contact R-C-001 is not in the org under account R-A-001")
    if not any(m.rejected for m in moved):
        raise DemoError("Salesforce rejected no row, but the files have rows that it must reject")


def print_report(moved: list[Moved], output: Path) -> None:
    """Print the counts, the rejected rows with their reasons, and the paths of the files."""
    row = "{:<16} {:<12} {:>6} {:>7} {:>8} {:>5} {:>8}"
    print("\n" + row.format("step", "stream", "read", "loaded", "rejected", "jobs", "seconds"))
    for m in moved:
        print(
            row.format(m.step, m.stream, m.read, m.loaded, m.rejected, m.jobs, f"{m.seconds:.2f}")
        )
    print("\nrejected by Salesforce")
    for m in moved:
        for reason in m.reasons:
            print(f"  {m.stream} {reason}")
    print(f"\nDuckDB file:  {output / 'warehouse.duckdb'}")
    for path in sorted((output / "reverse-etl").glob("*.rejects.jsonl")):
        print(f"rejects file: {path}")


def run(meltano_executable: str, output: Path) -> None:
    """Run the demo. Raises DemoError if a result is not as expected."""
    shutil.rmtree(output, ignore_errors=True)
    (output / "logs").mkdir(parents=True)
    with local_org(output / "logs" / "sandbox.log") as org:
        print(f"local org at {org.ready['url']}", flush=True)
        meltano = Meltano(meltano_executable, org, output)
        meltano("install", log="install.log")
        first, _ = elt(meltano, org, "first full load")
        changed = change_a_few_rows(org)
        # The window of a run ends before the second in which it starts. So the changes are in the
        # window of the next run only after this second.
        time.sleep(1.1)  # noqa: TID251 - the demo waits for the real clock
        second, came = elt(meltano, org, "changes only")
        check_only_changes_came(changed, came)
        reverse = reverse_etl(meltano)
        check_what_arrived(org, reverse)
    print_report([*first, *second, *reverse], output)


def main() -> None:
    """Parse the options and run the demo. The exit code is 1 if a result is not as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meltano", default="meltano", help="the meltano executable")
    parser.add_argument("--output", type=Path, default=ROOT / "output" / "demo")
    arguments = parser.parse_args()
    try:
        run(arguments.meltano, arguments.output.resolve())
    except DemoError as error:
        sys.exit(f"demo failed: {error}")


if __name__ == "__main__":
    main()
