"""What Salesforce answers and the sandbox does not: refused by its name, not by chance.

Without this, `sobjects/Account/listviews` would be taken for a record and `describe/layouts` for an
external id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.requests import EVERY_METHOD, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response

    from sfbulk_sandbox.http.requests import Request

# By what stands below a version; each with all that follows it.
_SOBJECT = "/sobjects/{sobject}"
_NAMES: Mapping[str, str] = {
    f"{_SOBJECT}/describe/layouts": "Layouts",
    f"{_SOBJECT}/describe/namedLayouts": "Layouts",
    f"{_SOBJECT}/describe/compactLayouts": "Compact layouts",
    f"{_SOBJECT}/describe/approvalLayouts": "Approval layouts",
    f"{_SOBJECT}/listviews": "List views",
    f"{_SOBJECT}/quickActions": "Quick actions",
    f"{_SOBJECT}/defaultValues": "Default values",
    "/sobjects/relevantItems": "Relevant items",
    "/actions": "Invocable actions",
    "/analytics": "Reports and dashboards",
    "/appMenu": "App menus",
    "/chatter": "Chatter",
    "/commerce": "Commerce",
    "/compactLayouts": "Compact layouts",
    "/composite/graph": "Composite graphs",
    "/composite/tree": "Trees of records",
    "/connect": "Chatter and Connect",
    "/event": "Platform events",
    "/eventSchema": "Platform events",
    "/knowledgeManagement": "Knowledge",
    "/metadata": "Deployments of metadata",
    "/parameterizedSearch": "Search (SOSL)",
    "/process": "Approvals and process rules",
    "/quickActions": "Quick actions",
    "/recent": "Recently viewed records",
    "/search": "Search (SOSL)",
    "/support": "Knowledge",
    "/tabs": "Tabs",
    "/theme": "Themes",
    "/tooling": "The Tooling API",
    "/ui-api": "The User Interface API",
    "/wave": "CRM Analytics",
}


class UnservedResources:
    """The resources that refuse by name.

    Args:
        admit: The check that comes before each call.
    """

    def __init__(self, *, admit: Callable[[Request], Mapping[str, str]]) -> None:
        self._admit = admit

    def resources(self) -> list[Resource]:
        """Return the resources."""
        return [
            Resource(
                f"/services/data/v{{version}}{path}{{rest:path}}",
                dict.fromkeys(EVERY_METHOD, _refuser(name)),
                self._admit,
            )
            for path, name in _NAMES.items()
        ]


def unserved(name: str) -> Fault:
    """Return the fault of something that the sandbox does not answer."""
    message = f"{name}: not served by sfbulk-sandbox, docs/sandbox-coverage.md says what is"
    return Fault(code="NOT_FOUND", message=message, status=404)


def _refuser(name: str) -> Callable[[Request], Response]:
    def refuse(_request: Request) -> Response:
        raise unserved(name)

    return refuse
