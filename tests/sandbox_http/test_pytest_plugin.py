"""The fixture `salesforce_sandbox` as other projects use it: installed, without an import."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("starlette", "uvicorn", "lark", "sqlite3", "requests", "polars", "singer_sdk")


def test_a_test_gets_an_org_without_an_import(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import json, urllib.request

        seen = []

        def test_the_sample_answers(salesforce_sandbox):
            call = urllib.request.Request(
                salesforce_sandbox.url + "/services/data/v68.0/query?q=SELECT+COUNT()+FROM+Account",
                headers={"Authorization": "Bearer " + salesforce_sandbox.access_token},
            )
            total = json.load(urllib.request.urlopen(call))["totalSize"]
            assert total == salesforce_sandbox.org.counts()["Account"] > 0
            salesforce_sandbox.org.save_record("insert", "Account", {"Name": "Mine"})
            seen.append((salesforce_sandbox.url, total))

        def test_the_next_one_has_its_own(salesforce_sandbox):
            url, total = seen[0]
            assert salesforce_sandbox.org.counts()["Account"] == total
        """
    )
    pytester.runpytest_subprocess("--strict-markers").assert_outcomes(passed=2)


def test_the_marker_names_rows_beside_the_test(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("rows")
    (folder / "Account.csv").write_text("Name\nAcme\nBolt\n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.salesforce_sandbox(data="rows", seed=5)
        def test_rows(salesforce_sandbox):
            assert salesforce_sandbox.org.counts()["Account"] == 2
            assert salesforce_sandbox.org.counts()["Contact"] == 0

        @pytest.mark.salesforce_sandbox(sample=False)
        def test_empty(salesforce_sandbox):
            assert salesforce_sandbox.org.counts()["Account"] == 0
        """
    )
    pytester.runpytest_subprocess("--strict-markers").assert_outcomes(passed=2)


def test_the_example_of_the_docs_works(pytester: pytest.Pytester) -> None:
    text = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
    found = re.search(r"<!-- example: fixture -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    (pytester.mkdir("rows") / "Account.csv").write_text("Name\nAcme\nBolt\n")
    pytester.makepyfile(
        found[1]
        + """

def my_load(url, token):
    import json, urllib.error, urllib.request

    for number in range(4):
        for _ in range(2):
            call = urllib.request.Request(
                url + "/services/data/v68.0/composite/sobjects",
                data=json.dumps({"records": [
                    {"attributes": {"type": "Lead"}, "LastName": str(number), "Company": "x"},
                ]}).encode(),
                headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"},
            )
            (result,) = json.load(urllib.request.urlopen(call))
            if result["success"]:
                break
"""
    )
    pytester.runpytest_subprocess("--strict-markers").assert_outcomes(passed=2)


def test_rows_that_do_not_fit_are_an_error_that_names_them(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("rows")
    (folder / "Account.csv").write_text("Name,Foo__c\nAcme,1\n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.salesforce_sandbox(data="rows")
        def test_rows(salesforce_sandbox):
            raise AssertionError("unreachable")
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*Account.csv, line 1, column Foo__c*"])


def test_a_missing_extra_is_named(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['lark'] = None")
    pytester.makepyfile("def test_org(salesforce_sandbox): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['*pip install "sfbulk?sandbox?"*'])


def test_fixture_and_marker_are_listed_with_their_help(pytester: pytest.Pytester) -> None:
    fixtures = pytester.runpytest_subprocess("--fixtures")
    fixtures.stdout.fnmatch_lines(["salesforce_sandbox*", "*A local Salesforce org*"])
    markers = pytester.runpytest_subprocess("--markers")
    markers.stdout.fnmatch_lines(["@pytest.mark.salesforce_sandbox(*"])


def test_a_run_of_pytest_that_needs_no_org_imports_none() -> None:
    code = "import sys, sfbulk_sandbox.pytest_plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & set(HEAVY)


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(ImportError, match="Sandbux"):
        exec("from sfbulk_sandbox import Sandbux")  # noqa: S102 - a wrong name, which types forbid
