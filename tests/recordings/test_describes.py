"""Recorded describes: an org made of them answers with them, key for key."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox.schema.schema import Schema
from tests.recordings.support import (
    JSON,
    RECORDINGS,
    assert_alike,
    document,
    needs_recordings,
    org_of,
)
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

pytestmark = needs_recordings

# Each object describe with the API version it was recorded in, as its urls or its keys tell.
DESCRIBES = {
    "cumulusci_Account": "48.0",
    "cumulusci_Account_person_accounts_npsp": "59.0",
    "cumulusci_Case": "48.0",
    "cumulusci_Contact": "59.0",
    "cumulusci_Custom__c": "59.0",
    "cumulusci_Event": "59.0",
    "cumulusci_Lead": "59.0",
    "cumulusci_Opportunity": "59.0",
    "cumulusci_OpportunityContactRole": "48.0",
    "elasticio_Account_v46": "46.0",
    "elasticio_Document_v46": "46.0",
    "grouparoo_Account_v42": "42.0",
    "grouparoo_Campaign_v42": "42.0",
    "grouparoo_Contact_v42": "42.0",
    "grouparoo_Lead_v42": "42.0",
    "grouparoo_Topic_v42": "42.0",
}
# Recorded in versions that are retired today: they have fewer keys than any version that answers.
RETIRED = {"elasticio_Contact_v25": "31.0", "nettoolkit_User_v29": "31.0"}
# Releases of before 2020 did not send it in any version.
YOUNGER_THAN_ITS_VERSION = {"sobjectDescribeOption"}


def described(folder: Path, name: str, version: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return our describe and the recorded one."""
    file = f"describe/{name}.json"
    theirs = document(file)
    with org_of(folder, file) as org:
        answer = Org(org.sandbox, version).get(f"/sobjects/{theirs['name']}/describe")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)
    return answer.json(), theirs


def pathless(value: Any) -> Any:
    """Return a describe with the versions in its paths taken out."""
    if isinstance(value, dict):
        return {key: pathless(member) for key, member in value.items()}
    if isinstance(value, list):
        return [pathless(member) for member in value]
    if isinstance(value, str):
        return re.sub(r"^/services/data/v[\dx]+\.\d/", "", value)
    return value


@pytest.mark.parametrize("name", DESCRIBES)
def test_a_recorded_describe_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    ours, theirs = described(tmp_path, name, DESCRIBES[name])
    assert set(ours) - set(theirs) <= YOUNGER_THAN_ITS_VERSION
    assert [key for key in ours if key in theirs] == list(theirs)
    for our, their in zip(ours["fields"], theirs["fields"], strict=True):
        assert list(our) == list(their)
    if theirs["urls"]:
        ours = {key: ours[key] for key in theirs}
        assert pathless(ours) == pathless(theirs)


@pytest.mark.parametrize("name", RETIRED)
def test_a_describe_of_a_retired_version_comes_back_with_more_keys(
    tmp_path: Path, name: str
) -> None:
    ours, theirs = described(tmp_path, name, RETIRED[name])
    assert pathless({key: ours[key] for key in theirs if key != "fields"}) == pathless(
        {key: value for key, value in theirs.items() if key != "fields"}
    )
    for our, their in zip(ours["fields"], theirs["fields"], strict=True):
        assert {key: our[key] for key in their} == their


@pytest.mark.parametrize("name", ["Account", "Case", "Contact", "Lead", "Opportunity", "Event"])
def test_our_own_objects_have_the_shape_of_recorded_ones(sandbox: Sandbox, name: str) -> None:
    theirs = document(f"describe/cumulusci_{name}.json")
    version = DESCRIBES[f"cumulusci_{name}"]
    ours = Org(sandbox, version).json("GET", f"/sobjects/{name}/describe")
    assert [key for key in ours if key not in YOUNGER_THAN_ITS_VERSION] == [
        key for key in theirs if key not in YOUNGER_THAN_ITS_VERSION
    ]
    for part in ("fields", "childRelationships", "recordTypeInfos", "supportedScopes"):
        assert {tuple(one) for one in ours[part]} == {tuple(one) for one in theirs[part]}
    real = {field["name"]: field for field in theirs["fields"]}
    for field in ours["fields"]:
        # How many targets and values there are is the org's own affair.
        many: dict[str, Any] = {"referenceTo": [], "picklistValues": [], "filteredLookupInfo": None}
        assert_alike({**field, **many}, {**real.get(field["name"], field), **many})


