"""Makes texts safe to show: without known secrets, without control characters, of bounded length.

What a server says is shown to users, in errors, log lines, reports and on terminals. A server may
send a secret back, forge lines of a log, or send a text of a megabyte. All texts of this package
that may have words of a server pass through here. No I/O.
"""

from __future__ import annotations

import base64
import re
import threading
from typing import TYPE_CHECKING

from sfbulk.safe.forms import decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_CHARACTERS = 1_000
"""Of a text of the server that is quoted."""

_TAIL_SHARE = 0.4
"""The end of a long text says as much as its beginning: Salesforce quotes the whole query first."""

_HIDDEN = "[secret]"

# Shorter ones are words of other texts too.
_SHORTEST = 5
_SHORTEST_INSIDE_WORDS = 8

# C0, DEL and C1; what changes the direction of a text, divides its lines or cannot be seen; halves
# of a surrogate pair, which cannot be written as UTF-8.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


_NOTHING = re.compile(r"(?!)")


class _Secrets:
    """The secrets of this process. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forms: frozenset[str] = frozenset()
        """What may stand for one of them in a text that is `decoded`."""
        self._beginning = _NOTHING

    def add(self, forms: Iterable[str]) -> None:
        with self._lock:
            self.forms |= frozenset(forms)
            self._beginning = _beginning(self.forms)

    def clear(self) -> None:
        with self._lock:
            self.forms, self._beginning = frozenset(), _NOTHING

    def may_be_in(self, text: str) -> bool:
        """False for most texts, as for those of a hundred thousand rejected rows; this is quick."""
        return self._beginning.search(text) is not None


def _beginning(forms: Iterable[str]) -> re.Pattern[str]:
    """Matches where one of these may begin; grouped by the first character, which is quick."""
    after: dict[str, set[str]] = {}
    for form in forms:
        after.setdefault(form[0], set()).add(re.escape(form[1:_SHORTEST]))
    groups = [f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in after.items()]
    return re.compile("|".join(groups))


_SECRETS = _Secrets()


def keep_secret(secret: str | None) -> None:
    """Cut a secret out of all texts that are shown from now on, in each form it may come back in.

    Args:
        secret: a token, password or key; one of several lines is known by each of its lines. One
            of fewer than 5 characters cannot be told from other words, and is not cut out.
    """
    if not secret:
        return
    # A session id is often quoted without the id of its org.
    parts = [secret, secret.partition("!")[2], *secret.replace("\\n", "\n").splitlines()]
    lines = {part.strip() for part in parts if not part.startswith("-----")}
    _SECRETS.add(form for line in lines if len(line) >= _SHORTEST for form in _forms(line))


def forget_secrets() -> None:
    """Cut nothing out any more; for tests, which share a process."""
    _SECRETS.clear()


def without_secrets(text: str) -> str:
    """The text without known secrets: as they are, or written as URL, JSON, XML or base64."""
    spans = sorted(_spans(text))
    if not spans:
        return text
    kept, at = [], 0
    for start, end in spans:
        if start >= at:
            kept += [text[at:start], _HIDDEN]
        at = max(at, end)
    return "".join([*kept, text[at:]])


def escaped(text: str) -> str:
    """The text with control characters, and such that cannot be seen, written as by `repr`."""
    return _UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def escaped_json(document: str) -> str:
    """A JSON document in which the characters of `escaped` are written as JSON escapes them."""
    lines = document.split("\n")
    return "\n".join(_UNSAFE.sub(lambda found: _json_form(found.group()), line) for line in lines)


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """The text, if it has at most so many characters; else its beginning and its end."""
    left_out = len(text) - most
    if left_out <= 0:
        return text
    tail = int(most * _TAIL_SHARE)
    return f"{text[: most - tail]} … {left_out:,} characters left out … {text[len(text) - tail :]}"


def safe_text(text: str, most: int | None = None) -> str:
    """The text without secrets, escaped, and shortened if `most` characters are given."""
    # First the secrets: a cut may leave the half of one.
    safe = escaped(without_secrets(text))
    return safe if most is None else shortened(safe, most)


def safe_lines(text: str) -> str:
    """`safe_text` of each line of a text that was written here."""
    return "\n".join(safe_text(line) for line in text.split("\n"))


def quoted(text: str, most: int = MOST_CHARACTERS) -> str:
    """What a server says, as an error quotes it: `safe_text` of one line."""
    return shortened(escaped(" ".join(without_secrets(text).split())), most)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    # A form of HTML writes a space so.
    yield secret.replace(" ", "+")
    if len(secret) >= _SHORTEST_INSIDE_WORDS:
        yield from _base64(secret)


def _base64(secret: str) -> Iterator[str]:
    """What base64 makes of a secret inside a longer text, such as a name, a colon and a password.

    Three bytes become four characters, so it depends on the number of bytes before the secret.
    """
    raw = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        # Characters that stand for bits of the secret alone.
        first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        form = base64.b64encode(bytes(before) + raw + bytes(3)).decode()[first:last]
        yield from (form, form.translate(str.maketrans("+/", "-_")))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where secrets stand in a text: start and end of each."""
    if not (forms := _SECRETS.forms):
        return
    for plain in decoded(text):
        if not _SECRETS.may_be_in(plain.text):
            continue
        for form in forms:
            at = plain.text.find(form)
            while at >= 0:
                end = at + len(form)
                if len(form) >= _SHORTEST_INSIDE_WORDS or _is_word(plain.text, at, end):
                    yield plain.start(at), plain.start(end)
                at = plain.text.find(form, at + 1)


def _is_word(text: str, start: int, end: int) -> bool:
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    return re.search(r"\w", around) is None


def _json_form(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
