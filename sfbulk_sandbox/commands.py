"""The commands of `sfbulk-sandbox`: serve, load, describe and reset."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sfbulk_sandbox.faults.errors import LoadError, OrgFileError, SchemaError
from sfbulk_sandbox.open_org import OrgOpener
from sfbulk_sandbox.org.orgfile import no_org, remembered_schema
from sfbulk_sandbox.sandbox import Sandbox
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import FrameType

    from sfbulk_sandbox.open_org import OpenedOrg

_HIGHEST_PORT = 65_535
_LATEST = 68.0

_COMMANDS = """\
typical uses:
  sfbulk-sandbox serve
      an org with a few sample rows, until Ctrl-C
  sfbulk-sandbox load --db org.db --describe ./describes ./rows
  sfbulk-sandbox serve --db org.db
      an org with your own objects and rows, which stays in org.db
  sfbulk-sandbox describe Account
      the describe of an object

`sfbulk-sandbox COMMAND --help` shows the help of a command."""

_SERVE = """\
Serve a local Salesforce org on 127.0.0.1 until SIGTERM or SIGINT (Ctrl-C).

When it is ready it prints one line of JSON on stdout: url, access_token, client_id, client_secret,
refresh_token, username, password, security_token, control_url. Give them to any Salesforce client:
REST, SOAP login and both Bulk APIs are under url + /services. All other output goes to stderr. The
page at url + / shows jobs and rows in a browser, says how to connect, and has buttons to hold jobs
and to reset the org. The server cannot listen on another address.

Without --db the rows end with the command. With --db they stay, even after a kill; jobs and their
results always end with the command. Without --data and --describe a new org has a few sample
accounts, contacts, opportunities, cases and records of a custom object."""

_SERVE_EXAMPLES = """\
examples:
  sfbulk-sandbox serve
      the sample org on a free port
  sfbulk-sandbox serve --port 8090 --data ./rows
      Account.csv, Contact.csv ... of ./rows; an Id column is optional, and a lookup is an id or a
      column such as Account.External_Id__c
  sfbulk-sandbox serve --describe ./describes
      the objects of your own org, from saved answers of /sobjects/NAME/describe
  sfbulk-sandbox serve --db org.db
      the org in org.db with all earlier changes; a new org if the file does not exist
  sfbulk-sandbox serve --certificate cert.pem --key key.pem
      https, for clients that refuse http; the client must trust cert.pem (REQUESTS_CA_BUNDLE,
      NODE_EXTRA_CA_CERTS)

the control plane, under control_url of the ready line (see docs/sandbox.md):
  curl "$control_url/requests?status=503"
      the requests made so far
  curl $control_url/seed -d '{"Account": [{"Name": "Acme"}]}'
      more rows
  curl $control_url/progress -X PUT -d '{"policy": "after_seconds", "seconds": 20}'
      how long jobs take; or at_once, after_polls, hold
  curl $control_url/faults -d '{"kind": "answer", "path": "*/jobs/query", "status": 503}'
      faults: answer, cut, lost, closed, shortened, wrong_length, stalled, delay, expired_session,
      used_up, job_failed, job_aborted, row_error
  curl $control_url/reset -X POST
      rows, jobs and sessions as at the start (with --db the rows stay)"""

_LOAD = """\
Add the rows of a folder of CSV files to the org of a file, all of them or none.

