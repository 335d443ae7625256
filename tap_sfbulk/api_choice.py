"""Chooses the API by which each query of a run is read. No I/O.

Salesforce decides what Bulk API does not support: with `auto`, a query that it refuses is read by
REST. What is chosen here is only what saves time or what the settings ask for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from sfbulk.read import ReadApi, selects_only_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_ROWS_BY_REST = 2_000
"""Rows of one REST page. A bulk job needs at least four requests, and some seconds to start."""

LARGEST_CHUNK = 250_000
"""Rows of a chunk (Bulk API guide: PK Chunking Header)."""


class ApiType(str, Enum):
    """The values of the setting `api_type`."""

    AUTO = "auto"
    BULK2 = "BULK2"
    BULK = "BULK"
    REST = "REST"


@dataclass(frozen=True)
class ApiOption:
    """What the settings say about the API of one stream."""

    api_type: ApiType = ApiType.AUTO
    chunk_size: int | None = None
    """Rows of a chunk of Bulk API 1.0; None lets Salesforce choose."""

    @classmethod
    def parse(cls, options: Mapping[str, Any], config: Mapping[str, Any]) -> ApiOption:
        """From the options of the stream and from the settings of the tap."""
        given = {name: options.get(name) or config.get(name) for name in ("api_type", "chunk_size")}
        return cls(ApiType(given["api_type"] or ApiType.AUTO), given["chunk_size"])


BY_ITSELF = ApiOption()
"""What holds without any setting."""


@dataclass(frozen=True)
class ApiChoice:
    """How a query is read; see `Salesforce.read_job`."""

    api: ReadApi
    or_rest: bool = False
    chunk_size: int | None = None


def choose(option: ApiOption, rows: int | None, soql: str) -> ApiChoice:
    """The API for one query.

    Args:
        option: What the settings say.
        rows: About how many rows the object has, or at most are read; None if that is not known.
        soql: The query.
    """
    if option.api_type is not ApiType.AUTO:
        return ApiChoice(ReadApi(option.api_type.value), chunk_size=option.chunk_size)
    is_small = rows is not None and rows <= MOST_ROWS_BY_REST
    if is_small and selects_only_fields(soql):
        return ApiChoice(ReadApi.REST)
    return ApiChoice(ReadApi.BULK2, or_rest=True)


API_OPTIONS = (
    th.Property(
        "api_type",
        th.StringType(allowed_values=[each.value for each in ApiType]),
        title="API Type",
        description="Instead of the tap's `api_type`.",
    ),
    th.Property(
        "chunk_size",
        th.IntegerType(minimum=1, maximum=LARGEST_CHUNK),
        title="Chunk Size",
        description="Instead of the tap's `chunk_size`.",
    ),
)
"""Options of a stream."""

API_SETTINGS = (
    th.Property(
        "api_type",
        th.StringType(allowed_values=[each.value for each in ApiType]),
        default=ApiType.AUTO.value,
        title="API Type",
        description=(
            "`BULK2` (Bulk API 2.0), `BULK` (Bulk API 1.0 with PK chunking), `REST`, or `auto`: "
            f"REST for objects of up to {MOST_ROWS_BY_REST:,} records and for those that Bulk API "
            "refuses, else Bulk API 2.0."
        ),
    ),
    th.Property(
        "chunk_size",
        th.IntegerType(minimum=1, maximum=LARGEST_CHUNK),
        title="Chunk Size",
        description=(
            "With `BULK`: records in a chunk, at most 250,000. Without it Salesforce chooses "
            "(100,000)."
        ),
    ),
)
"""Settings of the tap."""
