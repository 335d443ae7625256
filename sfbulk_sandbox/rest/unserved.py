"""Resources of Salesforce that the sandbox does not support: refused by name.

Otherwise the path `sobjects/Account/listviews` would look like a record, and `describe/layouts`
like an external id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.requests import EVERY_METHOD, Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response

    from sfbulk_sandbox.http.requests import Request

# The path after the version, and the name of the resource. Longer paths are refused too.
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
    """The resources that are refused by name.

    Args:
        admit: The check before each request.
    """

    def __init__(self, *, admit: Callable[[Request], Mapping[str, str]]) -> None:
        self._admit = admit

    def resources(self) -> list[Resource]:
        """Return the resources."""
        return [
            Resource(
                f"/services/data/v{{version}}{path}{{rest:path}}",
                # For every method, so that a POST is a 404 too and not a 405.
                dict.fromkeys(EVERY_METHOD, _refuser(name)),
                self._admit,
            )
            for path, name in _NAMES.items()
        ]


def unserved(name: str) -> Fault:
    """Return the fault for a resource that the sandbox does not support."""
    message = f"{name}: not supported by sfbulk-sandbox, see docs/sandbox-coverage.md"
    return Fault(code="NOT_FOUND", message=message, status=404)


def _refuser(name: str) -> Callable[[Request], Response]:
    def refuse(_request: Request) -> Response:
        raise unserved(name)

    return refuse
