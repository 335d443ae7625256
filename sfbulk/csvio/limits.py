"""Salesforce's size limits for data, each with its source, and bounds of what is read."""

from __future__ import annotations

MAX_JOB_BYTES = 100_000_000
"""CSV bytes of one 2.0 job: in base64 they have about 150 MB (Bulk API guide: Upload Job Data)."""

MAX_HEADER_CHARACTERS = 32_000
"""Characters of the header row (Bulk API guide: Prepare CSV Files)."""

MAX_FIELD_CHARACTERS = 131_072
"""Characters of one field (Bulk API guide: Bulk API limits; older editions say 32,000)."""

MAX_RECORD_CHARACTERS = 400_000
"""Characters of all fields of one record (Bulk API guide: Bulk API limits)."""

MAX_FIELDS = 5_000
"""Fields of one record (Bulk API guide: Bulk API limits)."""

MAX_BATCH_BYTES = 10_000_000
"""Bytes of a 1.0 batch before compression (Bulk API guide: Batch Size; 10 MB)."""

MAX_BATCH_ROWS = 10_000
"""Rows of a 1.0 batch (Bulk API guide: Batch Size)."""

MAX_ROW_BYTES = 64_000_000
"""Bytes of a row that is read: twenty times what Salesforce accepts in one. It returns longer texts
than it accepts (Apex bodies: 1,000,000)."""

MAX_HEADER_BYTES = 4_000_000
"""Bytes of a header row that is read: 5,000 fields of five relationships each have 1,000,000."""
