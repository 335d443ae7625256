"""Makes safe to show what a server says: in errors, log lines, reports and on terminals."""

from sfbulk.safe.log import make_log_safe
from sfbulk.safe.text import (
    escaped,
    escaped_json,
    forget_secrets,
    keep_secret,
    quoted,
    safe_lines,
    safe_text,
    without_secrets,
)

__all__ = [
    "escaped",
    "escaped_json",
    "forget_secrets",
    "keep_secret",
    "make_log_safe",
    "quoted",
    "safe_lines",
    "safe_text",
    "without_secrets",
]
