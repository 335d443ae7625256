"""The settings of what leaves the tap beside RECORD lines, with their checks.

No I/O, except that it checks whether the files can have a place.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

# A dependency of the SDK, which writes BATCH files by it.
from fsspec import get_filesystem_class  # type: ignore[import-untyped] # it has no types
from fsspec.core import split_protocol  # type: ignore[import-untyped] # it has no types
from singer_sdk import typing as th

# The SDK offers this class nowhere else, though its setting `batch_config` is made of it.
from singer_sdk.helpers._batch import StorageTarget

from sfbulk_singer.settings import folder_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OUTPUT = (
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType,
        default=False,
        title="Emit ACTIVATE_VERSION Messages",
        description=(
            "Send an ACTIVATE_VERSION message after the last row of each whole table, so that "
            "a loader can remove the rows of earlier runs that are no longer there."
        ),
    ),
    th.Property(
        "use_singer_decimal",
        th.BooleanType,
        default=False,
        title="Use Singer Decimal",
        description=(
            "Send numbers with decimals as text of the format `singer.decimal`, for loaders that "
            "keep numbers as doubles, which have 15 exact digits. A catalog that declares a number "
            "wins."
        ),
    ),
    th.Property(
        "files_dir",
        th.StringType,
        title="Files Folder",
        description=(
            "Folder for the contents of ContentVersion, Attachment and Document. With it, each of "
            "these that is read has a second stream, such as `ContentVersion_files`, of the paths, "
            "sizes and checksums."
        ),
    ),
)


def output_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """What the JSON Schema cannot find in these settings, one sentence each."""
    yield from folder_problems("files_dir", config.get("files_dir"))
    batches = config.get("batch_config")
    # What has another type is the JSON Schema's to refuse.
    if batches and isinstance(batches, dict):
        yield from _batch_problems(batches)


def unknown_maps(maps: Mapping[str, Any], streams: Iterable[str]) -> list[str]:
    """Names in `stream_maps` that are neither those of streams nor of streams that they make."""
    names = list(streams)
    own = {name: it for name, it in maps.items() if not name.startswith("__")}
    made = {name for name, it in own.items() if isinstance(it, dict) and it.get("__source__")}
    return [
        name
        for name in own
        if name not in made and not any(fnmatchcase(each, name) for each in names)
    ]


def _batch_problems(batches: Mapping[str, Any]) -> Iterator[str]:
    encoding, storage = batches.get("encoding") or {}, batches.get("storage") or {}
    if not encoding.get("format"):
        yield "batch_config: encoding.format is missing. Give jsonl or parquet."
    if not storage.get("root"):
        yield "batch_config: storage.root is missing. Give the folder for the files, or its URL."
    elif reason := _unknown_storage(storage):
        yield f"batch_config: storage.root cannot be used: {reason}"
    size = batches.get("batch_size")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        yield "batch_config: batch_size must be a whole number of rows, 1 or more."
    known = {"encoding": ("format", "compression"), "storage": ("root", "prefix", "params")}
    unknown = [each for each in batches if each not in {*known, "batch_size"}]
    for part, names in known.items():
        unknown += [f"{part}.{each}" for each in batches.get(part) or {} if each not in names]
    if unknown:
        yield f"batch_config: there is no {', '.join(unknown)}."


def _unknown_storage(storage: Mapping[str, Any]) -> str | None:
    params = storage.get("params")
    try:
        StorageTarget(str(storage["root"]), params=params or {}).get_url("file")
        _require_packages(str(storage["root"]))
    except ImportError as error:
        return (
            f"{' '.join(str(error).split())}. Add the package to the tap's environment "
            "(with Meltano: to its pip_url)."
        )
    except (ValueError, TypeError) as error:
        return " ".join(str(error).split())
    return None


def _require_packages(root: str) -> None:
    """Import what a storage needs, which would otherwise happen at its first file.

    Args:
        root: A folder or a URL; a chain such as `simplecache::s3://bucket` needs several.

    Raises:
        ImportError: It names the package to install.
        ValueError: If no storage has this name.
    """
    *before, last = root.split("::")
    for protocol in (*before, split_protocol(last)[0]):
        if protocol:
            get_filesystem_class(protocol)
