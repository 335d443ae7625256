"""The rule by which `stream_options` (tap) and `streams` (target) give settings to streams.

Keys are names and globs, in any case. For one stream every glob that fits applies, in the order of
the setting, then its name. They are merged key by key, mappings inside them (`fields`) entry by
entry; the later one wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sfbulk_singer.names import is_glob, matches

if TYPE_CHECKING:
    from collections.abc import Collection


def keys_for(stream: str, keys: Collection[str]) -> list[str]:
    """Those keys that apply to a stream: its globs in their order, then its name.

    Singer's stream names differ by case, so that a key spelled exactly like the stream stands
    instead of keys that differ from it by case.
    """
    globs = [key for key in keys if is_glob(key) and key != stream and matches(stream, key)]
    return [*globs, *names_for(stream, keys)]


def names_for(stream: str, keys: Collection[str]) -> list[str]:
    """Those keys that name a stream, which a glob does not."""
    # Also if it looks like a glob: a stream may be named `a[1]`.
    if stream in keys:
        return [stream]
    names = (key for key in keys if not is_glob(key))
    return [key for key in names if key.casefold() == stream.casefold()]


def merged(stream: str, settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The settings of a stream; a later null replaces a value, as if none had been given."""
    of_stream: dict[str, Any] = {}
    for key in keys_for(stream, settings):
        for name, value in settings[key].items():
            of_stream[name] = _merge(of_stream.get(name), value)
    return of_stream


def _merge(earlier: Any, later: Any) -> Any:
    if isinstance(earlier, Mapping) and isinstance(later, Mapping):
        return {**earlier, **later}
    return later


def unused_keys(keys: Collection[str], streams: Collection[str]) -> list[str]:
    """Those keys that do not apply to any of these streams."""
    used = {key for stream in streams for key in keys_for(stream, keys)}
    return [key for key in keys if key not in used]
