"""What the SCHEMA promises of a key holds for the rows: it is there, and no two rows share it."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from sfbulk.errors import DataError
from sfbulk_sandbox import Sandbox
from tap_sfbulk.emit import key_store
from tap_sfbulk.emit.keys import KeyCheck
from tests.tap.conftest import TapCommand
from tests.tap.test_left_out import list_objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NO_ID = "000000000000000AAA"
FIRST, SECOND, THIRD = (f"00100000000000{number}AAA" for number in (1, 2, 3))


def answer_page(sandbox: Sandbox, path: str, *ids: str) -> None:
    """The page of three rows has these Ids instead of its own."""
    body = "".join(f'"{each}","2026-01-01T00:00:00.000Z"\n' for each in ids)
    sandbox.control.add_fault(
        kind="answer",
        path=f"*/{path}/*/results",
        status=200,
        headers={
            "Content-Type": "text/csv",
            "Sforce-NumberOfRecords": str(len(ids)),
            "Sforce-Locator": "null",
        },
        body='"Id","SystemModstamp"\n' + body,
    )


def ids_only(tap: TapCommand, name: str, **more: Any) -> dict[str, Any]:
    """A catalog that selects the Id and the replication key."""
    entry = tap.discover(**more)[name]
    for each in entry["metadata"]:
        each["metadata"]["selected"] = each["breadcrumb"][-1:] in ([], ["Id"], ["SystemModstamp"])
    return {"streams": [entry]}


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ((FIRST, SECOND, FIRST), f"several rows, such as {FIRST}, have the same Id"),
        ((FIRST, SECOND, SECOND), f"several rows, such as {SECOND}, have the same Id"),
        ((NO_ID, NO_ID, NO_ID), f"several rows, such as {NO_ID}, have the same Id"),
        (("", "", ""), "3 rows have no Id"),
        ((FIRST, "", THIRD), "1 row has no Id"),
    ],
)
def test_rows_that_their_key_does_not_identify_fail_the_stream_before_its_state_is_written(
    sandbox: Sandbox, tap: TapCommand, ids: tuple[str, ...], said: str
) -> None:
    catalog = ids_only(tap, "Account")
    answer_page(sandbox, "query", *ids)
    run = tap(catalog=catalog)
    assert run.code == 1
    assert f"Account: {said}, so the key does not identify rows" in run.reason
    assert "key_properties" in run.reason
    assert "window_end" not in json.dumps(run.state)
    assert "Traceback" not in run.log
    # The same rows are no error of a stream that has no key.
    entry = catalog["streams"][0]
    entry["key_properties"] = []
    root = next(each["metadata"] for each in entry["metadata"] if each["breadcrumb"] == [])
    root["table-key-properties"] = []
    answer_page(sandbox, "query", *ids)
    run = tap(catalog=catalog)
    assert run.code == 0, run.log
    assert [each["Id"] for each in run.records("Account")] == [each or None for each in ids]


@pytest.fixture(scope="module")
def odd_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """An org with a big object and a virtual one, whose describes are Topic's under their names."""
    folder = tmp_path_factory.mktemp("odd")
    with Sandbox() as known:
        headers = {"Authorization": f"Bearer {known.access_token}"}
        url = f"{known.url}/services/data/v68.0/sobjects/Topic/describe"
        describe = requests.get(url, headers=headers, timeout=30).json()
    odd = {
        "Archive__b": {"keyPrefix": "g00"},
        "Virtual": {"keyPrefix": None, "retrieveable": False},
    }
    for name, flags in odd.items():
        (folder / f"{name}.json").write_text(json.dumps(describe | flags | {"name": name}))
        (folder / f"{name}.csv").write_text(
            "Name,SystemModstamp\n" + "x,2026-01-01T00:00:00Z\n" * 3
        )
    with Sandbox(describe=folder, data=folder) as sandbox:
        yield sandbox


@pytest.mark.parametrize(("name", "no_id"), [("Archive__b", NO_ID), ("Virtual", "")])
def test_an_object_without_ids_of_its_own_has_no_key(
    odd_org: Sandbox, tmp_path: Path, name: str, no_id: str
) -> None:
    tap = TapCommand(odd_org, tmp_path)
    odd_org.control.reset()
    list_objects(odd_org, name)
    entry = tap.discover(streams_to_discover=[name])[name]
    assert not entry.get("key_properties")
    assert f"{name} has no key" in tap("--discover", streams_to_discover=[name]).log
    catalog = ids_only(tap, name, streams_to_discover=[name])
    answer_page(odd_org, "query", no_id, no_id, no_id)
    run = tap(streams_to_discover=[name], catalog=catalog)
    assert run.code == 0, run.log
    schema = next(each for each in run.messages if each["type"] == "SCHEMA")
    assert schema["key_properties"] == []
    assert "null" in schema["schema"]["properties"]["Id"]["type"]
    assert len(run.records(name)) == 3


def rows(*keys: str | None) -> pl.DataFrame:
    return pl.DataFrame({"Id": keys}, schema={"Id": pl.String})


@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([f"{n:03d}" for n in range(40)]), max_size=8), max_size=8),
    st.booleans(),
)
def test_a_repeated_key_is_found_wherever_it_stands_and_nothing_else(
    pages: list[list[str]], ordered: bool
) -> None:
    """The oracle is a set."""
    if ordered:
        flat = iter(sorted(key for page in pages for key in page))
        pages = [list(islice(flat, len(page))) for page in pages]
    seen: list[str] = [key for page in pages for key in page]
    with KeyCheck("Account", ["Id"]) as check:
        found = None
        try:
            for page in pages:
                for key in page:
                    check.track(rows(key))
                check.end_page()
        except DataError as error:
            found = error
    assert (found is not None) == (len(set(seen)) < len(seen))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("ab1")), max_size=5))
def test_a_key_of_several_columns_is_compared_as_a_whole(keys: list[tuple[str, str]]) -> None:
    frame = pl.DataFrame(keys, schema={"A": pl.String, "B": pl.String}, orient="row")
    with KeyCheck("Mine", ["A", "B"]) as check:
        check.track(frame)
        if len(set(keys)) == len(keys):
            check.end_page()
        else:
            with pytest.raises(DataError, match="have the same A and B"):
                check.end_page()


def test_keys_beyond_the_memory_go_to_files_that_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_store, "IN_MEMORY_ROWS", 10)
    monkeypatch.setattr(key_store, "_LARGEST_RUN_ROWS", 20)
    monkeypatch.setattr(key_store, "_HASHES_IN_MEMORY", 40)
    keys = [f"{number * 7919 % 1009:06d}" for number in range(1009)]
    with KeyCheck("Account", ["Id"], tmp_path) as check:
        for at in range(0, len(keys), 5):
            check.track(rows(*keys[at : at + 5]))
            check.end_page()
        assert list(tmp_path.rglob("*.arrow"))
        check.track(rows("999999", keys[3]))
        with pytest.raises(DataError, match=f"such as {keys[3]},"):
            check.end_page()
    assert list(tmp_path.iterdir()) == []


def test_keys_with_the_same_hash_are_not_taken_for_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        pl.DataFrame, "hash_rows", lambda self, _: pl.repeat(1, self.height, eager=True)
    )
    with KeyCheck("Account", ["Id"]) as check:
        check.track(rows("b", "a"))
        check.end_page()
        check.track(rows("c"))
        check.end_page()
        check.track(rows("a"))
        with pytest.raises(DataError):
            check.end_page()
