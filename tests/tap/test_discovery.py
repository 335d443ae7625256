"""Names and globs of the settings mean objects of the org, or an error that helps."""

from __future__ import annotations

from typing import Any

import pytest

from sfbulk.describe.model import SObjectSummary
from sfbulk.errors import ConfigError
from tap_sfbulk.discovery import check_option_names, objects_to_read


def an_object(name: str, **more: Any) -> SObjectSummary:
    known: dict[str, Any] = {"name": name, "queryable": True}
    return SObjectSummary(**(known | more))


ORG = [
    an_object("Account"),
    an_object("AccountHistory"),
    an_object("Contact"),
    an_object("Broker__c"),
    an_object("AccountChangeEvent", queryable=False),
    an_object("OldThing", deprecated_and_hidden=True),
]


def test_without_a_setting_every_object_that_can_be_queried_is_read() -> None:
    assert objects_to_read(ORG, None, ()) == ["Account", "AccountHistory", "Contact", "Broker__c"]


def test_names_ignore_case_and_globs_find_many() -> None:
    assert objects_to_read(ORG, ["account", "*__C"], ()) == ["Account", "Broker__c"]
    assert objects_to_read(ORG, ["Account*"], ["*History"]) == ["Account"]


def test_all_unknown_objects_are_named_with_close_names() -> None:
    with pytest.raises(ConfigError) as refused:
        objects_to_read(ORG, ["Acount", "Kontact", "Contact", "Zzz*", "AccountChangeEvent"], ())
    unknown = "streams_to_discover: the org shows this user no object "
    assert refused.value.problems == [
        unknown + "`Acount` (did you mean `Account`?).",
        unknown + "`Kontact` (did you mean `Contact`?).",
        "streams_to_discover: no object that can be queried matches Zzz*.",
        "streams_to_discover: AccountChangeEvent cannot be queried.",
    ]


def test_options_of_a_glob_for_no_stream_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    check_option_names(["Account"], {"Zzz*": {"lookback": 1}})
    assert caplog.messages == ["stream_options, Zzz*: no such stream is read."]


def test_options_for_no_stream_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"stream_options, Acount: .*\(did you mean `Account`"):
        check_option_names(["Account"], {"Acount": {}})
