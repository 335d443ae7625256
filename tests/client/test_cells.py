"""Python values as the text of a cell."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.csvio.cells import cell_text
from sfbulk.errors import DataError

CET = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        ("NA", "NA"),
        (" spaces kept ", " spaces kept "),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-123456789012345678, "-123456789012345678"),
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        (Decimal("12345678901234567.89"), "12345678901234567.89"),
        (Decimal("1.20E+3"), "1200"),
        (date(2026, 1, 5), "2026-01-05"),
        (date(987, 1, 5), "0987-01-05"),
        (datetime(2026, 11, 23, 0, 15, tzinfo=CET), "2026-11-22T23:15:00.000Z"),
        (datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=timezone.utc), "2026-01-01T00:00:00.999Z"),
    ],
)
def test_a_value_becomes_the_text_salesforce_reads(value: Any, text: str | None) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("#N/A", "clear the field"),
        (datetime(2026, 1, 1), "must have a time zone"),  # noqa: DTZ001 - the test is about a missing time zone
        (float("nan"), "not a number"),
        (Decimal("-Infinity"), "infinite"),
        (b"bytes", "type bytes"),
        ({"Name": "x"}, "type dict"),
        (time(1, 2), "type time"),
    ],
)
def test_a_value_without_a_text_is_refused_without_quoting_it(value: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        cell_text(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_keeps_its_value_and_is_written_without_exponent(value: float) -> None:
    text = cell_text(value)
    assert text is not None
    assert float(text) == value
    assert "e" not in text.lower()
