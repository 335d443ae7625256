"""The SDK's own suite for taps, run against the sample org; nothing of it is switched off."""

from __future__ import annotations

import atexit
from contextlib import ExitStack

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from sfbulk_sandbox import Sandbox
from tap_sfbulk.tap import TapSfbulk
from tests.e2e.commands import sign_in

# The sample org's contacts have no coordinates, for which the suite warns. Run as a whole it does
# not: its test of a field then has the values of the field before.
pytestmark = pytest.mark.filterwarnings("ignore:No records were available to test")

# The suite makes a test for each stream and field, so it asks the org while pytest collects:
# before any fixture could start one.
_OPEN = ExitStack()
_ORG = _OPEN.enter_context(Sandbox())
atexit.register(_OPEN.close)

TestTapSfbulk = get_tap_test_class(
    tap_class=TapSfbulk,
    config={
        **sign_in(_ORG),
        "streams_to_discover": ["Account", "Case", "Contact", "Invoice__c", "Opportunity", "User"],
    },
    suite_config=SuiteConfig(max_records_limit=100),
)
