"""The packages of the extra `sandbox`: which of them are not installed, and how to install them."""

from __future__ import annotations

from importlib import import_module

# Only the page uses jinja2, and imports it when it is first shown.
_OF_THE_ORG = ("lark", "starlette", "uvicorn")


def missing_extra(*packages: str) -> str | None:
    """Return one line that names the extra, or None if nothing is missing.

    Args:
        packages: The packages that are needed; by default those of an org without its page.
    """
    needed = packages or _OF_THE_ORG
    missing = [name for package in needed if (name := _missing_module(package))]
    if not missing:
        return None
    are = "is" if len(missing) == 1 else "are"
    return (
        f"the sandbox needs {', '.join(missing)}, which {are} not installed; "
        'install the extra: pip install "sfbulk[sandbox]"'
    )


def _missing_module(package: str) -> str | None:
    try:
        import_module(package)
    except ModuleNotFoundError as error:
        # It can also be a package that this one needs.
        return error.name
    return None
