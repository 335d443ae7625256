"""REST queries: /query, /queryAll and further pages (REST guide: Query)."""

from __future__ import annotations

import re
import threading
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonResponse, encode_json
from sfbulk_sandbox.rest.query_columns import columns_document
from sfbulk_sandbox.rest.unserved import unserved
from sfbulk_sandbox.schema.rowfile import RowFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from starlette.responses import Response

    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.schema.ids import IdSource

# REST guide, Query Options Header.
MOST_PER_PAGE, FEWEST_PER_PAGE = 2000, 200
_LOCATOR_PREFIX = "01g"


class Cursors:
    """Query results of more than one page, on disk, by cursor id."""

    def __init__(self, ids: IdSource, folder: Path) -> None:
        self._ids = ids
        self._folder = folder
        self._lock = threading.Lock()
        self._files: dict[str, RowFile] = {}

    def keep(self, records: Iterable[Mapping[str, Any]]) -> tuple[str, RowFile]:
        """Write records to disk, and return the cursor id and the file."""
        with self._lock:
            cursor = self._ids.new_id(_LOCATOR_PREFIX)
            self._folder.mkdir(parents=True, exist_ok=True)
            file = RowFile(self._folder / f"{cursor}.json")
            self._files[cursor] = file
        file.write(encode_json(record) + b"\n" for record in records)
        return cursor, file

    def find(self, locator: str) -> tuple[str, RowFile, int]:
        """Return the cursor id, the file and the first row of a locator.

        Raises:
            Fault: The locator is not valid.
        """
        cursor, _, start = locator.rpartition("-")
        file = self._files.get(cursor)
        if file is None or not start.isdecimal():
            raise Fault(code="INVALID_QUERY_LOCATOR", message="invalid query locator")
        return cursor, file, int(start)

    def clear(self) -> None:
        """Remove all cursors and their files."""
        with self._lock:
            files = list(self._files.values())
            self._files.clear()
        for file in files:
            file.delete()


class QueryResources:
    """The query resources.

    Args:
        org: The rows and the schema.
        cursors: Query results of more than one page.
        admit: The check before each request.
    """

    def __init__(
        self, org: Org, cursors: Cursors, *, admit: Callable[[Request], Mapping[str, str]]
    ) -> None:
        self._org = org
        self._cursors = cursors
        self._admit = admit

    def resources(self) -> list[Resource]:
        """Return the resources."""
        base = "/services/data/v{version}"
        return [
            Resource(base + "/query", {"GET": self.query}, self._admit),
            Resource(base + "/queryAll", {"GET": self.query_all}, self._admit),
            Resource(base + "/query/{locator}", {"GET": self.more}, self._admit),
            Resource(base + "/queryAll/{locator}", {"GET": self.more}, self._admit),
        ]

    def query(self, request: Request) -> Response:
        """Run a query without deleted records."""
        return self._query(request, all_rows=False)

    def query_all(self, request: Request) -> Response:
        """Run a query that includes the recycle bin."""
        return self._query(request, all_rows=True)

    def more(self, request: Request) -> Response:
        """Return a further page. It can be requested again."""
        cursor, file, start = self._cursors.find(request.path["locator"])
        return self._page(request, cursor, file, start)

    def _query(self, request: Request, *, all_rows: bool) -> Response:
        if "explain" in request.query:
            raise unserved("Query plans (explain)")
        if "q" not in request.query:
            raise Fault(code="MALFORMED_QUERY", message="A query string has to be specified")
        version = float(request.version)
        query = self._org.query(request.query["q"], all_rows=all_rows, version=version)
        if request.query.get("columns") == "true":
            return JsonResponse(columns_document(query))
        count = query.count()
        if count is not None:
            return JsonResponse({"totalSize": count, "done": True, "records": []})
        records = query.records(version)
        # One record more than a page shows whether there is a second page.
        first = list(islice(records, _page_size(request) + 1))
        if len(first) <= _page_size(request):
            return JsonResponse({"totalSize": len(first), "done": True, "records": first})
        cursor, file = self._cursors.keep(chain(first, records))
        return self._page(request, cursor, file, 0)

    def _page(self, request: Request, cursor: str, file: RowFile, start: int) -> Response:
        end = start + _page_size(request)
        lines = b"".join(file.read(start, end))
        document: dict[str, object] = {"totalSize": file.count, "done": end >= file.count}
        if end < file.count:
            document["nextRecordsUrl"] = f"{request.base_path}/query/{cursor}-{end}"
        # The records on disk are already JSON.
        document["records"] = msgspec.Raw(b"[" + lines.rstrip(b"\n").replace(b"\n", b",") + b"]")
        return JsonResponse(document)


def _page_size(request: Request) -> int:
    """Return the page size of the request, within the limits (Query Options Header)."""
    asked = re.search(r"batchSize=(\d+)", request.headers.get("sforce-query-options", ""))
    size = int(asked[1]) if asked else MOST_PER_PAGE
    return min(max(size, FEWEST_PER_PAGE), MOST_PER_PAGE)
