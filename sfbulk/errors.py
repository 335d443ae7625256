"""Every error the client raises, in one tree.

```
SalesforceError
├── ConfigError                  settings are missing or contradict each other
├── SignInError                  Salesforce gave no access token, or it cannot be renewed
├── QuotaReached                 the settings allow no more of the org's daily limits
├── TransportError               no usable answer was received
│   ├── UploadUnknown            it is not known whether a job has its data
│   └── BatchNotAdded            a batch did not arrive, and can no longer arrive
├── ApiError                     Salesforce answered with an error
│   ├── NotFound                 no such job, object or record
│   ├── SessionExpired           the access token is refused, and a new one did not help
│   ├── LimitExceeded            a quota of the org is used up
│   └── NotSupportedByBulk       Bulk API refuses this object or query
├── JobError                     a bulk job did not complete, or its results are not complete
│   ├── JobFailed                the job ended in the state Failed
│   ├── JobAborted               the job ended in the state Aborted
│   ├── JobTimeout               the job was still running when the timeout passed
│   ├── UnknownState             Salesforce reports a state that this version does not know
│   ├── RowCountMismatch         the number of rows is not the number that Salesforce reports
│   └── ResultsMismatch          the results of a load do not belong to the rows that were sent
├── JournalError                 the journal of a load is damaged, cannot be written or is in use
└── DataError                    data that cannot be sent or read
    ├── CsvError                 data that is not valid CSV
    └── OversizeRow              a row that exceeds a size limit of Salesforce
```

Each error has what is known: HTTP `status`, Salesforce `code`, `job_id`, `request_id`, and
`recovery`, which says what a caller can do. Texts contain ids, names of settings and fields, and
Salesforce's codes and messages; never a token, never a record value. What a server says is shown
as `sfbulk.safe` makes it.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from sfbulk.safe import quoted, safe_lines, without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ApiError",
    "BatchNotAdded",
    "ConfigError",
    "CsvError",
    "DataError",
    "JobAborted",
    "JobError",
    "JobFailed",
    "JobTimeout",
    "JournalError",
    "LimitExceeded",
    "NotFound",
    "NotSupportedByBulk",
    "OversizeRow",
    "QuotaReached",
    "Recovery",
    "ResultsMismatch",
    "RowCountMismatch",
    "SalesforceError",
    "SessionExpired",
    "SignInError",
    "TransportError",
    "UnknownState",
    "UploadUnknown",
]


_MOST_OF_A_CODE = 100


class Recovery(str, Enum):
    """What a caller can do about an error."""

    FATAL = "fatal"
    """Something must be changed first."""
    RETRIABLE = "retriable"
    """The same work may succeed later."""
    ROW = "row"
    """Leave this row out and continue."""


class SalesforceError(Exception):
    """Base of every error of the client."""

    recovery: ClassVar[Recovery] = Recovery.FATAL

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        job_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        # It may quote a server, which may have sent anything.
        self.message = safe_lines(message)
        super().__init__(self.message)
        self.status = status
        self.code = code and quoted(code, _MOST_OF_A_CODE)
        self.job_id = job_id
        self.request_id = request_id and quoted(request_id, _MOST_OF_A_CODE)

    def __reduce__(self) -> tuple[Any, ...]:
        # A process pool pickles errors. By default, unpickling calls the constructor with the
        # message alone, and most classes here need more.
        return _revived, (type(self), self.args, self.__dict__)


def _revived(kind: type[SalesforceError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigError(SalesforceError):
    """Settings are missing or contradict each other; `problems` names all of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class SignInError(SalesforceError):
    """Salesforce gave no access token, or the one in use cannot be renewed."""


class QuotaReached(SalesforceError):  # noqa: N818 - nothing went wrong: the quota is used up
    """The settings allow no more of the org's daily limits; jobs that exist are finished."""

    recovery = Recovery.RETRIABLE


