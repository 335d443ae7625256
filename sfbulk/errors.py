"""Every error the client raises, in one tree.

```
SalesforceError
├── ConfigError                  settings are missing or contradict each other
├── SignInError                  Salesforce gave no access token, or it cannot be renewed
├── QuotaReached                 the run may use no more of the org's daily limits
├── TransportError               no usable answer came back
│   ├── UploadUnknown            it cannot be told whether a job has its data
│   └── BatchNotAdded            a batch did not arrive, and cannot any more
├── ApiError                     Salesforce answered with an error
│   ├── NotFound                 no such job, object or record
│   ├── SessionExpired           the access token is refused and renewing did not help
│   ├── LimitExceeded            a quota of the org is used up
│   └── NotSupportedByBulk       Bulk API refuses this object or query
├── JobError                     a bulk job did not do what was asked
│   ├── JobFailed                Salesforce ended it with the state Failed
│   ├── JobAborted               somebody ended it with the state Aborted
│   ├── JobTimeout               it was still running when the caller's patience ended
│   ├── UnknownState             Salesforce used a state word this version does not know
│   ├── RowCountMismatch         rows received are not the rows Salesforce announced
│   └── ResultsMismatch          the results of a load are not those of the rows that were sent
└── DataError                    data that cannot be sent or read
    ├── CsvError                 text that is not the CSV it should be
    └── OversizeRow              a row beyond a size limit of Salesforce
```

Each error carries what is known: HTTP `status`, Salesforce `code`, `job_id`,
`request_id`, and `recovery`, which says who can do something about it. Texts hold
ids, setting and field names and Salesforce's codes; never a token, never a record value.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class Recovery(str, Enum):
    """What a caller can do about an error."""

    FATAL = "fatal"
    """Somebody must change something first."""
    RETRIABLE = "retriable"
    """The same work may succeed later."""
    ROW = "row"
    """Leave this row out and go on."""


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
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.job_id = job_id
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        # A process pool sends errors home pickled; what is needed to make one differs by class.
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


class QuotaReached(SalesforceError):  # noqa: N818 - nothing went wrong: it is the line drawn
    """The run may use no more of the org's daily limits; what it had begun is finished."""

    recovery = Recovery.RETRIABLE


class TransportError(SalesforceError):
    """No usable answer came back.

    `ambiguous` tells whether the request may have been carried out all the same:
    then it must be looked up, not sent again. `permanent` tells that sending the same
    request again is no use, `compression` that the answer could not be unpacked.
    """

    recovery = Recovery.RETRIABLE

    def __init__(  # noqa: PLR0913 - the context every error carries, by keyword
        self,
        message: str,
        *,
        ambiguous: bool,
        permanent: bool = False,
        compression: bool = False,
        status: int | None = None,
        code: str | None = None,
        job_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, job_id=job_id, request_id=request_id)
        self.ambiguous = ambiguous
        self.permanent = permanent
        self.compression = compression


class UploadUnknown(TransportError):  # noqa: N818 - names what is unknown
    """It cannot be told whether a job has its data, and once.

    Nothing is loaded before the job is closed: abort it and begin a new one.
    """


class BatchNotAdded(TransportError):  # noqa: N818 - says what did not happen
    """A batch of Bulk API 1.0 did not arrive, and cannot any more: its job was closed for that.

    Add it to a new job.
    """


class ApiError(SalesforceError):
    """Salesforce answered with an error.

    `detail` is its own message without our words around it, `fields` the fields it names,
    `retry_after` the seconds it asks to wait, if it does.
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
        self.detail = detail
        self.retry_after = retry_after
        self.fields = tuple(fields)


class NotFound(ApiError):  # noqa: N818 - reads as Salesforce's own NOT_FOUND
    """No such job, object or record, or it may not be seen by this user."""


class SessionExpired(ApiError):  # noqa: N818 - reads as Salesforce's own words
    """The access token is refused and renewing it did not help."""


class LimitExceeded(ApiError):  # noqa: N818 - reads as Salesforce's own LIMIT_EXCEEDED
    """A quota of the org is used up."""

    recovery = Recovery.RETRIABLE


class NotSupportedByBulk(ApiError):  # noqa: N818 - reads as Salesforce's own words
    """Bulk API refuses this object or query; the REST API may serve it."""


class JobError(SalesforceError):
    """A bulk job did not do what was asked; `job_id` says which."""


class JobFailed(JobError):  # noqa: N818 - the state's own word
    """Salesforce ended the job with the state Failed."""


class JobAborted(JobError):  # noqa: N818 - the state's own word
    """Somebody ended the job with the state Aborted."""


class JobTimeout(JobError):  # noqa: N818 - stands beside JobFailed and JobAborted
    """The job was still running when the caller's patience ended; it was left running."""

    recovery = Recovery.RETRIABLE


class UnknownState(JobError):  # noqa: N818 - stands beside JobFailed and JobAborted
    """Salesforce used a state word this version does not know."""


class RowCountMismatch(JobError):  # noqa: N818 - names the check that failed
    """Rows received are not the rows Salesforce announced."""


class ResultsMismatch(JobError):  # noqa: N818 - names the check that failed
    """The results of a load are not those of the rows that were sent, or cannot be told apart."""


class DataError(SalesforceError):
    """Data that cannot be sent or read; `row` is its number in the input, from 1."""

    recovery = Recovery.ROW

    def __init__(self, message: str, *, row: int | None = None, job_id: str | None = None) -> None:
        super().__init__(message, job_id=job_id)
        self.row = row


class CsvError(DataError):
    """Text that is not the CSV it should be."""


class OversizeRow(DataError):  # noqa: N818 - names the limit that was passed
    """A row beyond a size limit of Salesforce."""
