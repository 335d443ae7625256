"""Finds the objects and options for the names and globs in the settings."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sfbulk.errors import ConfigError
from sfbulk_singer.names import did_you_mean, is_glob, matches, matches_any, unknown_object
from sfbulk_singer.stream_settings import unused_keys
from tap_sfbulk.schema import is_replication_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfbulk import SObjectDescribe, SObjectSummary

LOGGER = logging.getLogger("tap-sfbulk")

_SEES_NOTHING = (
    "The org shows this user no object that can be queried. Give the user a profile or permission "
    "set with API Enabled, and Read on the objects (or View All Data for all of them)."
)


def objects_to_read(
    org: Sequence[SObjectSummary],
    wanted: Sequence[str] | None,
    excluded: Sequence[str],
) -> list[str]:
    """Names of the objects to read, as the org spells them, in its order.

    Args:
        org: Every object of the org.
        wanted: Names and globs; None for every object that can be queried.
        excluded: Names and globs to leave out.

    Raises:
        ConfigError: If a wanted object does not exist or cannot be queried, if a glob matches no
            object, if an excluded object does not exist, or if no object is left or visible.
    """
    usable = [each.name for each in org if each.queryable and not each.deprecated_and_hidden]
    if not usable:
        raise ConfigError([_SEES_NOTHING])
    problems = [_problem(pattern, usable, org) for pattern in wanted or []]
    problems += [
        f"exclude_streams: {unknown_object(name, usable)}."
        for name in _unknown_names(excluded, org)
    ]
    if any(problems):
        raise ConfigError([problem for problem in problems if problem])
    found = usable if wanted is None else [n for n in usable if matches_any(n, wanted)]
    left = [name for name in found if not matches_any(name, excluded)]
    if found and not left:
        named = "can be queried" if wanted is None else "streams_to_discover names"
        raise ConfigError([f"exclude_streams leaves out every object that {named}."])
    return left


def not_named(names: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """Those of the objects that were found by default or by a glob, but are not named."""
    named = [pattern for pattern in wanted or () if not is_glob(pattern)]
    return [name for name in names if not matches_any(name, named)]


def check_option_names(names: Sequence[str], settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Check that the keys of `stream_options` are those of streams.

    A glob that fits no object is a warning: it may be a rule for many orgs.

    Raises:
        ConfigError: If a name is not the name of an object that is read.
    """
    problems = []
    for key in unused_keys(settings, names):
        problem = f"stream_options, {key}: no such stream is read{did_you_mean(key, names)}."
        if is_glob(key):
            LOGGER.warning("%s", problem)
        else:
            problems.append(problem)
    if problems:
        raise ConfigError(problems)


def check_replication_keys(
    described: Sequence[SObjectDescribe], keys: Mapping[str, str | None]
) -> None:
    """Check the replication keys that the options name, by object.

    Raises:
        ConfigError: If one is not a date/time field that a query can filter by.
    """
    problems = []
    for sobject in described:
        key = keys[sobject.name]
        field = sobject.field(key) if key else None
        if key and (field is None or not is_replication_key(field)):
            stamps = [each.name for each in sobject.fields if is_replication_key(each)]
            problems.append(
                f"stream_options: {sobject.name}.{key} is not a date/time field that a query can "
                f"filter by{did_you_mean(key, stamps)}. Choose one of: {', '.join(stamps)}."
            )
    if problems:
        raise ConfigError(problems)


def _problem(pattern: str, usable: Sequence[str], org: Sequence[SObjectSummary]) -> str | None:
    if any(matches(name, pattern) for name in usable):
        return None
    if is_glob(pattern):
        return f"streams_to_discover: no object that can be queried matches {pattern}."
    if any(matches(each.name, pattern) for each in org):
        return f"streams_to_discover: {pattern} cannot be queried."
    return f"streams_to_discover: {unknown_object(pattern, usable)}."


def _unknown_names(excluded: Sequence[str], org: Sequence[SObjectSummary]) -> list[str]:
    # A glob may be a rule for many orgs, and need not match an object of this one.
    names = [pattern for pattern in excluded if not is_glob(pattern)]
    return [name for name in names if not any(matches(each.name, name) for each in org)]
