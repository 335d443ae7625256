"""The SCHEMA of a pass that reads only some fields, around its records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from singer_sdk.singerlib import RecordMessage, SchemaMessage

from tap_sfbulk.emit.partial_schema import partial_schema
from tap_sfbulk.writer import PageWriter

if TYPE_CHECKING:
    import pytest

TEXT = {"type": ["string", "null"]}
WHOLE = SchemaMessage(
    "Account",
    {
        "type": "object",
        "properties": {"Id": TEXT, "Name": TEXT, "Age__c": TEXT, "SystemModstamp": TEXT},
        "required": ["Id", "Name"],
    },
    ["Id"],
    ["SystemModstamp"],
)


def test_records_of_a_part_are_declared_as_such_and_the_whole_schema_follows(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    writer = PageWriter()
    with partial_schema(writer, WHOLE, ["Id", "Age__c"]):
        writer.write_message(RecordMessage("Account", {"Id": "1", "Age__c": "2"}))
    before, record, after = map(json.loads, capfdbinary.readouterr().out.splitlines())
    assert before == {
        "type": "SCHEMA",
        "stream": "Account",
        "schema": {
            "type": "object",
            "properties": {"Id": TEXT, "Age__c": TEXT},
            "required": ["Id"],
        },
        "key_properties": ["Id"],
    }
    assert record["type"] == "RECORD"
    assert after == json.loads(json.dumps(WHOLE.to_dict()))
