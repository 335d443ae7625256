"""Finds the bookmarks in a state, in whichever form another tap, Meltano or a user hands it over.

Understood are a Singer state, a whole STATE message, what Meltano keeps and prints (`singer_state`,
alone or below `completed` and `partial`), and the state of Airbyte (one message for each stream).
What the bookmark of a stream means is decided by `Bookmark.read`, which knows its replication key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_UNDERSTOOD = "not_understood"
"""Keeps the bookmark of a stream that is not an object, since the SDK takes only objects, or that
has partitions: the SDK would read the stream once for each of them."""

UNCONFIRMED = "unconfirmed_progress"
"""Keeps the SDK's `progress_markers`, which are no bookmark. The SDK would remove them before a
stream can say that it starts over."""

_WRAPPERS = ("value", "singer_state", "state")
_PASSING = frozenset({"currently_syncing", "current_stream"})
"""What singer-io's and MeltanoLabs' tap-salesforce keep beside the bookmarks."""


def normalized_state(document: Any) -> dict[str, Any]:
    """A Singer state whose bookmarks are objects, of any form of state.

    Raises:
        ValueError: It has none of the known forms; the text says what was expected.
    """
    return {"bookmarks": {name: _entry(it) for name, it in _bookmarks(document).items()}}


def named_as(state: dict[str, Any], streams: Iterable[str]) -> dict[str, Any]:
    """A state whose bookmarks have the names of these streams where they differ by case only."""
    bookmarks = state["bookmarks"]
    names = {name.casefold(): name for name in streams if name not in bookmarks}
    return {"bookmarks": {names.get(name.casefold(), name): it for name, it in bookmarks.items()}}


def _entry(bookmark: Any) -> dict[str, Any]:
    if bookmark is None:
        return {}
    if not isinstance(bookmark, dict) or "partitions" in bookmark:
        return {NOT_UNDERSTOOD: bookmark}
    renamed = {"progress_markers": UNCONFIRMED}
    return {renamed.get(str(name), str(name)): value for name, value in bookmark.items()}


def _bookmarks(document: Any) -> dict[str, Any]:
    if isinstance(document, list):
        return _merged([_bookmarks(each) for each in document])
    if not isinstance(document, dict):
        raise ValueError("a state must be a JSON object")  # noqa: TRY004 - as for other forms
    if document.get("bookmarks") is not None:
        return _object(document["bookmarks"])
    if isinstance(document.get("stream"), dict):
        return _airbyte_stream(document["stream"])
    if document.keys() & {"completed", "partial"}:
        # Meltano puts what later, unfinished runs brought over what the last complete one did.
        parts = [document.get("completed"), document.get("partial")]
        return _merged([_bookmarks(each) for each in parts if each is not None])
    for wrapper in _WRAPPERS:
        if document.get(wrapper) is not None:
            return _bookmarks(document[wrapper])
    # An empty one is the state of a first run.
    is_known = document.keys() & {"bookmarks", *_WRAPPERS}
    if document.keys() - _PASSING and not is_known:
        raise ValueError(
            "it has no bookmarks: expected is a Singer state, a STATE message, or what "
            "`meltano state get` prints"
        )
    return {}


def _object(bookmarks: Any) -> dict[str, Any]:
    if not isinstance(bookmarks, dict):
        raise ValueError("its bookmarks must be an object")  # noqa: TRY004 - as for other forms
    return bookmarks


def _airbyte_stream(stream: dict[str, Any]) -> dict[str, Any]:
    """The bookmark of an AirbyteStreamState (Airbyte protocol)."""
    descriptor = stream.get("stream_descriptor")
    if not isinstance(descriptor, dict) or not isinstance(descriptor.get("name"), str):
        raise ValueError("its stream has no stream_descriptor with a name")  # noqa: TRY004 - as above
    return {descriptor["name"]: _airbyte_bookmark(stream.get("stream_state"))}


def _airbyte_bookmark(state: Any) -> Any:
    """A cursor by its field name; of a list of slices, the end of the first one.

    Slices are merged where they touch, so what follows the first one is a gap (Airbyte CDK:
    ConcurrentCursor).
    """
    if isinstance(state, dict) and isinstance(state.get("slices"), list):
        slices = [each for each in state["slices"] if isinstance(each, dict)]
        first = min(slices, key=lambda each: str(each.get("start")), default={})
        return {"replication_key_value": first.get("end")}
    return state


def _merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        for name, entry in part.items():
            both = isinstance(entry, dict) and isinstance(merged.get(name), dict)
            merged[name] = {**merged[name], **entry} if both else entry
    return merged
