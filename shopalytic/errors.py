"""The errors that Shopalytic raises on purpose.

ShopalyticError
├── ConfigurationError        a setting or a command line is wrong; nothing was started
├── Unavailable (503)         a part does not answer; the sender keeps the message and retries
│   ├── QueueUnavailable      the stream did not take the message
│   ├── DatabaseUnavailable   the relational database did not answer
│   └── StoreUnavailable      the event store did not answer
├── Rejected (400)            the request is refused as a whole, with its reason
│   ├── NotAuthorized (401)   no key, a wrong one, or a revoked one
│   ├── Forbidden (403)       the key is right, but not for this
│   ├── NotFound (404)
│   ├── TooLarge (413)
│   └── TooMany (429)
└── StoreRefused              the event store understood a statement and refused it
"""

from __future__ import annotations


class ShopalyticError(Exception):
    """Base of all; `code` is the stable name that an API answer carries, `status` its HTTP status."""

    status = 500
    code = "internal_error"

    def __init__(self, message: str, *, at: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        """Where in the input it went wrong, such as `events[3].event`; None where there is no such place."""


class ConfigurationError(ShopalyticError):
    """A setting or a command line is wrong. The message names it and says what would be right."""

    code = "configuration_error"


class Unavailable(ShopalyticError):
    """A part of the system does not answer now. Retrying later is right."""

    status = 503
    code = "unavailable"
    retry_after_seconds = 5


class QueueUnavailable(Unavailable):
    """The stream did not take the message. The sender keeps it and retries."""

    code = "queue_unavailable"


class DatabaseUnavailable(Unavailable):
    """The relational database did not answer. Nothing was changed."""

    code = "database_unavailable"


class StoreUnavailable(Unavailable):
    """The event store did not answer. Nothing was changed, or the repeat changes nothing more."""

    code = "store_unavailable"


class Rejected(ShopalyticError):
    """The request is refused; sending the same again is refused again."""

    status = 400
    code = "bad_request"


class NotAuthorized(Rejected):
    status = 401
    code = "not_authorized"


class Forbidden(Rejected):
    status = 403
    code = "forbidden"


class NotFound(Rejected):
    status = 404
    code = "not_found"


class TooLarge(Rejected):
    status = 413
    code = "too_large"


class TooMany(Rejected):
    status = 429
    code = "too_many_requests"
    retry_after_seconds = 1


class StoreRefused(ShopalyticError):
    """The event store understood the statement and refused it, with ClickHouse's own `number`."""

    code = "store_refused"

    def __init__(self, message: str, *, number: int = 0) -> None:
        super().__init__(message)
        self.number = number
