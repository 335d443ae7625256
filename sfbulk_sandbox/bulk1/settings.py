"""The settings of a Bulk API 1.0 job, checked (Bulk API guide: Create a Job)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from sfbulk_sandbox.behaviour import HARD_DELETE_REFUSED
from sfbulk_sandbox.faults.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk_sandbox.bulk1.chunking import PkChunking
    from sfbulk_sandbox.org.org import Operation, Org

_LOADS: tuple[Operation, ...] = ("insert", "update", "upsert", "delete", "hardDelete")
_QUERIES = ("query", "queryAll")
_MODES = ("Parallel", "Serial")
# In XML, the elements of a create request must be in this order (an xs:sequence).
_ORDER = (
    "operation",
    "object",
    "assignmentRuleId",
    "externalIdFieldName",
    "concurrencyMode",
    "contentType",
)
_LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_Word = TypeVar("_Word", bound=str)


class ContentType(str, Enum):
    """The formats of a job's batches."""

    CSV = "CSV"
    XML = "XML"
    JSON = "JSON"

    @property
    def media_type(self) -> str:
        """Return the content type of data in this format, exactly as results carry it."""
        return {"CSV": "text/csv", "XML": "application/xml", "JSON": "application/json"}[self.value]


@dataclass(frozen=True)
class JobSettings:
    """The settings of a job.

    Attributes:
        load: The operation of a load; None for a query.
        line_ending: Replaces every line ending inside a cell; None keeps them.
    """

    operation: str
    object: str
    content: ContentType
    serial: bool
    load: Operation | None
    external_id: str | None
    assignment_rule_id: str | None
    chunking: PkChunking | None
    line_ending: str | None


def check_settings(
    org: Org, document: Mapping[str, Any], chunking: PkChunking | None, line_ending: str | None
) -> JobSettings:
    """Return the settings of a create request.

    Args:
        org: The objects and the switches.
        document: The jobInfo.
        chunking: The settings of Sforce-Enable-PKChunking.
        line_ending: The header Sforce-Line-Ending.

    Raises:
        Fault: InvalidJob or FeatureNotEnabled: a setting is not valid.
    """
    _check_keys(document)
    operation = _choice(document, "operation", (*_LOADS, *_QUERIES))
    name = _text(document, "object")
    sobject = org.schema.sobject(name or "")
    if sobject is None:
        raise Fault("InvalidJob", f"Unable to find object: {name}")
    # Recorded: a user without the permission cannot create the job.
    if operation == "hardDelete" and org.behaviour.has("hard_delete", "refused"):
        raise Fault("FeatureNotEnabled", HARD_DELETE_REFUSED)
    load = next((word for word in _LOADS if word == operation), None)
    if chunking:
        chunking.check(sobject, operation)
    return JobSettings(
        operation=operation,
        object=sobject.name,
        content=_content(document),
        serial=_is_serial(document),
        load=load,
        external_id=_external_id(org, sobject.name, document) if load == "upsert" else None,
        assignment_rule_id=_text(document, "assignmentRuleId"),
        chunking=chunking,
        line_ending=_LINE_ENDINGS.get((line_ending or "").strip().upper()),
    )


def check_order(document: Mapping[str, Any]) -> None:
    """Check the order of XML elements.

    Raises:
        Fault: InvalidXml: an element is in the wrong place.
    """
    places = [_ORDER.index(key) for key in document if key in _ORDER]
    for place, following in pairwise(places):
        if following < place:
            raise Fault("InvalidXml", f"{_ORDER[following]} must come before {_ORDER[place]}")


def _check_keys(document: Mapping[str, Any]) -> None:
    if unknown := sorted(set(document) - set(_ORDER)):
        raise Fault("InvalidJob", f"{unknown[0]} is not a setting of a new job")


def _text(document: Mapping[str, Any], key: str) -> str | None:
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise Fault("InvalidJob", f"{key} must be a string")
    return value or None


def _choice(
    document: Mapping[str, Any], key: str, words: tuple[_Word, ...], default: str | None = None
) -> _Word:
    value = _text(document, key) or default
    for word in words:
        if word == value:
            return word
    raise Fault("InvalidJob", f"{key} must be one of {', '.join(words)}, not {value}")


def _content(document: Mapping[str, Any]) -> ContentType:
    if str(document.get("contentType", "")).startswith("ZIP_"):
        raise Fault("FeatureNotEnabled", "sfbulk-sandbox does not support binary content (ZIP_*)")
    return ContentType(_choice(document, "contentType", tuple(ContentType), "XML"))


def _is_serial(document: Mapping[str, Any]) -> bool:
    mode = document.get("concurrencyMode")
    # simple-salesforce sends the number of the mode, or a boolean.
    if isinstance(mode, int) and mode in range(len(_MODES)):
        return bool(mode)
    return _choice(document, "concurrencyMode", _MODES, "Parallel") == "Serial"


def _external_id(org: Org, sobject_name: str, document: Mapping[str, Any]) -> str:
    name = _text(document, "externalIdFieldName")
    if name is None:
        raise Fault(
            "InvalidJob",
            f"External ID was blank for {sobject_name}. "
            "An External ID must be specified for upsert.",
        )
    return org.upsert_key(sobject_name, name).name
