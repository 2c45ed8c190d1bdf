"""What the embedded store answers when it cannot do what was asked, in ClickHouse's own codes and words."""

from __future__ import annotations

import re

from shopalytic.errors import ConfigurationError, StoreUnavailable

BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
INCORRECT_DATA = 117
READONLY = 164
REQUIRED_PASSWORD = 194
TOO_MANY_SIMULTANEOUS_QUERIES = 202
SOCKET_TIMEOUT = 209
QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216
NOT_ENOUGH_SPACE = 243
QUERY_IS_TOO_LARGE = 229
SUPPORT_IS_DISABLED = 344
INTO_OUTFILE_NOT_ALLOWED = 358
SESSION_NOT_FOUND = 372
SESSION_IS_LOCKED = 373
INVALID_SESSION_TIMEOUT = 374
HTTP_LENGTH_REQUIRED = 381
QUERY_WAS_CANCELLED = 394
AUTHENTICATION_FAILED = 516
UNKNOWN_SETTING = 115
UNKNOWN_QUERY_PARAMETER = 456
CHECKSUM_DOESNT_MATCH = 40
UNKNOWN_EXCEPTION = 1002
UNKNOWN_FORMAT = 73

_NAMES = {
    number: name for name, number in list(globals().items()) if name.isupper() and isinstance(number, int)
}

# ClickHouse's exceptionCodeToHTTPStatus. 202 and 243 are 500 there; a client that honours 503 and 507 retries.
_STATUSES = {
    REQUIRED_PASSWORD: 401,
    HTTP_LENGTH_REQUIRED: 411,
    QUERY_IS_TOO_LARGE: 413,
    NOT_IMPLEMENTED: 501,
    TOO_MANY_SIMULTANEOUS_QUERIES: 503,
    NOT_ENOUGH_SPACE: 507,
    159: 408,  # TIMEOUT_EXCEEDED
    779: 415,  # UNSUPPORTED_MEDIA_TYPE
    **dict.fromkeys((192, 193, 497, 512, AUTHENTICATION_FAILED), 403),
    **dict.fromkeys((76, 439, SOCKET_TIMEOUT), 503),
    # CANNOT_PARSE_…, ILLEGAL_COLUMN, TYPE_MISMATCH and their like: what the sender wrote is wrong.
    **dict.fromkeys((6, 8, 15, 25, 26, 27, 37, 38, 41, 44, 53, 72, 123, 167, 168, 223, 321, 376), 400),
    **dict.fromkeys((427, 441, 675, 676, BAD_ARGUMENTS, SYNTAX_ERROR, INCORRECT_DATA), 400),
    # UNKNOWN_TABLE, UNKNOWN_DATABASE, UNKNOWN_FUNCTION and their like.
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 152, 336, 511, UNKNOWN_SETTING), 404),
}


class StatementFailed(Exception):
    """A statement that was refused or that failed; `text` is ClickHouse's whole message, `code` its number."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def status(self) -> int:
        return _STATUSES.get(self.code, 500)


class MalformedRequest(Exception):
    """The bytes are not HTTP that can be answered in order; the connection has to be closed after the answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ClientGone(Exception):
    """The client closed its connection; nobody is there to take an answer."""


class StoreLocked(ConfigurationError):
    """Another process has the event store's folder open. The message names the process."""


class StoreNotOpened(StoreUnavailable):
    """The engine could not be started on its folder; the message says why and what to do."""


def refusal(code: int, message: str) -> StatementFailed:
    """A failure that this server states by itself, in the form of the engine's own."""
    return StatementFailed(code, f"Code: {code}. DB::Exception: {message} ({_NAMES[code]})")


_CODE = re.compile(r"Code: (\d+)\. DB::\w*Exception: ")
_VERSION = re.compile(r"\s*\(version [\d.]+(?: \(official build\))?\)")
_NAME = re.compile(r"\.? \([A-Z][A-Z0-9_]+\)$")


def parse_failure(text: str) -> StatementFailed:
    """Turn the engine's exception text into a failure with one code, one message and one name.

    The engine repeats code, name and version once for each of its layers that passed the exception on;
    clients that match on the text expect what a server sends, each once.
    """
    text = text.strip()
    at = text.find("Code: ")
    code = _CODE.match(text, max(at, 0))
    if code is None:
        return StatementFailed(UNKNOWN_EXCEPTION, f"Code: {UNKNOWN_EXCEPTION}. DB::Exception: {text}")
    text = text[code.start() :]
    while (inner := _CODE.match(text, code.end())) and inner[1] == code[1]:
        text = text[code.end() :]
        code = _CODE.match(text) or code
        text = _VERSION.sub("", text)
        if (name := _NAME.search(text)) and (again := _NAME.search(text[: name.start()].rstrip("."))):
            text = text[: again.end()]
    return StatementFailed(int(code[1]), _VERSION.sub("", text))