Each file has the name of its object (Account.csv); the header has API field names. An Id column is
optional; a lookup is an id or a column such as Account.External_Id__c; an empty cell is null.
If FILE does not exist, it is created with a new org: the standard objects, those of --describe, and
only these rows. An invalid cell is an error with file, line and column."""

_LOAD_EXAMPLES = """\
example:
  sfbulk-sandbox load --db org.db --describe ./describes ./rows
  sfbulk-sandbox serve --db org.db"""

_DESCRIBE = """\
Print the describe of an object as JSON, as /sobjects/OBJECT/describe returns it. Without OBJECT,
print the names of all objects. Without --db and --describe, these are the standard objects of this
package."""

_DESCRIBE_EXAMPLES = """\
examples:
  sfbulk-sandbox describe
  sfbulk-sandbox describe Account > describes/Account.json
      edit the file, add fields, and serve it with --describe
  sfbulk-sandbox describe --db org.db Invoice__c"""

_HELP = {
    "serve": "serve an org on 127.0.0.1",
    "load": "put a folder of CSV files into an org's file",
    "describe": "print an object's describe, or the list of objects",
    "reset": "remove the rows of an org's file",
}

_RESET = """\
Remove every row of the org in a file, and print the number of removed rows. Objects, seed and the
org's user stay; the numbering of ids restarts."""

