"""The number of records of objects: approximate ones, and an exact one.

REST API guide: Record Count; SOQL reference: COUNT().
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from sfbulk.errors import ApiError, TransportError
from sfbulk.http.shapes import Count, Shape
from sfbulk.http.wire import Request
from sfbulk.read.rest_answers import RestAnswers
from sfbulk.read.select_list import LONGEST_URI
from sfbulk.soql import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

# The counts only save time, so they are not worth half a minute of attempts.
_ATTEMPTS = 2


def record_counts(transport: Transport, names: Iterable[str]) -> dict[str, int]:
    """API call: the counts by the names that were given; see `Salesforce.record_counts`."""
    wanted = {name.lower(): name for name in names}
    counts: dict[str, int] = {}
    try:
        for listed in _in_urls(wanted.values()):
            found = transport.read(_request(transport, listed), _COUNTS.of)
            counts.update(_counted(found.objects))
    except (ApiError, TransportError) as error:
        reason = error.code or (f"HTTP {error.status}" if error.status else "no usable answer")
        log.info("Salesforce does not say how many records the objects have (%s)", reason)
    return {wanted[name]: count for name, count in counts.items() if name in wanted}


def count_records(transport: Transport, sobject: str, where: Sequence[str]) -> int:
    """API call: the exact number; see `Salesforce.count`."""
    records = select(["Id"], sobject, where)
    answers = RestAnswers(transport, sobject, include_deleted=False)
    return answers.first(records.replace("SELECT Id", "SELECT COUNT()", 1)).total or 0


def _request(transport: Transport, names: str) -> Request:
    return Request(
        "GET",
        f"{transport.base_path}/limits/recordCount",
        "Read the number of records",
        params={"sObjects": names},
        attempts=_ATTEMPTS,
    )


def _in_urls(names: Iterable[str]) -> Iterator[str]:
    """The names in as few lists as fit into URLs."""
    listed: list[str] = []
    size = 0
    for name in names:
        size += len(quote(f"{name},", safe=""))
        if size > LONGEST_URI:
            yield ",".join(listed)
            listed, size = [], len(quote(f"{name},", safe=""))
        listed.append(name)
    if listed:
        yield ",".join(listed)


class _Counted(msgspec.Struct):
    name: str
    count: Count


class _Counts(msgspec.Struct, rename={"objects": "sObjects"}):
    objects: list[Any]


_COUNTS = Shape(_Counts, "a list of record counts")
_COUNTED = Shape(_Counted)


def _counted(listed: list[Any]) -> Iterator[tuple[str, int]]:
    for entry in listed:
        if found := _COUNTED.read_or_none(entry):
            yield found.name.lower(), found.count
