"""Whatever a record holds: its cell is what the org stores for the value, or it is refused."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sfbulk import FieldDescribe
from target_sfbulk.encode import encoder_for
from target_sfbulk.json_lines import json_line
from target_sfbulk.losses import UnconvertibleError
from tests.target.support import record, schema
from tests.target.test_encode import from_json

if TYPE_CHECKING:
    from tests.target.support import Org

KINDS = (
    *("boolean", "int", "long", "double", "currency", "percent", "date", "datetime", "time"),
    *("string", "textarea", "picklist", "multipicklist", "email", "phone", "url", "id"),
    *("reference", "encryptedstring", "combobox", "anyType"),
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.decimals(allow_nan=False)
TEXTS = (
    st.text()
    | st.from_regex(r"\s*[+-]?[0-9.,eE+-]{1,12}\s*")
    | st.from_regex(
        r"[0-9]{1,4}[-/]?[0-9]{1,2}[-/]?[0-9]{1,2}[ T]?[0-9:.]{0,15}(Z|[+-][0-9:]{1,8})?"
    )
)
VALUES = st.recursive(
    PLAIN | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4
)
SCHEMAS = st.recursive(
    PLAIN | st.sampled_from(["integer", "number", "string", "null"]),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["type", "anyOf", "oneOf", "multipleOf", "format"]), inner
        )
    ),
    max_leaves=6,
)


@given(
    st.sampled_from(KINDS),
    VALUES.filter(lambda value: value not in (None, "")),
    SCHEMAS,
    st.booleans(),
)
def test_a_value_of_any_kind_has_a_cell_or_is_refused_for_a_declared_reason(
    kind: str, value: Any, types: Any, key: bool
) -> None:
    field = FieldDescribe("F__c", type=kind, scale=2, external_id=key)
    try:
        cell = encoder_for(field, types, lambda _reason: None)(value)
    except UnconvertibleError:
        return
    assert isinstance(cell, str)
    assert cell != "#N/A"
    assert cell or kind == "multipicklist"


# Judged by arithmetic that the encoders do not use, against what a query of the org gives.


def rounded(exact: Fraction, places: int) -> Fraction:
    """Half away from zero, in whole units of the last place."""
    units, rest = divmod(abs(exact) * 10**places, 1)
    number = Fraction(int(units) + (rest >= Fraction(1, 2)), 10**places)
    return -number if exact < 0 else number


@st.composite
def numbers(draw: st.DrawFn) -> tuple[Any, Fraction]:
    number = draw(st.decimals(-(10**11), 10**11, places=draw(st.integers(0, 8))))
    plain = f"{number:f}"
    if draw(st.booleans()):
        return from_json(plain), Fraction(number)
    forms = [plain, f" {plain}  ", f"+{plain}".replace("+-", "-"), f"{number:E}"]
    forms += [f"{plain}000", re.sub(r"^(-?)0\.", r"\1.", plain)] if "." in plain else [f"{plain}."]
    return draw(st.sampled_from(forms)), Fraction(number)


@st.composite
def instants(draw: st.DrawFn) -> tuple[str, datetime, str]:
    """A datetime as text, its instant in whole seconds, and its day as written."""
    first, last = datetime(1701, 1, 1), datetime(3999, 12, 31)  # noqa: DTZ001 - the zone is added below
    zone = timezone(timedelta(minutes=draw(st.integers(-14 * 60, 14 * 60))))
    moment = draw(st.datetimes(first, last)).replace(tzinfo=zone)
    text = moment.isoformat(sep=draw(st.sampled_from("T ")))
    shown = draw(st.sampled_from([text, f" {text}  "]))
    return shown, moment.astimezone(timezone.utc).replace(microsecond=0), text[:10]


TRUTHS = st.sampled_from([(True, True), (0, False), ("Y", True), ("1.0", True), ("f ", False)])
ROWS = st.lists(st.tuples(numbers(), instants(), st.times(), TRUTHS), min_size=25, max_size=25)


@settings(
    max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(ROWS)
def test_what_the_encoders_accept_is_stored_as_the_value_it_is(org: Org, rows: list[Any]) -> None:
    org.sandbox.control.reset()
    account = org.create("Account", Ext_Id__c="A-1", Name="Acme")
    names = ("Amount__c", "Due_At__c", "Issued_On__c", "Cut_Off__c", "Is_Disputed__c")
    lines = [
        record(
            "Invoice__c",
            Ext_Id__c=f"I-{at:03}",
            Account__c=account,
            **dict(
                zip(names, (amount[0], moment[0], moment[0], f"{of_day}", truth[0]), strict=True)
            ),
        )
        for at, (amount, moment, of_day, truth) in enumerate(rows)
    ]
    run = org.load(
        schema("Invoice__c", "Ext_Id__c", "Account__c", *names),
        *map(json_line, lines),
        external_id="Ext_Id__c",
    )
    assert run.code == 0, run.log
    found = org.query(f"SELECT {', '.join(names)} FROM Invoice__c ORDER BY Ext_Id__c")  # noqa: S608 - our own names
    assert [tuple(row[name] for name in names) for row in found] == [
        (
            rounded(amount[1], 2),
            f"{moment[1]:%Y-%m-%dT%H:%M:%S}.000+0000",
            moment[2],
            f"{of_day:%H:%M:%S}.{of_day.microsecond // 1000:03}Z",
            truth[1],
        )
        for amount, moment, of_day, truth in rows
    ]
