"""Answers that say when they last changed, and 304 for those who know them already."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.hand_clock import HandClock
    from tests.sandbox_http.front_door import Org

DESCRIBES = ["/sobjects", "/sobjects/Account/describe"]


def since(text: str) -> dict[str, str]:
    return {"If-Modified-Since": text}


@pytest.mark.parametrize("path", DESCRIBES)
def test_describes_are_dated_and_not_sent_again_unless_they_changed(
    timed_org: Org, clock: HandClock, path: str
) -> None:
    first = timed_org.get(path)
    assert first.headers["Last-Modified"] == "Mon, 02 Nov 2026 09:30:15 GMT"
    assert re.fullmatch(r'"[0-9a-f]{8}"', first.headers["ETag"])
    clock.time += timedelta(hours=1)
    again = timed_org.get(path, headers=since(first.headers["Last-Modified"]))
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "Sforce-Limit-Info" in again.headers
    earlier = timed_org.get(path, headers=since("Mon, 02 Nov 2026 09:30:14 GMT"))
    assert (earlier.status_code, earlier.json()) == (200, first.json())


@pytest.mark.parametrize("path", DESCRIBES)
def test_an_object_that_came_later_changes_date_and_etag(
    timed_org: Org, clock: HandClock, path: str
) -> None:
    before = timed_org.get(path).headers
    clock.time += timedelta(hours=1)
    account = timed_org.json("GET", "/sobjects/Account/describe")
    timed_org.sandbox.org.schema.add_describe({**account, "label": "Customer"})
    after = timed_org.get(path, headers=since(before["Last-Modified"]))
    assert after.status_code == 200
    assert after.headers["Last-Modified"] == "Mon, 02 Nov 2026 10:30:15 GMT"
    assert after.headers["ETag"] != before["ETag"]


@pytest.mark.parametrize("text", ["yesterday", "", "2026-11-02"])
def test_a_date_that_is_none_is_passed_over(timed_org: Org, text: str) -> None:
    assert timed_org.get("/sobjects/Account/describe", headers=since(text)).status_code == 200


def test_a_part_of_a_composite_is_conditional_too(timed_org: Org) -> None:
    path = "/services/data/v68.0/sobjects/Account/describe"
    entry: dict[str, Any] = {"method": "GET", "url": path}
    known = {"httpHeaders": since("Tue, 03 Nov 2026 00:00:00 GMT")}
    body = {"compositeRequest": [{**entry, "referenceId": "a"}, {**entry, **known}]}
    body["compositeRequest"][1]["referenceId"] = "b"
    whole, nothing = timed_org.json("POST", "/composite", json=body)["compositeResponse"]
    assert whole["httpStatusCode"] == 200
    assert list(whole["httpHeaders"]) == ["ETag", "Last-Modified"]
    assert (nothing["httpStatusCode"], nothing["body"]) == (304, None)


def test_a_record_is_dated_by_its_last_change(timed_org: Org, clock: HandClock) -> None:
    record_id = timed_org.json("POST", "/sobjects/Account", json={"Name": "A"})["id"]
    path = f"/sobjects/Account/{record_id}"
    first = timed_org.get(path + "?fields=Name")
    assert first.headers["Last-Modified"] == "Mon, 02 Nov 2026 09:30:15 GMT"
    assert re.fullmatch(r'"[A-Za-z0-9+/]{43}="', first.headers["ETag"])
    known = since(first.headers["Last-Modified"])
    assert timed_org.get(path, headers=known).status_code == 304
    clock.time += timedelta(seconds=1)
    timed_org.call("PATCH", path, json={"Name": "B"})
    changed = timed_org.get(path, headers=known)
    assert changed.status_code == 200
    assert changed.headers["Last-Modified"] == "Mon, 02 Nov 2026 09:30:16 GMT"


def test_only_an_account_has_an_etag(timed_org: Org) -> None:
    record_id = timed_org.json("POST", "/sobjects/Contact", json={"LastName": "C"})["id"]
    headers = timed_org.get(f"/sobjects/Contact/{record_id}").headers
    assert "Last-Modified" in headers
    assert "ETag" not in headers
