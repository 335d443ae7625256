"""The commands of `sfbulk`: their options, and which module does the work of each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from sfbulk.cli.output import Output
from sfbulk.cli.row_forms import ROW_FORMS
from sfbulk.cli.session import LOGGER, Session, Stopped, begin_log, stopping_on_signals
from sfbulk.error_line import ErrorLineGroup
from sfbulk.errors import DataError, SalesforceError

# What a command needs is imported when it runs, so that help is there at once.
# ruff: noqa: PLC0415

_FORMAT = "Instead of the ending of the name."


class SfbulkGroup(ErrorLineGroup):
    """The commands; each failure is one ERROR line and exit code 1, a signal too."""

    logger = LOGGER
    expected = (SalesforceError, OSError)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            with stopping_on_signals():
                return super().invoke(ctx)
        except Stopped as stopped:
            LOGGER.error("%s: stopped.%s", stopped.args[0], _notes(stopped))
            raise SystemExit(1) from None


def _notes(stopped: Stopped) -> str:
    return "".join(f" {note}" for note in getattr(stopped, "__notes__", ()))


_HELP = {"help_option_names": ["-h", "--help"]}


@click.group(cls=SfbulkGroup, context_settings=_HELP, invoke_without_command=True)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Settings as a JSON object: those of the connectors. SFBULK_<SETTING> goes before it.",
)
@click.option("--verbose", is_flag=True, help="Log what is done step by step.")
@click.version_option(package_name="sfbulk")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, *, verbose: bool) -> None:
    """Query and load Salesforce data in bulk, and look at the org.

    Sign-in settings come from --config FILE, or from environment variables such as
    SFBULK_LOGIN_URL, SFBULK_CLIENT_ID and SFBULK_CLIENT_SECRET.
    """
    begin_log(verbose=verbose)
    ctx.obj = config
    _help_without_command(ctx)


def _help_without_command(ctx: click.Context) -> None:
    # Click itself would make it an error, which is a strange answer to a first try.
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _job_id(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    from sfbulk.http.shapes import checked_id

    try:
        return checked_id(value, "a job")
    except DataError as error:
        raise click.BadParameter(error.message) from None


def _names(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> Any:
    if wrong := [name for name in value if not re.fullmatch(r"\w+(\.\w+)?", name)]:
        raise click.BadParameter(
            f"{', '.join(map(repr, wrong))} must be an object, such as Account, or a field of one, "
            "such as Account.Rating."
        )
    return value


def _json_option(command: Any) -> Any:
    return click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout.")(command)


def _session(ctx: click.Context, as_json: bool) -> Session:
    return Session(ctx.find_root().obj, Output(as_json=as_json))


@cli.command()
@click.argument("names", nargs=-1, metavar="[SOBJECT[.FIELD]]...", callback=_names)
@click.option(
    "--operation",
    "operations",
    multiple=True,
    type=click.Choice(["query", "insert", "update", "upsert", "delete", "hardDelete"]),
    help="What the user must be able to do; several times for several. [default: query]",
)
@_json_option
@click.pass_context
def check(
    ctx: click.Context, names: tuple[str, ...], operations: tuple[str, ...], *, as_json: bool
) -> None:
    """Say who signs in, which org it is, and which rights are missing.

    Also which API version is in use, and how much is left of the limits.

    Exit code 1 if a right is missing that an --operation on the named objects and fields needs.
    """
    from sfbulk.cli.check import check as run

    run(_session(ctx, as_json), names, operations or ("query",))


@cli.command()
@click.argument("sobject", required=False)
@_json_option
@click.pass_context
def describe(ctx: click.Context, sobject: str | None, *, as_json: bool) -> None:
    """List the objects of the org, or the fields of one."""
    from sfbulk.cli.describe import describe as run

    run(_session(ctx, as_json), sobject)


@cli.command()
@_json_option
@click.pass_context
def limits(ctx: click.Context, *, as_json: bool) -> None:
    """List the limits of the org, and how much of them is used."""
    from sfbulk.cli.describe import limits as run

    run(_session(ctx, as_json))


@cli.command()
@click.argument("soql")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="Where the rows go: a file that ends in .csv, .jsonl or .parquet, or - for stdout.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(ROW_FORMS),
    help=_FORMAT,
)
@click.option(
    "--api-type",
    type=click.Choice(["auto", "BULK2", "BULK", "REST"]),
    default="auto",
    show_default=True,
    help="The API that runs the query; auto is BULK2, or REST if that refuses it.",
)
@click.option("--include-deleted", is_flag=True, help="Read deleted and archived rows too.")
@_json_option
@click.pass_context
def query(  # noqa: PLR0913 - its options
    ctx: click.Context,
    soql: str,
    output: str,
    form: str | None,
    api_type: str,
    *,
    include_deleted: bool,
    as_json: bool,
) -> None:
    """Write the rows of a query to a file; run it again after a kill, and it reads on.

    The file is there when it has all rows. Until then they are in FILE.part, and FILE.state.json
    says how far it is.
    """
    from sfbulk.cli.query import STDOUT, Query, form_of
    from sfbulk.cli.query import query as run
    from sfbulk.jobs.read_api import ReadApi

    if as_json and output == STDOUT:
        raise click.UsageError("--json writes to stdout, so -o must be a file.")
    api = None if api_type == "auto" else ReadApi(api_type)
    run(_session(ctx, as_json), Query(soql, output, form_of(output, form), api, include_deleted))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--sobject", required=True, help="The object, such as Contact.")
@click.option(
    "--operation",
    required=True,
    type=click.Choice(["insert", "update", "upsert", "delete", "hardDelete"]),
    help="What to do with the records.",
)
@click.option(
    "--external-id",
    metavar="FIELD",
    help="The field that finds the records: needed for upsert; Id for update and delete.",
)
@click.option("--format", "form", type=click.Choice(ROW_FORMS), help=_FORMAT)
@click.option("--delimiter", default=",", show_default=True, help="Between the cells of CSV.")
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="For rejects, the journal and the files of a dry run. [default: the folder of FILE]",
)
@click.option(
    "--max-rejects",
    default="0",
    show_default=True,
    help="How many records may be refused, a count or a share such as 2%, before exit code 1.",
)
@click.option(
    "--api-type", type=click.Choice(["BULK2", "BULK"]), default="BULK2", show_default=True
)
@click.option(
    "--concurrency",
    type=click.Choice(["Parallel", "Serial"]),
    default="Parallel",
    help="Of BULK: Serial if parallel batches lock each other's rows.",
)
@click.option("--no-journal", is_flag=True, help="Do not record what is loaded.")
@click.option("--dry-run", is_flag=True, help="Send nothing, and write the files instead.")
@_json_option
@click.pass_context
def load(  # noqa: PLR0913 - its options
    ctx: click.Context,
    *,
    file: Path,
    sobject: str,
    operation: str,
    external_id: str | None,
    form: str | None,
    delimiter: str,
    output_dir: Path | None,
    max_rejects: str,
    api_type: str,
    concurrency: str,
    no_journal: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Load the records of FILE; run it again after a kill, and nothing is loaded twice.

    Records that Salesforce refuses are in OUTPUT_DIR/NAME.rejects.jsonl, with the reasons; this
    file can be loaded too. Until all records have an outcome, OUTPUT_DIR/NAME.journal.sqlite has
    what is known of them.
    """
    from sfbulk.bulk1.states import Concurrency
    from sfbulk.cli.load import Load, MaxRejects
    from sfbulk.cli.load import load as run
    from sfbulk.cli.load_input import load_input
    from sfbulk.jobs.operation import Operation

    if operation == "upsert" and external_id is None:
        raise click.UsageError("upsert needs --external-id FIELD.")
    if operation == "insert" and external_id is not None:
        raise click.UsageError("insert finds no records: leave out --external-id, or use upsert.")
    if concurrency == "Serial" and api_type != "BULK":
        raise click.UsageError("--concurrency Serial needs --api-type BULK.")
    try:
        budget = MaxRejects.parse(max_rejects)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    what = Load(
        load_input(file, form, delimiter),
        sobject,
        Operation(operation),
        external_id,
        output_dir or file.parent,
        budget,
        Concurrency(concurrency) if api_type == "BULK" else None,
        has_journal=not no_journal,
        dry_run=dry_run,
    )
    run(_session(ctx, as_json), what)


