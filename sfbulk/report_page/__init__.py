"""Makes the page `report.html`: what one run has loaded, and what was refused and why.

It is one HTML file without scripts or external resources. It has values of records, so only the
user of the process can read it.
"""

from __future__ import annotations

from sfbulk.report_page.ending import Ending
from sfbulk.report_page.jobs import Jobs
from sfbulk.report_page.model import PageStream, RunPage
from sfbulk.report_page.page import document
from sfbulk.report_page.refusals import Refusal, Refusals
from sfbulk.report_page.writer import PageWriter

__all__ = [
    "Ending",
    "Jobs",
    "PageStream",
    "PageWriter",
    "Refusal",
    "Refusals",
    "RunPage",
    "document",
]
