"""Puts the repository of a release into its metadata: project URLs, and the links of the README.

A package index shows the README outside the repository, where relative links lead nowhere. GitHub
Actions says which repository and tag are built. A build elsewhere knows neither: no link changes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE_LINK = re.compile(r"\]\((?!https?://|#)")


class RepositoryHook(MetadataHookInterface):
    """The fields `readme` and `urls` of the project."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set both fields in the metadata of the project."""
        text = Path(self.root, "README.md").read_text("utf-8")
        if repository := os.environ.get("GITHUB_REPOSITORY"):
            url = f"{os.environ['GITHUB_SERVER_URL']}/{repository}"
            files = f"{url}/blob/{os.environ['GITHUB_REF_NAME']}"
            text = _RELATIVE_LINK.sub(f"]({files}/", text)
            metadata["urls"] = {
                "Source": url,
                "Documentation": f"{files}/docs/quickstart.md",
                "Changelog": f"{files}/CHANGELOG.md",
                "Issues": f"{url}/issues",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
