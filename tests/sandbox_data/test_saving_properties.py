"""A chunk of rows that have nothing to do with each other is saved as each of them by itself."""

# ruff: noqa: S608 - the statements are SOQL

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sfbulk_sandbox.org.org import Org
from tests.hand_clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Sequence

_PARENTS = ["P-1", "P-2"]
# Cells that are right, wrong, empty or null; a key stands once only, so that no row meets another.
_CELLS = {
    "LastName": st.sampled_from(["", "#N/A", "Okafor", "ß", "x" * 80, "x" * 81]),
    "Email": st.sampled_from(["", "#N/A", "a@example.com", "no mail"]),
    "Birthdate": st.sampled_from(["", "1999-12-31", "1999-13-01", "31.12.1999"]),
    "Account.Ext_Id__c": st.sampled_from(["", "p-1", "P-2", "P-9"]),
    "ReportsToId": st.sampled_from(["", "0013z00002QeTIWAA3", "nonsense"]),
    "CreatedDate": st.sampled_from(["", "", "", "2026-01-01T00:00:00Z"]),
}
_ROWS = st.lists(st.tuples(*_CELLS.values()), min_size=1, max_size=8)


def _org() -> Org:
    org = Org(seed=7, clock=HandClock())
    for key in _PARENTS:
        assert org.save_record("insert", "Account", {"Name": key, "Ext_Id__c": key}).success
    return org


def _outcome(org: Org, chunks: Sequence[Sequence[Sequence[str]]]) -> Any:
    header = ["Ext_Id__c", *_CELLS]
    loader = org.loader("upsert", "Contact", header, "Ext_Id__c")
    results = [result for chunk in chunks for result in loader.save(chunk)]
    seen = [
        (
            result.success,
            result.created,
            [(error.code, error.message, error.fields) for error in result.errors],
        )
        for result in results
    ]
    fields = "Ext_Id__c, LastName, Name, Email, Birthdate, Account.Ext_Id__c, SystemModstamp"
    soql = f"SELECT {fields} FROM Contact ORDER BY Ext_Id__c"
    return seen, list(org.query(soql).rows())


@settings(max_examples=25)
@given(first=_ROWS, second=_ROWS)
def test_a_chunk_is_saved_as_its_rows_one_by_one(
    first: list[tuple[str, ...]], second: list[tuple[str, ...]]
) -> None:
    """Inserts by an upsert, then updates of some of them with new ones among them."""
    with closing(_org()) as together, closing(_org()) as apart:
        for rows in (first, second):
            keyed = [[f"C-{number}", *row] for number, row in enumerate(rows)]
            outcome = _outcome(together, [keyed])
            assert outcome == _outcome(apart, [[row] for row in keyed])
            assert len(outcome[0]) == len(rows)
