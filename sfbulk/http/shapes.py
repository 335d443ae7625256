"""Decodes values of JSON documents into declared types; no I/O."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Shape(Generic[T]):
    """The declared type of a document. Make it when its module is imported.

    msgspec looks into a type when it is used for the first time. Two threads that do this at once
    end the process with a segmentation fault (seen with msgspec 0.22), so it is done here, before
    there are threads.
    """

    def __init__(self, kind: type[T], *, strict: bool = True) -> None:
        """Prepare `kind`; unless `strict`, numbers may be sent as text."""
        self._kind = kind
        self._strict = strict
        msgspec.json.Decoder(kind)

    def read(self, value: Any) -> T:
        """The value of a decoded document as this type.

        Raises:
            ValueError: it is in another form; the text says where, and quotes nothing.
        """
        try:
            return msgspec.convert(value, self._kind, strict=self._strict)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
