"""Writes rows that are gone: records with only the key and the time of the deletion."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from singer_sdk.singerlib import RecordMessage

from sfbulk import soql
from tap_sfbulk.emit.partial_schema import partial_schema, whole_schema

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from typing import Any

    from singer_sdk import Stream
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter

_KEY, _TIME = "Id", "_sdc_deleted_at"


def write_deletions(
    stream: Stream,
    writer: GenericSingerWriter[Any, Any],
    now: datetime,
    rows: Iterable[tuple[str, datetime]],
) -> None:
    """Write a record for each id and time; nothing at all if there are none.

    They are RECORD messages also where the rows leave in BATCH files.
    """
    coming = iter(rows)
    first = next(coming, None)
    if first is None:
        return
    whole, count = whole_schema(stream), 0
    with partial_schema(writer, whole, {_KEY, _TIME}):
        for row_id, deleted in itertools.chain([first], coming):
            record = {_KEY: row_id, _TIME: soql.utc_text(deleted)}
            writer.write_message(RecordMessage(whole.stream, record, None, now))
            count += 1
    stream.get_record_counter().increment(count)
