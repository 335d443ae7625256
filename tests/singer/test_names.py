"""Names and globs fit in any case, and a name that does not exist is answered with a close one."""

from __future__ import annotations

import pytest

from sfbulk_singer.names import did_you_mean, is_glob, matches, unknown_object


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("Account", "account"),
        ("account", "ACC*"),
        ("Broker__c", "*__C"),
        ("Case1", "case[0-9]"),
        ("Straße", "STRASSE"),
    ],
)
def test_a_name_fits_names_and_globs_in_any_case(name: str, pattern: str) -> None:
    assert matches(name, pattern)


def test_a_name_fits_nothing_longer_or_shorter() -> None:
    assert not matches("Account", "Accoun")
    assert not matches("Account", "Accounts")
    assert not matches("Account", "ccount*")


def test_globs_are_told_from_names_by_their_wildcards() -> None:
    assert [n for n in ("Account", "a*", "a?", "[ab]", "a.b-c__c") if is_glob(n)] == [
        "a*",
        "a?",
        "[ab]",
    ]


def test_the_closest_name_is_the_hint_in_any_case_as_it_is_spelled() -> None:
    known = ["AccountHistory", "Account", "Contact"]
    assert did_you_mean("ACOUNT", known) == " (did you mean `Account`?)"
    assert unknown_object("Contct", known) == (
        "the org shows this user no object `Contct` (did you mean `Contact`?)"
    )


def test_nothing_is_suggested_when_nothing_is_close() -> None:
    assert did_you_mean("Xyzzy", ["Account"]) == ""
