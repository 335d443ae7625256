"""Finds the problems of the target's settings that their JSON Schema cannot find."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from sfbulk import Concurrency, Operation
from sfbulk.soql import condition_problem
from sfbulk_singer.names import is_glob
from sfbulk_singer.settings import spool_dir_problems
from sfbulk_singer.stream_settings import merged
from target_sfbulk.delete_cap import DeleteCap
from target_sfbulk.mapping import REMOVES
from target_sfbulk.report import RejectBudget
from target_sfbulk.settings import SETTINGS, bulk1_concurrency, with_defaults
from target_sfbulk.stream_settings import is_mirror, operation_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Ids of assignment rules begin with the key prefix of AssignmentRule.
_ASSIGNMENT_RULE = re.compile(r"01Q[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")


def own_problems(config: Mapping[str, Any]) -> list[str]:
    """What the JSON Schema cannot find in the target's own settings, one sentence each."""
    valid = _well_formed(config)
    return [
        *_run_problems(valid),
        *_unused_or_missing_key(config, valid),
        *_streams_problems(valid),
        *spool_dir_problems(valid["spool_dir"]),
    ]


def _well_formed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that fit their JSON Schema."""
    # The checks below need valid values, and one wrong setting must not hide problems of others.
    schemas = SETTINGS["properties"]
    valid = {name: value for name, value in config.items() if _fits(value, schemas.get(name, {}))}
    streams = config.get("streams")
    if "streams" not in valid and isinstance(streams, dict):
        entry_schema = schemas["streams"]["additionalProperties"]
        valid["streams"] = {n: e for n, e in streams.items() if _fits(e, entry_schema)}
    return with_defaults(valid)


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    return bool(DEFAULT_JSONSCHEMA_VALIDATOR(schema).is_valid(value))


def _run_problems(config: Mapping[str, Any]) -> Iterator[str]:
    try:
        RejectBudget.parse(config["max_rejects"])
    except ValueError as problem:
        yield str(problem)
    yield from _cap_problems(config["delete_cap"])
    if config["journal_path"] is True:
        yield "journal_path: name a file, or `off` for no journal."
    if bulk1_concurrency(config) is None and config["concurrency"] != Concurrency.PARALLEL:
        yield (
            f"concurrency: {config['concurrency']} is a mode of Bulk API 1.0. Set api_type to BULK,"
            " or leave it out."
        )


def _unused_or_missing_key(given: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Whether `external_id` goes with the operations; not asked where they are wrong themselves."""
    names = ("operation", "external_id", "streams")
    if any(not _fits(given[name], SETTINGS["properties"][name]) for name in names if name in given):
        return
    own = operation_of({}, config)
    operations = {own} | {
        operation_of(merged(key, config["streams"]), config) for key in config["streams"]
    }
    if config["external_id"] and own is Operation.INSERT and Operation.UPSERT not in operations:
        yield (
            "external_id is not used by insert, and no stream is upserted. Leave it out, or upsert."
        )
    if not config["streams"] and operations == {Operation.UPSERT} and not config["external_id"]:
        verb = config["operation"]
        yield f"external_id is missing: operation {verb} needs it. Name a field to find records by."


def _streams_problems(config: Mapping[str, Any]) -> Iterator[str]:
    for key, entry in config["streams"].items():
        mapping = (entry.get("fields") or {}, entry.get("lookups") or {})
        problems = [*_operation_problems(key, config), *_mapping_problems(*mapping)]
        problems += _assignment_problems(entry.get("assignment_rule"))
        problems += _mirror_problems(key, config)
        if not is_glob(key):
            problems += _columns_named_twice(*mapping, entry.get("constants") or {})
        yield from (f"streams, {key}: {problem}" for problem in problems)