@cli.group(context_settings=_HELP, invoke_without_command=True)
@click.pass_context
def jobs(ctx: click.Context) -> None:
    """List, show, abort and delete jobs of both bulk APIs."""
    _help_without_command(ctx)


@jobs.command("list")
@click.option("--mine", is_flag=True, help="Only those of the user who signs in.")
@_json_option
@click.pass_context
def jobs_list(ctx: click.Context, *, mine: bool, as_json: bool) -> None:
    """List the jobs of the last seven days, the newest first."""
    from sfbulk.cli.jobs import list_jobs

    list_jobs(_session(ctx, as_json), mine=mine)


@jobs.command("show")
@click.argument("job_id", callback=_job_id)
@_json_option
@click.pass_context
def jobs_show(ctx: click.Context, job_id: str, *, as_json: bool) -> None:
    """Show one job; of Bulk API 1.0 also its batches."""
    from sfbulk.cli.jobs import show_job

    show_job(_session(ctx, as_json), job_id)


@jobs.command("abort")
@click.argument("job_id", callback=_job_id)
@_json_option
@click.pass_context
def jobs_abort(ctx: click.Context, job_id: str, *, as_json: bool) -> None:
    """Stop a job; rows that are already saved stay saved."""
    from sfbulk.cli.jobs import abort_job

    abort_job(_session(ctx, as_json), job_id)


@jobs.command("delete")
@click.argument("job_id", callback=_job_id)
@_json_option
@click.pass_context
def jobs_delete(ctx: click.Context, job_id: str, *, as_json: bool) -> None:
    """Delete an ended job and its results."""
    from sfbulk.cli.jobs import delete_job

    delete_job(_session(ctx, as_json), job_id)


def run() -> None:
    """Run the command and end the process.

    Raises:
        SystemExit: always: 0 when the command is done, 1 otherwise.
    """
    begin_log(verbose=False)
    cli.main(prog_name="sfbulk")
