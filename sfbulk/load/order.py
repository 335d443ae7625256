"""Finds the files that must be settled before a row is sent, over all loads of a group.

The rows of one record are loaded in the order of the input, also if several loads write its
object, and a record is loaded after the parents that its row names. Rows are compared by their
keys. Two rows of one object whose key fields differ (an upsert by external id, a delete by id)
cannot be compared: they may be the same record, so the later one waits for the earlier one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfbulk.load.row import RecordKey, Row
    from sfbulk.load.row_file import RowFile

# With more keys than this in memory (about 100 bytes each), keys of settled files are removed.
_MOST_KEYS = 400_000

# More than any upload has.
_MOST_ROWS = 1 << 32


class KeyOrder:
    """The keys of the files that are not settled, of all loads of a group.

    Memory: about 100 bytes for each key.
    """

    def __init__(self) -> None:
        # For the hash of a key, the number of the file with its last row, and the row's place.
        self._last: dict[int, int] = {}
        self._files: dict[int, RowFile] = {}
        self._most_keys = _MOST_KEYS
        # By object and key field. Files of inserts are not here: nothing but their keys can name
        # a record that does not exist yet.
        self._keyed: dict[str, dict[str, dict[RowFile, None]]] = defaultdict(dict)

    def predecessors(self, row: Row, sobject: str) -> list[RowFile]:
        """The unsettled files that must be settled before a row is sent; some may be repeated.

        Args:
            row: the row.
            sobject: its object, casefolded.
        """
        key = row.key
        found = self._incomparable(sobject, key.field if key else None)
        for needed in row.after if key is None else (key, *row.after):
            if last := self.last(needed):
                found.append(last[0])
        for parent in row.after:
            # Rows of the same object were compared above. Those of the row's own key field may
            # have set the field that names the parent, but then each row would wait for a job.
            if parent.sobject != sobject:
                found += self._incomparable(parent.sobject, parent.field)
        return found

    def last(self, key: RecordKey) -> tuple[RowFile, int] | None:
        """The unsettled file with the last row of a record, and the row's place in it.

        The place is right as long as rows are added to the file. Rarely it is a row of another
        record.
        """
        at = self._last.get(hash(key))
        if at is None:
            return None
        number, place = divmod(at, _MOST_ROWS)
        file = self._files.get(number)
        return None if file is None else (file, place)

    def remember(self, row: Row, file: RowFile) -> None:
        """Note that the row is the last one of this file."""
        key = row.key
        if key or row.known_as:
            self._files[file.number] = file
        if key is None:
            for known_as in row.known_as:
                self._set_last(known_as, file)
            return
        self._set_last(key, file)
        fields = self._keyed[key.sobject]
        files = fields.get(key.field)
        if files is None:
            files = fields[key.field] = {}
        files[file] = None

    def forget(self, file: RowFile) -> None:
        """Remove a file that is settled; its keys are removed later, many at a time."""
        self._files.pop(file.number, None)
        for fields in self._keyed.values():
            for field, files in list(fields.items()):
                files.pop(file, None)
                if not files:
                    del fields[field]

    def _incomparable(self, sobject: str, field: str | None) -> list[RowFile]:
        fields = self._keyed.get(sobject)
        # Most objects have one key field in a run.
        if not fields or (len(fields) == 1 and field in fields):
            return []
        return [file for other, files in fields.items() if other != field for file in files]

    def _set_last(self, key: RecordKey, file: RowFile) -> None:
        # A hash takes half the memory of a key. If two keys have the same hash, a row only waits
        # for a file without need.
        self._last[hash(key)] = file.number * _MOST_ROWS + file.rows - 1
        if len(self._last) > self._most_keys:
            files = self._files
            self._last = {key: at for key, at in self._last.items() if at // _MOST_ROWS in files}
            self._most_keys = max(_MOST_KEYS, 2 * len(self._last))
