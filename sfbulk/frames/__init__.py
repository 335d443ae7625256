"""Result pages on disk as blocks of columns. Needs Polars, so `import sfbulk` leaves it out."""

from __future__ import annotations

from sfbulk.frames.text import text_blocks

__all__ = ["text_blocks"]