class TransportError(SalesforceError):
    """No usable answer was received.

    Attributes:
        ambiguous: the request may have had an effect: check what Salesforce did before you send
            it again.
        permanent: the same request would fail again.
        compression: the answer could not be decompressed.
        attempts: how often such a request is sent at most; None: as often as others.
    """

    recovery = Recovery.RETRIABLE

    def __init__(  # noqa: PLR0913 - the context every error carries, by keyword
        self,
        message: str,
        *,
        ambiguous: bool,
        permanent: bool = False,
        compression: bool = False,
        attempts: int | None = None,
        status: int | None = None,
        code: str | None = None,
        job_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, job_id=job_id, request_id=request_id)
        self.ambiguous = ambiguous
        self.permanent = permanent
        self.compression = compression
        self.attempts = attempts


class UploadUnknown(TransportError):  # noqa: N818 - names what is unknown
    """It is not known whether a job has its data exactly once.

    Nothing is loaded before the job is closed: abort it and create a new one.
    """


class BatchNotAdded(TransportError):  # noqa: N818 - says what did not happen
    """A batch of Bulk API 1.0 did not arrive, and can no longer arrive: its job was closed.

    Add it to a new job.
    """


class ApiError(SalesforceError):
    """Salesforce answered with an error.

    Attributes:
        detail: Salesforce's own message, without known secrets.
        fields: the fields that the answer names.
        retry_after: how many seconds Salesforce asks to wait; None if it does not ask.
    """

    def __init__(  # noqa: PLR0913 - the context every error carries, by keyword
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        job_id: str | None = None,
        request_id: str | None = None,
        detail: str = "",
        fields: Sequence[str] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, job_id=job_id, request_id=request_id)
        self.detail = without_secrets(detail)
        self.retry_after = retry_after
        self.fields = tuple(fields)


class NotFound(ApiError):  # noqa: N818 - reads as Salesforce's own NOT_FOUND
    """There is no such job, object or record, or the user may not see it."""


class SessionExpired(ApiError):  # noqa: N818 - reads as Salesforce's own words
    """The access token is refused, and a new one did not help."""


class LimitExceeded(ApiError):  # noqa: N818 - reads as Salesforce's own LIMIT_EXCEEDED
    """A quota of the org is used up."""

    recovery = Recovery.RETRIABLE


class NotSupportedByBulk(ApiError):  # noqa: N818 - reads as Salesforce's own words
    """Bulk API refuses this object or query; the REST API may serve it."""


class JobError(SalesforceError):
    """A bulk job did not complete, or its results are not complete; see `job_id`."""


class JobFailed(JobError):  # noqa: N818 - the state's own word
    """The job ended in the state Failed."""


class JobAborted(JobError):  # noqa: N818 - the state's own word
    """The job ended in the state Aborted: a user or a program aborted it."""


class JobTimeout(JobError):  # noqa: N818 - stands beside JobFailed and JobAborted
    """The job was still running when the timeout passed; it was left running.

    Attributes:
        by_setting: the setting `job_timeout` has ended the wait, not a `timeout` of the caller.
    """

    recovery = Recovery.RETRIABLE

    def __init__(self, message: str, *, job_id: str | None, by_setting: bool = False) -> None:
        super().__init__(message, job_id=job_id)
        self.by_setting = by_setting


class UnknownState(JobError):  # noqa: N818 - stands beside JobFailed and JobAborted
    """Salesforce reports a state that this version does not know."""


class RowCountMismatch(JobError):  # noqa: N818 - names the check that failed
    """The number of rows is not the number that Salesforce reports."""


class ResultsMismatch(JobError):  # noqa: N818 - names the check that failed
    """A result of a load belongs to no row that was sent, and a row has no result."""


class JournalError(SalesforceError):
    """The journal of a load is damaged, cannot be written, or another run uses it."""


class DataError(SalesforceError):
    """Data that cannot be sent or read; `row` is the number of the row in the input, from 1."""

    recovery = Recovery.ROW

    def __init__(self, message: str, *, row: int | None = None, job_id: str | None = None) -> None:
        super().__init__(message, job_id=job_id)
        self.row = row


class CsvError(DataError):
    """Data that is not valid CSV."""


class OversizeRow(DataError):  # noqa: N818 - names the limit that was passed
    """A row that exceeds a size limit of Salesforce."""
