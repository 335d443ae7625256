"""Recorded REST exchanges, sent again: queries, records, collections, composites."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.recordings.support import (
    Replay,
    assert_alike,
    assert_answer,
    document,
    needs_recordings,
    org_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests

    from tests.sandbox_http.front_door import Org

pytestmark = needs_recordings

DEVELOPER_ORG = [
    f"describe/grouparoo_{name}_v42.json" for name in ("Account", "Contact", "Lead", "Campaign")
]
SCRATCH_ORG = [
    f"describe/cumulusci_{name}.json"
    for name in ("Account", "Contact", "Opportunity", "Lead", "Event")
]


@pytest.fixture(scope="module")
def developer_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    with org_of(tmp_path_factory.mktemp("describes"), *DEVELOPER_ORG) as org:
        yield org


@pytest.fixture(scope="module")
def scratch_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    with org_of(tmp_path_factory.mktemp("describes"), *SCRATCH_ORG) as org:
        yield org


@pytest.fixture
def grouparoo(developer_org: Org) -> Iterator[Replay]:
    yield Replay(developer_org, "42.0")
    developer_org.sandbox.control.reset()


@pytest.fixture
def cumulusci(scratch_org: Org) -> Iterator[Replay]:
    yield Replay(scratch_org, "62.0")
    scratch_org.sandbox.control.reset()


def exchanges(name: str) -> list[dict[str, Any]]:
    found = [one for one in document(name)["exchanges"] if one.get("request")]
    assert found, name
    return found


GROUPAROO = "rest/grouparoo_exchanges_v42.json"


def recorded(place: int) -> dict[str, Any]:
    exchange: dict[str, Any] = exchanges(GROUPAROO)[place]
    return exchange


def stand_in(sobject: str, record_id: str, **values: Any) -> dict[str, Any]:
    """Return a record such as the recorded org must have had."""
    url = f"/services/data/v42.0/sobjects/{sobject}/{record_id}"
    return {"attributes": {"type": sobject, "url": url}, **values}


SMITH = stand_in(
    "Account", "0014S000007NxmlQAC", Name="Smith", AccountNumber="additivebrian@demo.com"
)
OTHER = stand_in("Account", "0014S000007Nx5BQAS", Name="Jih")
THIRD = stand_in("Account", "0014S000007NxlpQAC", Name="x")
FOURTH = stand_in("Account", "0014S000007Ny26QAC", Name="x")
PARENT = stand_in("Account", "0014S000007NeM3QAK", Name="x")
PERSON = stand_in("Contact", "0034S000005YJVlQAO", LastName="x")
SECOND = stand_in("Contact", "0034S000005YJX5QAO", LastName="x")


SAME_HEADERS = (
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "X-Robots-Tag",
    "Cache-Control",
)


def assert_headers(answer: requests.Response, exchange: dict[str, Any]) -> None:
    theirs = dict(exchange["response"]["headers"])
    assert {name: answer.headers[name] for name in SAME_HEADERS} == {
        name: theirs[name] for name in SAME_HEADERS
    }
    assert re.fullmatch(r"api-usage=\d+/\d+", answer.headers["Sforce-Limit-Info"])
    for name in ("Location", "ETag", "Last-Modified"):
        assert (name in answer.headers) == (name in theirs), name


@pytest.mark.parametrize(
    ("place", "records"),
    [
        (0, []),
        (1, [SMITH]),
        (7, []),
        (8, []),
        (9, []),
        (10, []),
        (11, [SMITH]),
        (12, [SMITH]),
        (13, [SMITH, OTHER, THIRD]),
        (14, [FOURTH]),
    ],
)
def test_what_went_well_for_grouparoo(
    grouparoo: Replay, place: int, records: list[dict[str, Any]]
) -> None:
    for record in records:
        grouparoo.create(record)
    exchange = recorded(place)
    assert_headers(grouparoo.step(exchange), exchange)


@pytest.mark.parametrize(
    ("place", "records"),
    [(5, []), (6, []), (15, [SMITH, OTHER]), (16, [PARENT, PERSON, SECOND]), (17, [])],
)
def test_what_was_refused_to_grouparoo_word_for_word(
    grouparoo: Replay, place: int, records: list[dict[str, Any]]
) -> None:
    for record in records:
        grouparoo.create(record)
    exchange = recorded(place)
    answer = grouparoo.step(exchange)
    assert_headers(answer, exchange)
    assert answer.json()[-1] == exchange["response"]["body"][-1]


def test_a_converted_lead_is_refused_word_for_word(grouparoo: Replay, tmp_path: Path) -> None:
    exchange = recorded(18)
    (tmp_path / "Lead.csv").write_text(
        "Id,LastName,Company,IsConverted\n00Q4S000002sSacUAE,Smith,SmithCorp,true\n"
    )
    grouparoo.org.sandbox.org.load(tmp_path)
    answer = grouparoo.step(exchange)
    assert answer.json() == exchange["response"]["body"]


@pytest.mark.parametrize("place", [2, 3, 4])
def test_a_whole_record_of_grouparoo(grouparoo: Replay, place: int) -> None:
    exchange = recorded(place)
    body = exchange["response"]["body"]
    if place == 2:
        grouparoo.create(PARENT)
    grouparoo.create(body)
    answer = grouparoo.send(exchange["request"])
    assert answer.status_code == 200
    assert_headers(answer, exchange)
    # The describes were recorded a month later, when the objects had more fields of their own.
    ours = {name: value for name, value in answer.json().items() if name in body}
    assert_alike(ours, body)
    assert all(name.endswith("__c") for name in answer.json().keys() - body.keys())
    # What was not given comes back as null, what was given as it was.
    given = {"Name", "LastName", "Email", "AccountNumber", "Company", "IsDeleted"} & body.keys()
    assert {name: answer.json()[name] for name in given} == {name: body[name] for name in given}


@pytest.mark.parametrize(
    "name",
    [
        "cumulusci_composite_upsert",
        "cumulusci_composite_upsert_contact_id",
        "cumulusci_extract_standard_objects",
        "cumulusci_updates",
    ],
)
def test_the_exchanges_of_cumulusci(cumulusci: Replay, name: str) -> None:
    for exchange in exchanges(f"rest/{name}.json"):
        replay(cumulusci, exchange)


def test_the_rest_exchanges_of_cumulusci_before_its_bulk_jobs(cumulusci: Replay) -> None:
    steps = exchanges("bulk1/cumulusci_query_and_insert.json")
    over_rest = [one for one in steps if "/services/data/" in one["request"]["uri"]]
    assert len(over_rest) == 10
    for exchange in over_rest:
        if "TYPEOF" in exchange["request"]["uri"]:
            # What was made just before is not among the recorded rows.
            made = cumulusci.ids["00U9H000000S01tUAC"]
            cumulusci.org.call("DELETE", f"/sobjects/Event/{made}")
        replay(cumulusci, exchange)


def replay(org: Replay, exchange: dict[str, Any]) -> None:
    """Send a request again and compare its answer."""
    uri = exchange["request"]["uri"]
    if "/limits/recordCount" in uri:
        # Salesforce's counts are approximate and lag behind.
        answer = org.send(exchange["request"])
        assert (answer.status_code, list(answer.json())) == (200, ["sObjects"])
        return
    if "/query" in uri:
        fill(org, json.loads(exchange["response"]["body"]))
    org.step(exchange)


@pytest.mark.parametrize("name", ["invalid_type", "not_found", "query"])
def test_the_composites_of_cumulusci_value_for_value(cumulusci: Replay, name: str) -> None:
    for exchange in exchanges(f"rest/cumulusci_composite_{name}.json"):
        ours = cumulusci.send(exchange["request"])
        theirs = json.loads(exchange["response"]["body"])
        assert_answer(ours, exchange["response"])
        found = ours.json()
        if name == "invalid_type":
            found["compositeResponse"][0]["body"]["totalSize"] = 17
        assert found == theirs


@pytest.mark.parametrize("name", ["not_found", "query"])
def test_the_composites_of_cumulusci_byte_for_byte(cumulusci: Replay, name: str) -> None:
    # Its client asks for indented answers.
    cumulusci.org.session.headers["X-PrettyPrint"] = "1"
    try:
        for exchange in exchanges(f"rest/cumulusci_composite_{name}.json"):
            assert cumulusci.send(exchange["request"]).text == exchange["response"]["body"]
    finally:
        del cumulusci.org.session.headers["X-PrettyPrint"]


def fill(replay: Replay, theirs: dict[str, Any]) -> None:
    """Make the records of a recorded result that the org does not have yet."""
    for record in theirs["records"]:
        if record["attributes"]["url"].rpartition("/")[2] not in replay.ids:
            replay.create(record)
