"""The stream of the files of one object: their contents go to `files_dir`, their places out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
from singer_sdk.singerlib import Metadata

from tap_sfbulk.emit.output import Output
from tap_sfbulk.files import MD5, PATH, SHA256
from tap_sfbulk.stream import SalesforceStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Record
    from singer_sdk.singerlib import MetadataMapping

    from tap_sfbulk.columns import PageColumn
    from tap_sfbulk.contents import Contents, FileOnDisk
    from tap_sfbulk.resume import ResumePoint
    from tap_sfbulk.run import Run
    from tap_sfbulk.settings import StreamOptions
    from tap_sfbulk.sources import StreamSource

# So few that rows go out while the contents of the next ones are downloaded.
_ROWS_AT_ONCE = 64


class FileStream(SalesforceStream):
    """The files of one object: a record tells where the content of a file is, and what it is.

    Args:
        tap: As `SalesforceStream`.
        run: As `SalesforceStream`.
        source: One of `file_sources`.
        options: As `SalesforceStream`.
        contents: Puts the contents into their folder.
    """

    def __init__(
        self,
        tap: Tap,
        run: Run,
        source: StreamSource,
        options: StreamOptions,
        contents: Contents,
    ) -> None:
        # The content of a deleted record cannot be read.
        super().__init__(tap, run, source, replace(options, include_deleted=False))
        self._contents = contents

    def _marked(self, metadata: MetadataMapping) -> MetadataMapping:
        marked = super()._marked(metadata)
        for field in self._source.fields:
            # Without one of them the content could not be found or checked.
            marked["properties", field.name].inclusion = Metadata.InclusionType.AUTOMATIC
        return marked

    def _output(self, resume: ResumePoint | None) -> Output:
        return _FileOutput(
            self._contents,
            self,
            self._writer,
            self._run.clock,
            batches=self._batches,
            version=self._version(resume),
        )


class _FileOutput(Output):
    """Puts the content of each row into its folder before the row goes out."""

    def __init__(self, contents: Contents, stream: FileStream, *args: Any, **options: Any) -> None:
        super().__init__(stream, *args, **options)
        self._contents = contents

    def emit(self, block: pl.DataFrame, columns: Sequence[PageColumn]) -> Iterator[Record]:
        """Write the rows of a block, with the places of their contents.

        Raises:
            SalesforceError: If a content cannot be downloaded; it names the record.
            OSError: If a file cannot be written.
        """
        for rows in block.iter_slices(_ROWS_AT_ONCE):
            files = self._files(rows)
            yield from super().emit(rows.with_columns(_places(files)), columns)

    def _files(self, rows: pl.DataFrame) -> Sequence[FileOnDisk | None]:
        # A connection test leaves nothing behind.
        if self.is_dry_run:
            return [None] * rows.height
        return self._contents.fetch(rows.iter_rows(named=True))


def _places(files: Sequence[FileOnDisk | None]) -> list[pl.Series]:
    values = {
        PATH: [file.path if file else None for file in files],
        MD5: [file.body.md5 if file else None for file in files],
        SHA256: [file.body.sha256 if file else None for file in files],
    }
    return [pl.Series(name, found, pl.String) for name, found in values.items()]
