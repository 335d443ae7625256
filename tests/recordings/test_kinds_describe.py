"""Every kind of recorded describe, in any clone: which keys each version has, headers, flags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox.schema.schema import Schema
from tests.recordings.kinds import answer
from tests.recordings.test_describes import YOUNGER_THAN_ITS_VERSION
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox


def kept(keys: list[str]) -> list[str]:
    return [key for key in keys if key not in YOUNGER_THAN_ITS_VERSION]


@pytest.mark.parametrize("name", ["Account", "Contact", "Opportunity", "Invoice__c"])
@pytest.mark.parametrize("version", ["42.0", "46.0", "59.0"])
def test_the_keys_of_a_describe(sandbox: Sandbox, name: str, version: str) -> None:
    ours = Org(sandbox, version).json("GET", f"/sobjects/{name}/describe")
    assert kept(list(ours)) == kept(answer(f"describe/keys of an object in {version}"))
    if version != "46.0":
        fields = {tuple(field) for field in ours["fields"]}
        assert fields == {tuple(answer(f"describe/keys of a field in {version}"))}


def test_the_keys_of_a_child_relationship(sandbox: Sandbox) -> None:
    ours = Org(sandbox, "42.0").json("GET", "/sobjects/Account/describe")
    children = {tuple(child) for child in ours["childRelationships"]}
    assert children == {tuple(answer("describe/keys of a child in 42.0"))}


def test_a_describe_of_an_old_version_has_the_keys_of_retired_ones(sandbox: Sandbox) -> None:
    ours = Org(sandbox, "31.0").json("GET", "/sobjects/Contact/describe")
    assert set(answer("describe/keys of an object in retired versions")) <= ours.keys()
    of_a_field = set(answer("describe/keys of a field in retired versions"))
    assert [field["name"] for field in ours["fields"] if not of_a_field <= field.keys()] == []


@pytest.mark.parametrize("version", ["46.0", "52.0"])
def test_an_entry_of_the_global_describe(sandbox: Sandbox, version: str) -> None:
    ours = Org(sandbox, version).json("GET", "/sobjects/")
    assert list(ours) == ["encoding", "maxBatchSize", "sobjects"]
    keys = {tuple(entry) for entry in ours["sobjects"]}
    assert keys == {tuple(answer(f"describe/list entry in {version}"))}


def test_the_headers_of_a_describe(sandbox: Sandbox) -> None:
    ours = Org(sandbox, "42.0").get("/sobjects/Topic/describe").headers
    theirs = answer("describe/headers")
    assert {name: ours[name] for name in theirs} == theirs
    assert re.fullmatch('"[0-9a-f]{8}"', ours["ETag"])
    assert re.fullmatch(r"api-usage=\d+/\d+", ours["Sforce-Limit-Info"])
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", ours["Last-Modified"])


def test_the_flags_of_objects() -> None:
    words = {"True": "true", "False": "false", "None": ""}
    theirs = answer("describe/flags of objects")
    summaries = {one.name: one.summary(46.0) for one in Schema.standard() if one.name in theirs}
    assert summaries.keys() == theirs.keys()
    assert {
        name: {flag: words.get(str(said[flag]), str(said[flag])) for flag in theirs[name]}
        for name, said in summaries.items()
    } == theirs
