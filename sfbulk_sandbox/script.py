"""The script of faults: an ordered list of what shall go wrong, and for which calls."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class FaultKind(str, Enum):
    """What goes wrong.

    `answer`: status, headers and body come instead of the answer, and the work is not done.
    `cut`: the work is done, and the connection closes after so many bytes of the answer's body.
    `lost`: the work is done, and the connection closes without an answer.
    `delay`: the answer comes so many seconds later.
    `job_failed`: a load stops after so many rows with an errorMessage; the rest is unprocessed.
    """

    ANSWER = "answer"
    CUT = "cut"
    LOST = "lost"
    DELAY = "delay"
    JOB_FAILED = "job_failed"


@dataclass
class ScriptedFault:
    """One entry of the script.

    `method` and `path` are globs and say which calls it is for (for `job_failed`: `object` and
    `operation`); it lets `skip` of them pass and then strikes `times` times.
    """

    kind: FaultKind
    method: str = "*"
    path: str = "*"
    object: str = "*"
    operation: str = "*"
    skip: int = 0
    times: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    after_bytes: int = 0
    seconds: float = 0.0
    after_rows: int = 0
    message: str = "InternalServerError : An unexpected error occurred"

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> ScriptedFault:
        """Return the fault that a JSON document describes.

        Raises:
            ValueError: A key is unknown, the kind is, or a value has the wrong type.
        """
        known = {entry.name for entry in fields(cls)}
        if unknown := sorted(set(document) - known):
            raise ValueError(
                f"unknown {', '.join(unknown)}; a fault has {', '.join(sorted(known))}"
            )
        try:
            kind = FaultKind(document.get("kind"))
        except ValueError:
            kinds = ", ".join(kind.value for kind in FaultKind)
            raise ValueError(f"kind must be one of {kinds}, not {document.get('kind')!r}") from None
        fault = cls(**{**document, "kind": kind})
        _check_types(fault)
        return fault

    def document(self) -> dict[str, Any]:
        """Return the fault as JSON holds it."""
        return asdict(self) | {"kind": self.kind.value}

    def strikes(self) -> bool:
        """Count a call that matches, and tell whether this is one to strike."""
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Script:
    """The faults still to come, in order. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[ScriptedFault] = []

    def add(self, fault: ScriptedFault) -> None:
        """Put a fault at the end."""
        with self._lock:
            self._faults.append(fault)

    def pending(self) -> list[ScriptedFault]:
        """Return the faults that can still strike."""
        with self._lock:
            return list(self._faults)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def for_call(self, method: str, path: str) -> ScriptedFault | None:
        """Return the fault of a call: the first entry for it that strikes, used up by one."""
        return self._first(
            lambda fault: (
                fault.kind is not FaultKind.JOB_FAILED
                and fnmatchcase(method, fault.method)
                and fnmatchcase(path, fault.path)
            )
        )

    def job_failure(self, sobject: str, operation: str) -> ScriptedFault | None:
        """Return the failure of a load that begins, used up by one."""
        return self._first(
            lambda fault: (
                fault.kind is FaultKind.JOB_FAILED
                and fnmatchcase(sobject, fault.object)
                and fnmatchcase(operation, fault.operation)
            )
        )

    def _first(self, matches: Callable[[ScriptedFault], bool]) -> ScriptedFault | None:
        with self._lock:
            for fault in self._faults:
                if matches(fault) and fault.strikes():
                    self._faults = [one for one in self._faults if one.times > 0]
                    return fault
        return None


def _check_types(fault: ScriptedFault) -> None:
    for entry in fields(fault):
        value = getattr(fault, entry.name)
        expected = _TYPES.get(str(entry.type))
        if expected and not isinstance(value, expected):
            raise ValueError(f"{entry.name} must be of type {entry.type}, not {value!r}")


_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "dict[str, str]": (dict,),
}
