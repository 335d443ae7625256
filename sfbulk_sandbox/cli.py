"""The command `sfbulk-sandbox`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sfbulk_sandbox.faults import LoadError, SchemaError
from sfbulk_sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_HIGHEST_PORT = 65_535

_SERVE = """\
Serve a local Salesforce org on 127.0.0.1 until SIGTERM or SIGINT (Ctrl-C).

When it is ready it prints one line of JSON on stdout: url, access_token, client_id, client_secret,
refresh_token, username, password, security_token, control_url. Give them to any Salesforce client:
REST and Bulk API 2.0 answer under url + /services/data. Everything else goes to stderr.

The rows live as long as the command; without --data and --describe it is a small sample org with
accounts, contacts, opportunities, cases and a custom object."""

_EXAMPLES = """\
examples:
  sfbulk-sandbox serve
      the sample org on a free port
  sfbulk-sandbox serve --port 8090 --data ./rows
      Account.csv, Contact.csv ... of ./rows; an Id column is optional, and a lookup is an id or a
      column such as Account.External_Id__c
  sfbulk-sandbox serve --describe ./describes
      the objects of your own org, from saved replies of /sobjects/NAME/describe

the control plane (control_url in the ready line):
  GET, DELETE /requests          the calls made so far
  POST /reset                    rows, jobs and sessions as at the start
  POST /sessions/end             every token is refused from now on
  PUT  /progress                 {"policy": "at_once"}, {"policy": "after_polls", "polls": 3} or
                                 {"policy": "hold"}; POST /progress/release lets held jobs go
  PUT  /pages                    {"rows": 100} rows a page of bulk results
  GET, POST, DELETE /faults      what shall go wrong, e.g. {"kind": "answer", "method": "POST",
                                 "path": "*/jobs/query", "times": 2, "status": 503}; kinds are
                                 answer, cut, lost, delay, job_failed"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; ends the process with 0, or with 1 and the reason on stderr."""
    options = _parser().parse_args(arguments)
    try:
        _serve(options)
    except (LoadError, SchemaError, OSError) as error:
        sys.exit(f"sfbulk-sandbox: {error}")


def _serve(options: argparse.Namespace) -> None:
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    # Before the start, so that a signal that comes early still leaves nothing behind.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with Sandbox(
        data=_folder(options.data, "--data"),
        describe=_folder(options.describe, "--describe"),
        seed=options.seed,
        port=options.port,
    ) as sandbox:
        print(json.dumps(sandbox.ready_line()), flush=True)  # noqa: T201 - the ready line
        ended.wait()


def _folder(path: Path | None, option: str) -> Path | None:
    if path is not None and not path.is_dir():
        raise NotADirectoryError(f"{option} {path}: there is no such folder")
    return path


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number up to 65535")
    return int(text)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with 1, the one exit code of failure that all commands here have."""
        self.exit(1, f"{self.format_usage()}{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sfbulk-sandbox", description="A local Salesforce org for tests and dry runs."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve = commands.add_parser(
        "serve",
        help="serve an org on 127.0.0.1",
        description=_SERVE,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.add_argument("--port", type=_port, default=0, help="the port; 0, the default, picks one")
    serve.add_argument("--data", type=Path, metavar="DIR", help="rows: a folder of NAME.csv files")
    serve.add_argument(
        "--describe", type=Path, metavar="DIR", help="objects: a folder of describe JSON"
    )
    serve.add_argument(
        "--seed", type=int, default=0, help="makes ids and credentials; the same ones for the same"
    )
    return parser
