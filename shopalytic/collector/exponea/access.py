"""Who calls: Exponea's ways to send a key."""

from __future__ import annotations

from shopalytic.accounts.keys import PREFIXES
from shopalytic.collector.keys import Access
from shopalytic.collector.receiver import Receiver
from shopalytic.collector.sender import Environ
from shopalytic.collector.translated import open_key, read_basic
from shopalytic.errors import NotAuthorized

AT = "Authorization"


def open_project(receiver: Receiver, environ: Environ, token: str) -> tuple[Access, bool]:
    """The project of the address, and whether the caller showed a secret key of it.

    token: as it stands in the address. Raises NotAuthorized, Unavailable.
    """
    key, beside = _read_keys(environ.get("HTTP_AUTHORIZATION", ""))
    access, is_secret = open_key(receiver, key, AT)
    for other in (token, beside):
        if other and receiver.keys.get_token(other).project_id != access.project_id:
            raise NotAuthorized("The address and the key are of two projects.", at=AT)
    return access, is_secret


def open_for_reading(receiver: Receiver, environ: Environ, token: str) -> Access:
    """What the secret key opens. Raises NotAuthorized, Unavailable."""
    access, is_secret = open_project(receiver, environ, token)
    if not is_secret:
        raise NotAuthorized(
            "A project token may only write. Reading needs a secret key of the project.", at=AT
        )
    return access


def _read_keys(authorization: str) -> tuple[str, str]:
    """(the key, the project token that stands beside it, if any)."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "token":
        return value.strip(), ""
    basic = read_basic(authorization)
    if basic is None:
        raise NotAuthorized(
            "Send Authorization: Token <project token>, or Basic with a secret key of the project.", at=AT
        )
    user, password = basic
    if not password:
        return user, ""
    # What stands for Exponea's public key may be anything; a token among it has to be the project's.
    return password, user if user.startswith(PREFIXES["token"]) else ""
