"""What a check found, in words. Instants are left to whoever shows them."""

from __future__ import annotations

from shopalytic.accounts.models import IdentityCheck

SENTENCES = {
    "identity_missing": "An id of the ledger is kept as nobody's.",
    "identity_wrong": "An id is kept as another customer's, or from another time on.",
    "identity_extra": "An id is kept that the ledger does not know.",
    "conflict_missing": "A refused link is not listed.",
    "conflict_wrong": "A refused link is listed with another reason, or as other customers'.",
    "conflict_extra": "A refused link is listed that the ledger does not have.",
    "rows_wrong": "Events count as somebody else's in reports.",
    "rows_unexplained": "Events count as somebody's to whom none of their ids leads; this cannot be mended.",
}
"""By the kind of a difference; docs/identity.md lists them."""


def tell_check(check: IdentityCheck) -> str:
    """`40,000 customers rebuilt from 212,000 entries, 1,200,000 events compared: all the same.`"""
    done = (
        f"{_count(check.customers, 'customer')} rebuilt from {_count(check.entries, 'entry', 'entries')}, "
        f"{_count(check.rows, 'event')} compared"
    )
    if check.done_at is None:
        return f"Under way: {done} so far."
    return f"{done}: {_result(check)}."


def _result(check: IdentityCheck) -> str:
    left = check.differences - check.mended
    if not check.differences:
        return "all the same"
    if not left:
        return f"{_count(check.differences, 'difference')} found and mended"
    if check.mended:
        return f"{_count(check.differences, 'difference')} found, {check.mended:,} of them mended"
    return f"{_count(check.differences, 'difference')} found"


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"
