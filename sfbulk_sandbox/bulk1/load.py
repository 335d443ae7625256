"""Processes a batch of a load: saves its rows and writes one result per row, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from sfbulk_sandbox.bulk1.content import Table, read_table
from sfbulk_sandbox.bulk1.documents import NAMESPACE, xml_bytes
from sfbulk_sandbox.bulk1.jobs import BatchFailure, BatchState, end_early
from sfbulk_sandbox.bulk1.settings import ContentType
from sfbulk_sandbox.bulk2.ingest_work import CHUNK_ROWS, error_text
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.responses import XML_DECLARATION, encode_json
from sfbulk_sandbox.schema.rowfile import CsvDialect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sfbulk_sandbox.bulk1.jobs import Batch
    from sfbulk_sandbox.faults.fault_script import Script
    from sfbulk_sandbox.org.org import Operation, Org, RowResult

# Bulk API guide: Batch Size.
_MOST_ROWS = 10_000
_CSV = CsvDialect(",", "\n")


class LoadWork:
    """The processing of one batch.

    Attributes:
        results_path: The file of the results, in the job's format.
    """

    def __init__(
        self, org: Org, operation: Operation, *, script: Script, results_path: Path
    ) -> None:
        self._org = org
        self._operation = operation
        self._script = script
        self.results_path = results_path

    def run(self, batch: Batch) -> BatchState:
        """Save the rows. A rejected row does not fail the batch."""
        settings = batch.job.settings
        table = read_table(batch.request_path, settings.content, self._org.behaviour)
        if settings.line_ending:
            table = table.with_line_ends(settings.line_ending)
        if len(table.rows) > _MOST_ROWS:
            raise BatchFailure(f"InvalidBatch : A batch has at most {_MOST_ROWS:,} records")
        with self.results_path.open("wb") as file:
            file.writelines(_FORMATS[settings.content](self._results(batch, table)))
        return BatchState.COMPLETED

    def _results(self, batch: Batch, table: Table) -> Iterator[RowResult]:
        settings = batch.job.settings
        fault = self._script.for_job(settings.object, settings.operation, lambda: len(table.rows))
        rows = table.rows[: fault.after_rows] if fault else table.rows
        try:
            loader = self._org.loader(
                self._operation,
                settings.object,
                table.header,
                settings.external_id,
                is_csv=settings.content is ContentType.CSV,
            )
            for start in range(0, len(rows), CHUNK_ROWS):
                chunk = rows[start : start + CHUNK_ROWS]
                results = loader.save(chunk)
                for row, result in zip(chunk, results, strict=True):
                    if not result.success:
                        batch.failed += 1
                        batch.job.refusals.add(table.header, row, result.errors, batch.id)
                batch.processed += len(results)
                yield from results
        except Fault as refusal:
            raise BatchFailure(f"{refusal.code} : {refusal.message}") from None
        if fault:
            end_early(fault)


def _csv(results: Iterable[RowResult]) -> Iterator[bytes]:
    yield _CSV.encode(["Id", "Success", "Created", "Error"])
    for result in results:
        # As recorded: a rejected row has no id, even in an update.
        record_id = (result.id or "") if result.success else ""
        yield _CSV.encode(
            [record_id, _word(result.success), _word(result.created), error_text(result)]
        )


def _json(results: Iterable[RowResult]) -> Iterator[bytes]:
    separator = b"["
    for result in results:
        yield separator + encode_json(_document(result))
        separator = b","
    yield b"]" if separator == b"," else b"[]"


def _document(result: RowResult) -> dict[str, object]:
    return {
        "success": result.success,
        "created": result.created,
        "id": result.id if result.success else None,
        "errors": [
            {
                "message": error.message,
                "fields": list(error.fields),
                "statusCode": error.code,
                "extendedErrorDetails": None,
            }
            for error in result.errors
        ],
    }


def _xml(results: Iterable[RowResult]) -> Iterator[bytes]:
    yield XML_DECLARATION + f'<results xmlns="{NAMESPACE}">'.encode()
    for result in results:
        yield xml_bytes(_element(result))
    yield b"</results>"


def _element(result: RowResult) -> ET.Element:
    root = ET.Element("result")
    if result.success:
        ET.SubElement(root, "id").text = result.id
    for error in result.errors:
        errors = ET.SubElement(root, "errors")
        for name in error.fields:
            ET.SubElement(errors, "fields").text = name
        ET.SubElement(errors, "message").text = error.message
        ET.SubElement(errors, "statusCode").text = error.code
    ET.SubElement(root, "success").text = _word(result.success)
    ET.SubElement(root, "created").text = _word(result.created)
    return root


def _word(truth: bool) -> str:
    return "true" if truth else "false"


_FORMATS = {ContentType.CSV: _csv, ContentType.JSON: _json, ContentType.XML: _xml}
