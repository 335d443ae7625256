"""File names of streams can be created, differ where the streams do, and stay readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sfbulk_singer.file_names import file_name

if TYPE_CHECKING:
    from pathlib import Path

LONG = "a" * 300


@pytest.mark.parametrize(
    "stream",
    [
        "Account",
        "a/b",
        "..",
        "\N{EURO SIGN}" * 250,
        LONG,
        "a\0b",
        "x\ud800y",
        'a"<>|?*:\\',
        "../../x",
        "/x",
    ],
)
def test_a_file_can_have_the_name(stream: str, tmp_path: Path) -> None:
    path = tmp_path / f"{file_name(stream)}.rejects.jsonl"
    path.touch()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("stream", ["CON", "nul", "Aux.x", "com1", "LPT9 .a"])
def test_a_name_is_never_that_of_a_device_of_windows(stream: str) -> None:
    name = file_name(stream)
    assert name == f"%{ord(stream[0]):02X}{stream[1:]}"
    assert file_name(name) != name


def test_an_ordinary_name_stays_as_it_is() -> None:
    assert file_name("crm contacts_2-a.b~c") == "crm contacts_2-a.b~c"


def test_long_names_that_begin_alike_differ() -> None:
    assert file_name(LONG + "1") != file_name(LONG + "2")
