"""Tests that other clients' packages bring along, run as they are with the sandbox as their org.

What is left out is named here with its reason, and listed in docs/sandbox-clients.md.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.clients.conftest import HERE, Salesforce
from tests.clients.installed import python_client, run, without_python_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

_NOT_SERVED = "the sandbox does not serve the object or resource"
_DJANGO_FAILS = {
    "test_datetime_miliseconds": _NOT_SERVED,  # CronTrigger
    "test_one_to_one_field": _NOT_SERVED,  # ApexEmailNotification
    "test_time_field": _NOT_SERVED,  # BusinessHours
    "test_select_explan": _NOT_SERVED,  # query?explain=
}

_BULK = "tasks/bulkdata/tests"
_NO_DATA_SET = "its data sets lie in the repository, not in the package"
_SCRATCH = "it makes a scratch org of its own"
_REAL_ORG = "it wants the hundreds of objects of a real org"
_CUMULUSCI_LEFT_OUT = {
    "core/tests/test_datasets_e2e.py": _NO_DATA_SET,
    f"{_BULK}/test_load.py::TestLoadDataIntegrationTests::"
    "test_error_result_counting__multi_batches": _NO_DATA_SET,
    f"{_BULK}/test_load.py::TestLoadDataIntegrationTests::test_bulk_batch_size": _NO_DATA_SET,
    f"{_BULK}/test_load.py::TestLoadDataIntegrationTests::test_recreate_set_recent_bug": (
        _NO_DATA_SET
    ),
    f"{_BULK}/test_select.py": _NO_DATA_SET,
    f"{_BULK}/test_updates.py": _NO_DATA_SET,
    f"{_BULK}/test_upsert.py": _NO_DATA_SET,
    "tasks/bulkdata/extract_dataset_utils/tests/test_synthesize_extract_declarations.py": _REAL_ORG,
    "utils/tests/test_org_schema.py::TestOrgSchemaIntegration::test_cache_schema": _REAL_ORG,
    "tests/test_integration_infrastructure.py::TestIntegrationInfrastructure::"
    "test_integration_tests": _NOT_SERVED,  # communities
    "tests/test_integration_infrastructure.py::TestIntegrationInfrastructure::test_org_shape": (
        _SCRATCH
    ),
    "utils/yaml/tests/test_cumulusci_yml.py": "it reads a file from GitHub",
}
_PLUGINS = ("pytest_typeguard", "pytest_sf_vcr", "pytest_sf_orgconnect")
# Not every org has it, but CumulusCI empties it before its tests.
_ENTITLEMENT = {
    "name": "Entitlement",
    "keyPrefix": "550",
    "label": "Entitlement",
    "labelPlural": "Entitlements",
    "fields": [
        {"name": "Id", "type": "id", "label": "Entitlement ID", "nillable": False},
        {"name": "Name", "type": "string", "length": 255, "label": "Name", "nameField": True},
    ],
}


def add_second_user(sandbox: Sandbox) -> None:
    (profile,) = next(sandbox.org.query("SELECT Id FROM Profile").rows())
    address = "other@example.com"
    user = {
        "LastName": "Other",
        "Alias": "other",
        "Username": address,
        "Email": address,
        "ProfileId": profile,
        "TimeZoneSidKey": "GMT",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
        "IsActive": True,
    }
    saved = sandbox.org.save_record("insert", "User", user)
    assert saved.success, saved.errors


def test_django_salesforce_passes_its_own_tests(
    https_org: Sandbox, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    add_second_user(https_org)
    environment = {
        "DJANGO_SETTINGS_MODULE": "salesforce.testrunner.settings",
        "REQUESTS_CA_BUNDLE": str(certificate[0]),
        "SF_HOST": https_org.url,
        "SF_CONSUMER_KEY": https_org.client_id,
        "SF_CONSUMER_SECRET": https_org.client_secret,
        "SF_USER": https_org.username,
        "SF_PASSWORD": https_org.password + https_org.security_token,
    }
    python = python_client("django-salesforce") / "python"
    suite = HERE / "django_salesforce_suite.py"
    printed = run(python, suite, cwd=tmp_path, environment=environment)
    outcome = json.loads(printed.splitlines()[-1])
    assert outcome["failed"].keys() == _DJANGO_FAILS.keys(), outcome["failed"]
    # Skipped are those that want custom fields, a second org or thousands of leads.
    good = outcome["run"] - len(_DJANGO_FAILS) - outcome["skipped"] - outcome["expected failures"]
    assert good >= 105, outcome


def cumulusci_project(folder: Path) -> Path:
    """Return a project that holds the package: the tests take its root for their repository."""
    repository = folder / "repository"
    (package,) = (python_client("cumulusci").parent / "lib").glob("python*/site-packages/cumulusci")
    shutil.copytree(package, repository / "cumulusci")
    (repository / "cumulusci.yml").write_text(
        'project: {name: CumulusCI, package: {name: CumulusCI, api_version: "62.0"}}\n'
    )
    shutil.copy(HERE / "cumulusci_org.py", repository)
    run("git", "init", "--quiet", repository)
    author = {"GIT_AUTHOR_NAME": "a", "GIT_COMMITTER_NAME": "a", "EMAIL": "a@example.com"}
    words = ("-C", repository, "commit", "--quiet", "--allow-empty", "--message", "x")
    run("git", *words, environment=author)
    return repository


@pytest.mark.skipif(sys.version_info < (3, 11), reason="CumulusCI 4.10 needs Python 3.11 or newer")
def test_cumulusci_passes_its_own_tests_of_an_org(
    salesforce: Callable[..., AbstractContextManager[Salesforce]], tmp_path: Path
) -> None:
    repository = cumulusci_project(tmp_path)
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects" / "Entitlement.json").write_text(json.dumps(_ENTITLEMENT))
    home = tmp_path / "home"
    (home / ".cumulusci").mkdir(parents=True)
    (home / ".cumulusci" / "cumulus_timestamp").write_text(str(time.time()))
    plugins = [*(f"cumulusci.tests.pytest_plugins.{one}" for one in _PLUGINS), "cumulusci_org"]
    left_out = [f"--deselect=cumulusci/{name}" for name in _CUMULUSCI_LEFT_OUT]
    with salesforce(describe=tmp_path / "objects") as there:
        sandbox = there.sandbox
        org = {
            "access_token": sandbox.access_token,
            "instance_url": "https://example.my.salesforce.com",
            "username": sandbox.username,
            "id": f"{sandbox.url}/id/{sandbox.org.id}/{sandbox.org.user_id}",
        }
        done = subprocess.run(
            [
                *(str(python_client("cumulusci") / "python"), "-m", "pytest", "-q", "-rA"),
                *(word for plugin in plugins for word in ("-p", plugin)),
                *("-m", "vcr or needs_org", "--run-slow-tests", "--org", "sandbox"),
                *left_out,
                "cumulusci",
            ],
            cwd=repository,
            env={
                **without_python_settings(),
                **there.environment,
                "HOME": str(home),
                "SANDBOX_ORG": json.dumps(org),
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:]
    passed = re.search(r"^(\d+) passed", done.stdout, re.MULTILINE)
    assert passed is not None, done.stdout[-3000:]
    assert int(passed[1]) >= 23, passed[0]
