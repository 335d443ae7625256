"""STATE is opaque: its bytes leave as they came in, whatever they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_sfbulk.checkpoint import Checkpoints
from tests.target.support import record, schema

if TYPE_CHECKING:
    from tests.target.support import Org

DEEP = b"[" * 5_000 + b"]" * 5_000
VALUES = [
    b'{"bookmarks": {"a": {"b":1}}}',
    b'{"a":1e400}',
    b'{"a": 1E5, "b": 1.0, "c":-0, "d":1e99999999999999999999}',
    b'{"a":0.30000000000000004000000000000000000001}',
    b'{"a":1, "a":2, "b":{"x":1,"x":1}}',
    b'{"a":"\\u00e9\\/","b":"\xc3\xa9"}',
    b'{"a":"\\ud800"}',
    b'{"a":' + DEEP + b"}",
    b"[1,\t2]",
    b'"2026-01-01"',
    b"{}",
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    "form", [b'{"type": "STATE", "value": %s}', b'{"value" :%s ,"type":"STATE"}']
)
def test_the_bytes_of_a_state_leave_as_they_came(org: Org, value: bytes, form: bytes) -> None:
    run = org.load(
        schema("Account", "Name"), record("Account", Name="A"), form % value, operation="insert"
    )
    assert run.code == 0, run.log
    assert run.stdout.encode() == value + b"\n"


def test_a_record_that_its_stream_cannot_take_is_named_as_not_sent(org: Org) -> None:
    rows = [record("Account", Name="Acme"), record("Account", Name="Ada", Shoe_Size="42")]
    run = org.load(schema("Account", "Name"), *rows, operation="insert")
    assert run.code == 1
    assert "Of 2 records, 2 are not sent." in run.log


def test_the_value_of_a_state_is_the_last_one_and_only_the_outermost(org: Org) -> None:
    line = b'{"type":"STATE","value":{"value":1},"value":{"value":{"value":2}},"x":{"value":3}}'
    assert org.load(line, operation="insert").stdout == '{"value":{"value":2}}\n'


@pytest.mark.parametrize(
    "line", [b'{"type":"STATE"}', b'{"type":"STATE","value":[}', b'{"type":"STATE","value":1e}']
)
def test_a_state_that_is_none_is_named_by_its_line(org: Org, line: bytes) -> None:
    run = org.load(schema("Account", "Name"), line, operation="insert")
    assert run.code == 1
    assert run.stdout == ""
    assert run.reason.startswith("Line 2 of the input is not a Singer message: it ")


def test_states_that_wait_stay_within_a_bound_and_leave_in_order() -> None:
    checkpoints = Checkpoints()
    for at in range(1, 1_001):
        checkpoints.add(b"x" * 1_000_000, line=2 * at, after=at)
        assert checkpoints.waiting_bytes < 18_000_000
    left = [found.after for at in range(1, 1_001) if (found := checkpoints.due(at))]
    assert left == sorted(left)
    assert len(left) > 5
    assert left[-1] == 1_000


def test_a_state_waits_for_the_records_before_it_and_replaces_earlier_ones() -> None:
    checkpoints = Checkpoints()
    for line, after in ((1, 0), (5, 3), (6, 3), (9, 5)):
        checkpoints.add(b"%d" % line, line=line, after=after)
    assert str(checkpoints.due(2)) == "STATE 1 (line 1 of the input)"
    assert checkpoints.due(2) is None
    assert str(checkpoints.due(4)) == "STATE 3 (line 6 of the input)"
    assert checkpoints.covered == 5