def _operation_problems(key: str, config: Mapping[str, Any]) -> Iterator[str]:
    """What contradicts the operation; a key that a glob gives to many streams does not."""
    own, of_stream = config["streams"][key], merged(key, config["streams"])
    operation = operation_of(of_stream, config)
    # Another key may give the streams of a glob the operation or the external id.
    if is_glob(key) and not own.get("operation"):
        return
    has_key = of_stream.get("external_id") or config["external_id"]
    if operation is Operation.UPSERT and not has_key and not is_glob(key):
        verb = of_stream.get("operation") or config["operation"]
        yield f"external_id is missing: operation {verb} needs it."
    if operation is Operation.INSERT and own.get("external_id"):
        yield "external_id is not used by insert. Leave it out, or upsert."
    for name in ("new_only", "create_only_fields"):
        if own.get(name) and operation is not Operation.UPSERT:
            yield f"{name} is not used by {operation.value}. Leave it out, or upsert."
    if operation in REMOVES:
        yield from _unused_by_delete(own, operation)


def _unused_by_delete(own: Mapping[str, Any], operation: Operation) -> Iterator[str]:
    """What a delete does not send; `fields` may be those of the stream that loads the records."""
    for name in ("lookups", "constants", "nulls", "assignment_rule"):
        if own.get(name):
            verb = "is" if name == "assignment_rule" else "are"
            yield f"{name} {verb} not used by {operation.value}, which sends ids only."


def _mapping_problems(
    fields: Mapping[str, str | None], lookups: Mapping[str, str | None]
) -> Iterator[str]:
    for source in sorted(set(fields) & {source for source, path in lookups.items() if path}):
        yield f"{source} is in both fields and lookups. Leave one out."
    for target in fields.values():
        if target and "." in target:
            yield f"fields: {target} is a relationship column. Move it to lookups."
    for target in lookups.values():
        if target and "." not in target:
            yield f"lookups: {target} is not a relationship column such as Account.Ext_Id__c."


def _mirror_problems(key: str, config: Mapping[str, Any]) -> Iterator[str]:
    own, of_stream = config["streams"][key], merged(key, config["streams"])
    if own.get("delete_cap") is not None:
        yield from _cap_problems(own["delete_cap"])
    if own.get("where") and (problem := condition_problem(own["where"])):
        yield f"where: {problem}"
    if is_mirror(of_stream, config):
        if own.get("new_only"):
            yield "new_only is not used by mirror, which updates records too. Leave it out."
        return
    # Another key may give the streams of a glob the operation.
    if is_glob(key) and not own.get("operation"):
        return
    for name in ("where", "delete_cap"):
        if own.get(name) is not None:
            verb = of_stream.get("operation") or config["operation"]
            yield f"{name} is not used by {verb}. Leave it out, or use mirror."


def _cap_problems(cap: str | int) -> Iterator[str]:
    try:
        DeleteCap.parse(cap)
    except ValueError as problem:
        yield str(problem)


def _assignment_problems(rule: str | None) -> Iterator[str]:
    if rule and not _ASSIGNMENT_RULE.fullmatch(rule):
        yield (
            f"assignment_rule: {rule} is not the id of an assignment rule, which has 15 or 18"
            " characters and begins with 01Q."
        )


def _columns_named_twice(
    fields: Mapping[str, str | None],
    lookups: Mapping[str, str | None],
    constants: Mapping[str, Any],
) -> Iterator[str]:
    # Not checked for a glob: its streams need not have all of these record fields.
    targets = [target for target in (*fields.values(), *lookups.values()) if target]
    counts = Counter(target.casefold() for target in targets)
    same = Counter(column.casefold() for column in constants)
    for target in sorted({*counts, *same}):
        if same[target] and counts[target]:
            yield f"the column {target} is filled by a record field and a constant. Leave one out."
        elif counts[target] > 1:
            yield f"{counts[target]} record fields fill the column {target}. Leave all but one out."
        elif same[target] > 1:
            yield f"constants: {target} is there in two spellings. Leave one out."
