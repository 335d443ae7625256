"""Runs django-salesforce's own tests against the sandbox and prints what became of them as JSON.

Run by an interpreter that has `django-salesforce`; its settings take the org from the environment.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import django  # type: ignore[import-not-found]  # lives in the client's own venv
from django.test.runner import (  # type: ignore[import-not-found]  # lives in the client's own venv
    DiscoverRunner,
)

if TYPE_CHECKING:
    import unittest


class Runner(DiscoverRunner):  # type: ignore[misc]  # its base lives in the client's own venv
    """Django's runner, which also keeps the result."""

    result: unittest.TestResult

    def run_suite(self, suite: unittest.TestSuite, **kwargs: Any) -> unittest.TestResult:
        """Run the tests and keep their result."""
        self.result = super().run_suite(suite, **kwargs)
        return self.result


def main() -> None:
    """Run every test of the package."""
    django.setup()
    runner = Runner(verbosity=0, interactive=False)
    runner.run_tests(["salesforce"])
    result = runner.result
    bad = [*result.failures, *result.errors]
    outcome = {
        "run": result.testsRun,
        "skipped": len(result.skipped),
        "expected failures": len(result.expectedFailures),
        "failed": {test.id().rpartition(".")[2]: trace[-400:] for test, trace in bad},
    }
    sys.stdout.write("\n" + json.dumps(outcome) + "\n")


if __name__ == "__main__":
    main()