@pytest.mark.parametrize("name", ["Account", "Campaign", "Contact", "Lead", "Topic"])
def test_the_headers_of_a_describe(sandbox: Sandbox, name: str) -> None:
    recorded = document(f"describe/grouparoo_{name}_v42.headers.json")
    answer = Org(sandbox, "42.0").get(f"/sobjects/{name}/describe")
    theirs = dict(recorded["headers"])
    assert answer.status_code == recorded["status"]
    same = (
        *("Content-Type", "Vary", "Strict-Transport-Security", "X-Content-Type-Options"),
        *("X-XSS-Protection", "X-Robots-Tag", "Cache-Control"),
    )
    assert {name: answer.headers[name] for name in same} == {name: theirs[name] for name in same}
    date = r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"
    forms = {"ETag": '"[0-9a-f]{8}"', "Last-Modified": date, "Date": date}
    forms["Sforce-Limit-Info"] = r"api-usage=\d+/\d+"
    for header, pattern in forms.items():
        assert re.fullmatch(pattern, theirs[header])
        assert re.fullmatch(pattern, answer.headers[header])
    # As recorded, all describes of an org have one ETag.
    other = dict(document("describe/grouparoo_Topic_v42.headers.json")["headers"])
    assert theirs["ETag"] == other["ETag"]
    assert (
        Org(sandbox, "42.0").get("/sobjects/User/describe").headers["ETag"]
        == (answer.headers["ETag"])
    )


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ("describe/cumulusci_global_describe_v52_reduced.json", "52.0"),
        ("describe/elasticio_global_describe_v46.json", "46.0"),
    ],
)
def test_a_global_describe(sandbox: Sandbox, file: str, version: str) -> None:
    theirs = document(file)
    ours = Org(sandbox, version).json("GET", "/sobjects/")
    assert list(ours) == list(theirs)
    assert (ours["encoding"], ours["maxBatchSize"]) == (theirs["encoding"], 200)
    by_name = {one["name"]: one for one in theirs["sobjects"]}
    compared = [one for one in ours["sobjects"] if one["name"] in by_name]
    assert len(compared) >= 12
    for our in compared:
        their = by_name[our["name"]]
        assert list(our) == list(their)
        # An org's edition decides on these, and what else Salesforce has that we have not.
        shared = [name for name in their["urls"] if name in our["urls"]]
        assert [name for name in our["urls"] if name in their["urls"]] == shared
        assert {"rowTemplate", "describe", "sobject"} <= set(shared)
        assert our["urls"]["describe"] == their["urls"]["describe"].replace("vxx.0", "v52.0")


# Sharing settings of an org decide who may write sharing rows.
FLAGS_OF_AN_ORG = {("ContactShare", flag) for flag in ("createable", "updateable", "deletable")}
# Its describe of 48.0 says otherwise.
FLAGS_OF_AN_ORG |= {("OpportunityContactRole", "triggerable")}


def test_the_flags_of_our_objects_are_those_of_a_developer_org() -> None:
    path = RECORDINGS / "describe/derived_object_flags_v46.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    words = {"True": "true", "False": "false", "None": ""}
    compared = 0
    for sobject in Schema.standard():
        row = rows.get(sobject.name)
        if row is None:
            continue
        summary = sobject.summary(46.0)
        shared = [
            flag for flag in row if flag in summary and (sobject.name, flag) not in FLAGS_OF_AN_ORG
        ]
        ours = {flag: words.get(str(summary[flag]), str(summary[flag])) for flag in shared}
        assert ours == {flag: row[flag] for flag in shared}, sobject.name
        compared += 1
    assert compared >= 35
