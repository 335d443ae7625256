"""What each loader keeps of the rows that the tap reads is what docs/loaders.md says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.loaders import org_rows
from tests.loaders.loaders import LOADERS, Loader, Place
from tests.loaders.measure import Kept
from tests.loaders.page import table
from tests.loaders.pipeline import LoaderFailed, Pipeline, Schemas

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

AS_THEY_COME, AS_TEXT = "What each loader keeps", "With `use_singer_decimal`"
WITHOUT_FORMAT: Schemas = {"Invoice__c": {"Cut_Off__c": {"format": ""}}}
# Their validator refuses Salesforce's times unless the catalog takes the format away.
STRICT = {"target-sqlite"}

each_loader = pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.package)


@pytest.fixture
def place(loader: Loader, tmp_path: Path, request: pytest.FixtureRequest) -> Place:
    """Return where the loader writes; skip the test where the loader cannot run."""
    missing = loader.missing()
    if missing:
        pytest.skip(missing)
    server = request.getfixturevalue("server") if loader.on_server else None
    return Place(tmp_path, server)


def kept(
    loader: Loader, place: Place, org: Sandbox, rows: dict[str, org_rows.Rows], **settings: Any
) -> dict[str, str]:
    """Load the rows, and return what was kept as a line of the page."""
    schemas = WITHOUT_FORMAT if loader.package in STRICT else None
    config = org_rows.config(org) | settings
    Pipeline(place.folder, config, loader.installed(), loader.settings(place), schemas).run()
    found = Kept()
    for name in org_rows.OBJECTS:
        found.compare(rows[name], loader.rows(place, name))
    return found.cells()


@each_loader
def test_the_loader_keeps_what_the_page_says(
    loader: Loader, place: Place, sample_org: Sandbox, sample_rows: dict[str, org_rows.Rows]
) -> None:
    assert kept(loader, place, sample_org, sample_rows) == table(AS_THEY_COME)[loader.named]


@each_loader
def test_numbers_sent_as_text_are_kept_as_the_page_says(
    loader: Loader, place: Place, sample_org: Sandbox, sample_rows: dict[str, org_rows.Rows]
) -> None:
    expected = table(AS_TEXT)[loader.named]
    found = kept(loader, place, sample_org, sample_rows, use_singer_decimal=True)
    assert {column: found[column] for column in expected} == expected


@pytest.mark.parametrize(
    "loader",
    [loader for loader in LOADERS if loader.package in STRICT],
    ids=lambda loader: loader.package,
)
def test_the_loader_refuses_times_while_they_have_their_format(
    loader: Loader, place: Place, sample_org: Sandbox
) -> None:
    pipeline = Pipeline(
        place.folder, org_rows.config(sample_org), loader.installed(), loader.settings(place)
    )
    with pytest.raises(LoaderFailed, match=r"'18:00:00\.000Z' is not a 'time'"):
        pipeline.run()
