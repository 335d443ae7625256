"""The results of an ingest job, row by row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.bulk2.results import failed_rows, successful_rows
from sfbulk.errors import CsvError
from sfbulk.jobs.row_error import RowError, parse_row_error


@pytest.mark.parametrize(
    ("text", "code", "message", "fields"),
    [
        # Texts of real orgs, as the protocol reference quotes them.
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --",
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [Name]",
            ("Name",),
        ),
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [P__c, B__c]:P__c,B__c --",
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [P__c, B__c]",
            ("P__c", "B__c"),
        ),
        ("ENTITY_IS_DELETED:entity is deleted:--", "ENTITY_IS_DELETED", "entity is deleted", ()),
        (
            "INVALID_FIELD:Foreign key external ID: 0116 not found for field Ext__c in entity I:--",
            "INVALID_FIELD",
            "Foreign key external ID: 0116 not found for field Ext__c in entity I",
            (),
        ),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:T: execution of BeforeUpdate\n\ncaused by: X:--",
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "T: execution of BeforeUpdate\n\ncaused by: X",
            (),
        ),
        ("CODE:text without the end", "CODE", "text without the end", ()),
        ("CODE:only --", "CODE", "only", ()),
        ("something else", "", "something else", ()),
        ("", "", "", ()),
    ],
)
def test_a_row_error_has_its_parts(
    text: str, code: str, message: str, fields: tuple[str, ...]
) -> None:
    assert parse_row_error(text) == RowError(code, message, fields)


NAMES = st.from_regex(r"[A-Z][A-Za-z0-9_]{0,10}", fullmatch=True)


@given(NAMES, st.text(), st.lists(NAMES))
def test_a_message_may_have_any_number_of_colons(
    code: str, message: str, fields: list[str]
) -> None:
    text = f"{code}:{message}:{','.join(fields)}{' ' if fields else ''}--"
    assert parse_row_error(text) == RowError(code, message, tuple(fields))


def test_rows_do_not_have_salesforces_own_columns() -> None:
    good = {"sf__Id": "001A", "sf__Created": "true", "Name": "x"}
    bad = {"sf__Id": "", "sf__Error": "E:m:--", "Name": "y"}
    (success,) = successful_rows([good])
    (failure,) = failed_rows([bad])
    assert (success.id, success.created, success.row) == ("001A", True, {"Name": "x"})
    assert (failure.id, failure.error.code, failure.row) == (None, "E", {"Name": "y"})


def test_results_without_salesforces_columns_are_an_error() -> None:
    with pytest.raises(CsvError, match="sf__Id"):
        list(failed_rows([{"Name": "x"}]))


def test_a_row_is_not_shown_by_repr() -> None:
    (failure,) = failed_rows([{"sf__Id": "", "sf__Error": "E:Jane is bad:--", "Name": "Jane"}])
    assert "Jane" not in repr(failure)
