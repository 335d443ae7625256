"""What the tests beside recordings share: where the files are, and when two answers are alike.

The recordings lie beside a developer's checkout and not in a user's clone; what they tell of each
kind of answer is written out in `kinds/`, and compared everywhere by `test_kinds_*`.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings"
# What was found later lies in a folder of its own.
NEW_RECORDINGS = RECORDINGS.parent / "recordings-new"
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="shared/recordings is not beside this checkout"
)
needs_new_recordings = pytest.mark.skipif(
    not NEW_RECORDINGS.is_dir(), reason="shared/recordings-new is not beside this checkout"
)
JSON = "application/json;charset=UTF-8"
_ID = re.compile(r"[a-zA-Z0-9]{15}[A-Z0-5]{3}")
_FORMS = {
    "instant": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000(\+0000|Z)"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "id": _ID,
    "record path": re.compile(r"/services/data/v[\dx]+\.[\dx]/sobjects/\w+/[^/]+"),
    "photo path": re.compile(r"/services/images/photo/\w+"),
}

# What a record needs that a recorded result did not show.
_REQUIRED: dict[str, dict[str, Any]] = {
    "Account": {"Name": "x"},
    "Contact": {"LastName": "x"},
    "RecordType": {"Name": "x", "SobjectType": "Account"},
}


def document(name: str) -> Any:
    """Return the JSON of a recording."""
    return json.loads((RECORDINGS / name).read_text("utf-8"))


def new_document(name: str) -> Any:
    """Return the JSON of a recording of the second folder."""
    return json.loads((NEW_RECORDINGS / name).read_text("utf-8"))


def form(value: Any) -> str:
    """Return what a JSON value looks like: its type, for texts also the pattern they follow."""
    if isinstance(value, str):
        found = (name for name, pattern in _FORMS.items() if pattern.fullmatch(value))
        return next(found, "text")
    return type(value).__name__


def assert_alike(ours: Any, theirs: Any, where: str = "$") -> None:
    """Check keys, their order, and the form of each value; null is alike to everything."""
    if ours is None or theirs is None:
        return
    assert type(ours) is type(theirs), f"{where}: {ours!r} beside {theirs!r}"
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), f"{where}: {list(ours)} beside {list(theirs)}"
        for key, value in theirs.items():
            assert_alike(ours[key], value, f"{where}.{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), f"{where}: {len(ours)} beside {len(theirs)}"
        for place, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            assert_alike(our, their, f"{where}[{place}]")
    else:
        assert form(ours) == form(theirs), f"{where}: {ours!r} beside {theirs!r}"


def assert_answer(answer: requests.Response, recorded: dict[str, Any]) -> None:
    """Check status, content type and body of an answer beside a recorded one of an exchange."""
    assert answer.status_code == recorded["status"], answer.text
    # Some tools recorded a list of values for each header, some left headers out.
    kind = dict(recorded["headers"]).get("Content-Type", JSON)
    assert answer.headers["Content-Type"] == (kind if isinstance(kind, str) else kind[0])
    body = recorded["body"]
    assert_alike(answer.json(), json.loads(body) if isinstance(body, str) else body)


@contextmanager
def org_of(folder: Path, *names: str) -> Iterator[Org]:
    """An org whose objects are those of recorded describes, beside the standard ones.

    Args:
        folder: An empty folder.
        names: The files, `describe/cumulusci_Account.json`...
    """
    for name in names:
        text = (RECORDINGS / name).read_text("utf-8")
        (folder / Path(name).name).write_text(text, "utf-8")
    with Sandbox(describe=folder, sample=False) as sandbox:
        yield Org(sandbox)


class Replay:
    """Sends recorded requests to an org, their ids replaced by those of the org's own records."""

    def __init__(self, org: Org, version: str) -> None:
        self.org = org
        self._version = version
        self.ids: dict[str, str] = {}

    def create(self, record: dict[str, Any]) -> str:
        """Make the counterpart of a recorded record and return its id."""
        name = record["attributes"]["type"]
        fields = self.org.json("GET", f"/sobjects/{name}/describe")["fields"]
        settable = {one["name"] for one in fields if one["createable"]}
        values = {
            key: self.ids.get(str(value), value)
            for key, value in record.items()
            if key in settable and value is not None and form(value) != "dict"
        }
        values.pop("OwnerId", None)
        values = _REQUIRED.get(name, {}) | values
        made = str(self.org.json("POST", f"/sobjects/{name}", json=values)["id"])
        self.ids[record["attributes"]["url"].rpartition("/")[2]] = made
        return made

    def send(self, request: dict[str, Any]) -> requests.Response:
        """Send a request."""
        url = request.get("uri") or request["url"]
        path = "/services" + url.partition("/services")[2]
        body = request["body"]
        if isinstance(body, dict):
            body = json.dumps(body)
        return self.org.call(
            request["method"],
            self._own(path),
            data=None if body is None else self._own(body).encode(),
            headers={"Content-Type": "application/json"},
        )

    def step(self, exchange: dict[str, Any]) -> requests.Response:
        """Send a request, check its answer and learn the ids of what it made."""
        answer = self.send(exchange["request"])
        assert_answer(answer, exchange["response"])
        body = exchange["response"]["body"]
        theirs = json.loads(body) if isinstance(body, str) else body
        ours = answer.json()
        saved = zip(ours, theirs, strict=True) if isinstance(theirs, list) else [(ours, theirs)]
        for our, their in saved:
            if "id" in their:
                self.ids[their["id"]] = our["id"]
        return answer

    def _own(self, text: str) -> str:
        text = text.replace("vxx.0", f"v{self._version}")
        for theirs, ours in self.ids.items():
            text = text.replace(theirs, ours)
        return text
