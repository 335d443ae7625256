"""Settings of the Singer SDK that a connector does not have: what to do here in their place.

A value that asks for what happens anyway is a warning. Any other one is a problem: whoever sets
`hard_delete` must not find out later that it was ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


@dataclass(frozen=True)
class SdkSetting:
    """A setting of the SDK that the connector does not have."""

    here: str
    """How it is here, as the end of a sentence."""
    refused: Collection[str] = ()
    """The values that are problems, in lower case; `*` stands for every value."""

    def refuses(self, value: Any) -> bool:
        """Whether a value is a problem."""
        return "*" in self.refused or str(value).casefold() in self.refused


_OF_A_LOADER = SdkSetting("it is a setting of loaders")

OF_LOADERS: Mapping[str, SdkSetting] = dict.fromkeys(
    (
        "add_record_metadata",
        "batch_size_rows",
        "default_target_schema",
        "hard_delete",
        "load_method",
        "process_activate_version_messages",
        "validate_records",
    ),
    _OF_A_LOADER,
)
"""Those of loaders, none of which a tap has."""


def refused_settings(
    config: Mapping[str, Any], others: Mapping[str, SdkSetting], known: Collection[str]
) -> Iterator[str]:
    """The settings whose values are problems, one sentence each.

    Args:
        config: The settings.
        others: Those of the SDK that the connector does not have, by name.
        known: The names of those that have an effect, which are left out.
    """
    for name, value in config.items():
        if name not in known and name in others and others[name].refuses(value):
            yield f"{name} has no effect here: {others[name].here}. Leave it out."


def unused_settings(
    config: Mapping[str, Any], others: Mapping[str, SdkSetting], known: Collection[str]
) -> str:
    """The settings that are only ignored, each with the reason; empty if there are none."""
    return ", ".join(
        f"`{name}` ({others[name].here})"
        for name, value in config.items()
        if name not in known and name in others and not others[name].refuses(value)
    )
