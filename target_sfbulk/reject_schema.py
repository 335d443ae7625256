"""Keeps the SCHEMA of rejected records, so that they can be loaded again with their types."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sfbulk.private_files import open_private
from target_sfbulk.json_lines import JsonLineError, escaped_json_line, json_line, read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from target_sfbulk.preflight import Schema


@dataclass(frozen=True)
class SourceSchema:
    """The SCHEMA of a stream, as the target took it: after stream maps.

    Attributes:
        properties: The JSON Schema of each record field.
        required: The properties that a record must have.
        keys: Its `key_properties`.
    """

    properties: Schema = field(default_factory=dict)
    required: Sequence[str] = ()
    keys: Sequence[str] = ()

    def then(self, later: SourceSchema) -> SourceSchema:
        """This SCHEMA after a later one of the same stream; earlier fields keep their place."""
        return replace(later, properties={**self.properties, **later.properties})

    def with_fields(self, names: Iterable[str]) -> SourceSchema:
        """This SCHEMA with record fields of any type, if it lacks them."""
        others: dict[str, Any] = {name: {} for name in names if name not in self.properties}
        return replace(self, properties={**self.properties, **others})

    def message(self, stream: str) -> bytes:
        """A SCHEMA message of Singer, on one line."""
        schema = {"properties": self.properties, "required": self.required}
        return json_line(
            {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": self.keys}
        )

    def write(self, path: Path) -> None:
        """Replace a file by this SCHEMA; only the user of this process can read it.

        Raises:
            OSError: It cannot be written.
        """
        new = path.with_name(f"{path.name}.new")
        with open_private(new, "wb") as file:
            # A rejected record may have a field whose name UTF-8 does not have.
            file.write(escaped_json_line(self.__dict__))
        new.replace(path)


def schema_file(folder: Path) -> Path:
    """The file of a SCHEMA in the folder for the rows of its stream."""
    return folder / "schema.json"


def read_schema(path: Path) -> SourceSchema | None:
    """The SCHEMA in a file; None if there is no such file, or it is damaged.

    Raises:
        OSError: It cannot be read.
    """
    try:
        return SourceSchema(**read_json(path.read_bytes()))
    except (FileNotFoundError, JsonLineError, TypeError):
        return None