_RESET_EXAMPLES = """\
example:
  sfbulk-sandbox reset --db rehearsal.db
  sfbulk-sandbox load --db rehearsal.db ./rows
      the same rehearsal again, from the same rows"""


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command. The exit code is 0, or 1 with the reason on stderr."""
    options, unknown = _parser().parse_known_args(arguments)
    if unknown:
        options.parser.refuse_unknown(unknown[0])
    try:
        options.run(options)
    except (LoadError, SchemaError, OrgFileError, OSError) as error:
        sys.exit(f"sfbulk-sandbox: {error}")


def _without_command(options: argparse.Namespace) -> None:
    options.parser.error("give a command: `sfbulk-sandbox serve` serves an org; --help lists them")


def _serve(options: argparse.Namespace) -> None:
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    # Set before the start, so that after an early signal the temporary files are removed too.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    _check_tls(options.certificate, options.key)
    with Sandbox(
        data=_folder(options.data, "--data"),
        describe=_folder(options.describe, "--describe"),
        seed=options.seed,
        port=options.port,
        db=options.db,
        certificate=options.certificate,
        key=options.key,
    ) as sandbox:
        print(json.dumps(sandbox.ready_line()), flush=True)  # noqa: T201 - the ready line
        _tell(f"ready; look at the org in a browser: {sandbox.url}/ (Ctrl-C ends it)")
        ended.wait()


def _tell(text: str) -> None:
    print(f"sfbulk-sandbox: {text}", file=sys.stderr, flush=True)  # noqa: T201 - for a person


def _load(options: argparse.Namespace) -> None:
    opener = OrgOpener(
        data=_folder(options.directory, "DIR"),
        describe=_folder(options.describe, "--describe"),
        seed=options.seed,
        db=options.db,
        add_to_existing=True,
    )
    with _opened(opener) as opened:
        _print_counts(opened.loaded)


def _describe(options: argparse.Namespace) -> None:
    schema = _schema(options)
    if options.object is None:
        for one in schema.described():
            print(one.name)  # noqa: T201 - the answer
        return
    sobject = schema.sobject(options.object)
    if sobject is None:
        hint = _did_you_mean(options.object, (one.name for one in schema))
        raise SchemaError(
            f"there is no object {options.object}{hint}; `sfbulk-sandbox describe` lists them"
        )
    print(json.dumps(sobject.describe(_LATEST), indent=2))  # noqa: T201 - the answer


def _schema(options: argparse.Namespace) -> Schema:
    if options.db is not None:
        return remembered_schema(options.db)
    schema = Schema.standard()
    if options.describe is not None:
        schema.load_describes(_folder(options.describe, "--describe") or Path())
    return schema


def _reset(options: argparse.Namespace) -> None:
    if not options.db.exists():
        raise no_org(options.db)
    with _opened(OrgOpener(db=options.db)) as opened:
        before = opened.org.counts()
        opened.org.reset()
        after = opened.org.counts()
    removed = {name: before[name] - after[name] for name in before}
    _print_counts({name: count for name, count in removed.items() if count})


@contextmanager
def _opened(opener: OrgOpener) -> Iterator[OpenedOrg]:
    with tempfile.TemporaryDirectory() as folder, opener.org(Path(folder)) as opened:
        yield opened


def _print_counts(counts: dict[str, int]) -> None:
    for name, count in sorted(counts.items()):
        print(f"{name}: {count}")  # noqa: T201 - the answer


def _folder(path: Path | None, option: str) -> Path | None:
    if path is not None and not path.is_dir():
        raise NotADirectoryError(f"{option} {path}: there is no such folder")
    return path


def _check_tls(certificate: Path | None, key: Path | None) -> None:
    if (certificate is None) != (key is None):
        raise FileNotFoundError(
            "https needs both --certificate and --key; the other one is missing"
        )
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise FileNotFoundError(f"{path}: there is no such file")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; give a number from 0 to 65535")
    return int(text)


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    spelled = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), spelled, n=1)
    return f" (did you mean {spelled[found[0]]}?)" if found else ""


class _Parser(argparse.ArgumentParser):
    def refuse_unknown(self, word: str) -> NoReturn:
        """Exit because of an argument that this command does not have."""
        kind = "option" if word.startswith("-") else "argument"
        # argparse has no public list of the options.
        hint = _did_you_mean(word.partition("=")[0], self._option_string_actions)
        self.error(f"unknown {kind} {word}{hint}")

    def error(self, message: str) -> NoReturn:
        """Exit with 1, like every other error of this command (argparse uses 2)."""
        self.exit(1, f"{self.format_usage()}{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sfbulk-sandbox",
        description="A local Salesforce org for tests and dry runs.",
        epilog=_COMMANDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"sfbulk-sandbox {version('sfbulk')}"
    )
    parser.set_defaults(parser=parser, run=_without_command)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _serve_options(_command(commands, "serve", _serve, _SERVE, _SERVE_EXAMPLES))
    _load_options(_command(commands, "load", _load, _LOAD, _LOAD_EXAMPLES))
    _describe_options(_command(commands, "describe", _describe, _DESCRIBE, _DESCRIBE_EXAMPLES))
    reset = _command(commands, "reset", _reset, _RESET, _RESET_EXAMPLES)
    reset.add_argument("--db", type=Path, metavar="FILE", required=True, help="the org's file")
    return parser


def _command(
    commands: argparse._SubParsersAction[_Parser],
    name: str,
    run: Callable[[argparse.Namespace], None],
    description: str,
    epilog: str,
) -> _Parser:
    command = commands.add_parser(
        name,
        help=_HELP[name],
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(run=run, parser=command)
    return command


def _serve_options(serve: argparse.ArgumentParser) -> None:
    serve.add_argument(
        "--port", type=_port, default=0, help="the port; the default 0 is a free one"
    )
    serve.add_argument("--data", type=Path, metavar="DIR", help="rows: a folder of NAME.csv files")
    _new_org_options(serve)
    serve.add_argument(
        "--db", type=Path, metavar="FILE", help="keep the org in this file between runs"
    )
    serve.add_argument(
        "--certificate", type=Path, metavar="PEM", help="use https with this certificate"
    )
    serve.add_argument("--key", type=Path, metavar="PEM", help="the private key of the certificate")


def _load_options(load: argparse.ArgumentParser) -> None:
    load.add_argument("directory", type=Path, metavar="DIR", help="a folder of NAME.csv files")
    load.add_argument("--db", type=Path, metavar="FILE", required=True, help="the org's file")
    _new_org_options(load)


def _new_org_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--describe", type=Path, metavar="DIR", help="objects: a folder of describe JSON"
    )
    command.add_argument(
        "--seed",
        type=int,
        help="decides ids and credentials; without it, credentials are random",
    )


def _describe_options(describe: argparse.ArgumentParser) -> None:
    describe.add_argument(
        "object", nargs="?", metavar="OBJECT", help="the object's name, in any case"
    )
    where = describe.add_mutually_exclusive_group()
    where.add_argument("--db", type=Path, metavar="FILE", help="the org of this file")
    where.add_argument(
        "--describe", type=Path, metavar="DIR", help="objects: a folder of describe JSON"
    )
