"""Reads the sandbox's page as a reader sees it."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk_sandbox import Sandbox


def page(
    sandbox: Sandbox, path: str = "/", *, query: Mapping[str, str] | None = None, status: int = 200
) -> str:
    """Return the HTML at a path of the page."""
    answer = requests.get(sandbox.url + path, params=query, timeout=30)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


def table(html: str, name: str) -> list[list[str]]:
    """Return the cells of a table as text; none if there is no such table."""
    found = re.search(rf'<table id="{name}".*?<tbody>(.*?)</tbody>', html, re.DOTALL)
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found[1], re.DOTALL) if found else []
    return [
        [text(cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL)] for row in rows
    ]


def heads(html: str, name: str) -> list[str]:
    """Return the column names of a table."""
    found = re.search(rf'<table id="{name}".*?<thead>(.*?)</thead>', html, re.DOTALL)
    assert found, html
    return [text(cell) for cell in re.findall(r"<th.*?>(.*?)</th>", found[1])]


def facts(html: str, name: str) -> dict[str, str]:
    """Return a list of names and values."""
    found = re.search(rf'<dl id="{name}">(.*?)</dl>', html, re.DOTALL)
    assert found, html
    pairs = re.findall(r"<dt>(.*?)</dt><dd.*?>(.*?)</dd>", found[1], re.DOTALL)
    return {text(key): text(value) for key, value in pairs}


def block(html: str, name: str) -> str:
    """Return the text of a block that is shown as it is."""
    found = re.search(rf'<(\w+) id="{name}"[^>]*>(.*?)</\1>', html, re.DOTALL)
    assert found, html
    return unescape(found[2])


def text(cell: str) -> str:
    return unescape(re.sub("<.*?>", "", cell)).strip()
