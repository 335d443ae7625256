"""What a statement is refused with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox.org.org import Fault

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import Org


def refusal(org: Org, soql: str) -> tuple[str, str, str]:
    """Return code, position and message of the fault of a statement."""
    with pytest.raises(Fault) as refused:
        org.query(soql)
    *_, place, message = refused.value.message.split("\n")
    return refused.value.code, place, message
