"""Adds the pages of the repository's root to the documentation site, with links that work there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
# Where each file of the root is in the site.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "LICENSE": "license.md",
}
_LINK = re.compile(r"(?<=\]\()(?P<folder>docs/|\.\./)?(?P<path>[^)#:]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for source, page in PAGES.items():
        text = (ROOT / source).read_text("utf-8")
        if source == "LICENSE":
            text = f"# License\n\n```text\n{text}```\n"
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **kwargs: Any) -> str:
    """Let links from and to pages of the root lead to their places in the site."""
    del kwargs
    of_root = page.file.src_uri in PAGES.values()

    def in_site(link: re.Match[str]) -> str:
        if of_root and link["folder"] == "docs/":
            return link["path"]
        to_root = of_root if link["folder"] is None else link["folder"] == "../"
        return PAGES.get(link["path"], link[0]) if to_root else link[0]

    return _LINK.sub(in_site, markdown)
