"""Python clients we did not write, against the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients.conftest import HERE, ROWS, held, ready
from tests.clients.installed import python_client, run

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox


@pytest.mark.parametrize("part", ["rest", "bulk2", "bulk"])
def test_simple_salesforce_makes_a_round_trip(
    https_org: Sandbox, certificate: tuple[Path, Path], part: str
) -> None:
    python = python_client("simple-salesforce", "simple-salesforce==1.12.10")
    driver, rows = HERE / "simple_salesforce_client.py", HERE / "rows.json"
    # It speaks https only, whatever scheme it is told.
    run(python, driver, ready(https_org), rows, part, REQUESTS_CA_BUNDLE=str(certificate[0]))
    assert held(https_org) == ROWS


def test_simple_salesforce_signs_in_by_soap(
    https_org: Sandbox, certificate: tuple[Path, Path]
) -> None:
    python = python_client("simple-salesforce", "simple-salesforce==1.12.10")
    driver, rows = HERE / "simple_salesforce_client.py", HERE / "rows.json"
    run(python, driver, ready(https_org), rows, "soap", REQUESTS_CA_BUNDLE=str(certificate[0]))


def test_salesforce_bulk_makes_a_round_trip(org: Sandbox) -> None:
    python = python_client("salesforce-bulk", "salesforce-bulk==2.2.0")
    run(python, HERE / "salesforce_bulk_client.py", ready(org))
    assert org.org.counts()["Account"] == 0
