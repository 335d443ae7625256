"""Which keys of `stream_options` and `streams` apply to a stream, and what they give together."""

from __future__ import annotations

from typing import Any

from sfbulk_singer.stream_settings import keys_for, merged, unused_keys

SETTINGS: dict[str, dict[str, Any]] = {
    "ACCOUNT": {"where": "by name", "lookback": None},
    "*": {"where": "by *", "lookback": 1, "api_type": "BULK2"},
    "acc*": {"where": "by acc*", "lookback": 2, "replication_key": "CreatedDate"},
    "Acc[!o]*": {"where": "never"},
}


def test_all_globs_apply_in_their_order_and_then_the_name_in_any_case() -> None:
    assert keys_for("Account", SETTINGS) == ["*", "acc*", "ACCOUNT"]
    assert keys_for("Contact", SETTINGS) == ["*"]


def test_later_keys_win_key_by_key_also_with_null() -> None:
    assert merged("Account", SETTINGS) == {
        "where": "by name",
        "lookback": None,
        "api_type": "BULK2",
        "replication_key": "CreatedDate",
    }
    assert merged("Contact", SETTINGS) == SETTINGS["*"]


def test_mappings_are_merged_entry_by_entry() -> None:
    streams: dict[str, dict[str, Any]] = {
        "*": {"fields": {"note": None, "key": "Ext_Id__c"}, "lookups": {"a": "A.B"}},
        "people": {"fields": {"key": "Key__c"}, "lookups": None},
    }
    assert merged("people", streams) == {
        "fields": {"note": None, "key": "Key__c"},
        "lookups": None,
    }
    assert streams["*"]["fields"] == {"note": None, "key": "Ext_Id__c"}


def test_a_key_spelled_like_the_stream_stands_instead_of_other_spellings() -> None:
    both: dict[str, Any] = {"contact": {}, "Contact": {}, "CONTACT": {}}
    assert keys_for("Contact", both) == ["Contact"]
    assert keys_for("conTact", both) == ["contact", "Contact", "CONTACT"]
    assert unused_keys(both, ["Contact"]) == ["contact", "CONTACT"]


def test_a_stream_whose_name_has_wildcards_is_named_by_its_own_spelling() -> None:
    assert keys_for("a[1]", ["a[1]", "a1", "A*"]) == ["A*", "a[1]"]


def test_keys_that_apply_to_no_stream_are_unused() -> None:
    assert unused_keys(SETTINGS, ["Account", "Contact"]) == ["Acc[!o]*"]
    assert unused_keys(SETTINGS, []) == list(SETTINGS)
