"""The deletes of a mirror: of what it covers, those that the source marks, and those it lacks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sfbulk import ApiError, DataError, Operation
from sfbulk.errors import ConfigError
from sfbulk.normalize import key_normalizer
from sfbulk.soql import select
from target_sfbulk.delete_cap import DeleteBudget
from target_sfbulk.mapping import CsvColumn
from target_sfbulk.output import DeletesOutput
from target_sfbulk.rejects import RejectKind
from target_sfbulk.stream import StreamLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sfbulk import Salesforce
    from target_sfbulk.load_context import LoadContext
    from target_sfbulk.output import StreamOutput
    from target_sfbulk.preflight import Schema, StreamPlan
    from target_sfbulk.stream_settings import MirrorSettings


class Covered:
    """The records of the org that a mirror covers: they have a key, and meet its condition.

    API call, when it is made, if their number is needed or a condition is to be checked.

    Args:
        plan: How the stream is loaded.
        salesforce: The org.
        dry_run: Whether no job may be created, not even one that only reads.

    Raises:
        ConfigError: Salesforce refuses the condition.
    """

    def __init__(self, plan: StreamPlan, salesforce: Salesforce, *, dry_run: bool) -> None:
        column, self.settings = _of_mirror(plan)
        self._salesforce = salesforce
        self._dry_run = dry_run
        self._sobject = plan.sobject
        self.key = column.header
        self.name = f"{column.source}: {plan.sobject}.{self.key}"
        """Says what the keys are, also to a later run."""
        self._form = key_normalizer(column.field)
        has_key = f"{self.key} != null"
        self._where = [has_key, self.settings.where] if self.settings.where else [has_key]
        try:
            covered = salesforce.count(plan.sobject, self._where)
        except (ApiError, DataError) as error:
            problem = (
                f"Stream `{plan.stream}`: the records that the mirror covers cannot be counted"
            )
            raise ConfigError([f"{problem}; check `where`: {error}"]) from error
        self.budget = DeleteBudget(plan.stream, plan.sobject, self.settings.cap, covered)

    def keys(self) -> Iterator[tuple[str, str]]:
        """API call: Id and key of each record, the key in its normal form."""
        if self._dry_run:
            yield from self._salesforce.ids_and_keys(self._sobject, self.key, self._where)
            return
        for row in self._salesforce.query(select(["Id", self.key], self._sobject, self._where)):
            record_id, key = row["Id"], row[self.key]
            if record_id and key is not None:
                yield record_id, self._form(key)


def _of_mirror(plan: StreamPlan) -> tuple[CsvColumn, MirrorSettings]:
    # Preflight has checked both.
    if plan.key is None or plan.mirror is None:
        raise TypeError(f"{plan.stream} is no mirror")
    return plan.key, plan.mirror


def plan_of_deletes(plan: StreamPlan, org: Covered) -> StreamPlan:
    """The plan of the records that the source marks as deleted."""
    deletes = replace(
        plan,
        operation=Operation.DELETE,
        columns={name: c if c is plan.key else None for name, c in plan.columns.items()},
        constants=(),
        assignment_rule=None,
        create_only=(),
        unfilled=(),
        delete_options={"existing_only": True, "before_sending": org.budget.spend},
    )
    if org.settings.where:
        deletes.delete_options["where"] = org.settings.where
    return deletes


def marked_load(
    plan: StreamPlan,
    output: StreamOutput,
    context: LoadContext,
    replan: Callable[[Schema], StreamPlan],
    org: Covered,
) -> StreamLoad:
    """The deletes of records that the source marks."""
    deletes = plan_of_deletes(plan, org)
    return StreamLoad(
        deletes,
        DeletesOutput(output, deletes, dry_run_name="marked", deleted="deleted_marked"),
        context,
        replan=lambda schema: plan_of_deletes(replan(schema), org),
    )


def missing_load(plan: StreamPlan, output: StreamOutput, context: LoadContext) -> StreamLoad:
    """The deletes of records that a version does not have, by their Ids."""
    column, _ = _of_mirror(plan)
    field = context.salesforce.describe(plan.sobject).field("Id")
    if field is None:
        raise TypeError(f"{plan.sobject} has no Id")
    own_id = CsvColumn("Id", "Id", "Id", field, "", nillable=False, empty_is_unclear=False)
    deletes = replace(
        plan,
        operation=Operation.DELETE,
        key=own_id,
        columns={"Id": own_id, column.header: None},
        constants=(),
        assignment_rule=None,
        create_only=(),
        schema={},
    )

    def no_other(_: Schema) -> StreamPlan:
        return deletes

    part = DeletesOutput(
        output,
        deletes,
        dry_run_name="missing",
        deleted="deleted_missing",
        kind=RejectKind.NOT_DELETED,
    )
    return StreamLoad(deletes, part, context, replan=no_other)
