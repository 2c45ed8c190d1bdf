"""`/identity/check`: are the customers what the ledger says?"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from shopalytic.accounts.models import IdentityCheck
from shopalytic.audit.ask import ask
from shopalytic.audit.record import find_latest, samples_of
from shopalytic.audit.sentences import SENTENCES, tell_check
from shopalytic.web.api.answers import Instant, format_instant
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.parameters import NoQuery


class CheckBody(msgspec.Struct, frozen=True):
    mend: Annotated[bool, Meta(description="Make what differs what the ledger says.")] = False
    dry_run: Annotated[bool, Meta(description="Begin nothing; only answer what the last check found.")] = (
        False
    )


class DifferenceRecord(msgspec.Struct, frozen=True):
    kind: Annotated[str, Meta(description=f"One of {', '.join(f'`{name}`' for name in SENTENCES)}.")]
    id_type: Annotated[str, Meta(description="Empty where it is not known.")]
    origin_id: Annotated[UUID, Meta(description="What the id's rows are stored under.")]
    customer_id: Annotated[UUID | None, Meta(description="Whose it is by the ledger.")]
    found_id: Annotated[UUID | None, Meta(description="Whose it is kept as, or read as.")]
    rows: Annotated[int, Meta(description="Events that count as somebody else's.")]


class CheckRecord(msgspec.Struct, frozen=True):
    check_id: int
    started_at: Instant
    done_at: Annotated[Instant | None, Meta(description="Null while it is under way.")]
    asked_by: Annotated[str, Meta(description="`schedule`, `user:<id>`, `key:<id>` or `command`.")]
    mends: bool
    customers: int
    entries: int
    rows: Annotated[int, Meta(description="Events compared.")]
    differences: int
    mended: int
    samples: Annotated[list[DifferenceRecord], Meta(description="The first of them.")]
    sentence: Annotated[str, Meta(description="The same in plain words.")]


class CheckAnswer(msgspec.Struct, frozen=True):
    last: Annotated[CheckRecord | None, Meta(description="The newest that is done.")]
    running: Annotated[CheckRecord | None, Meta(description="The one that is under way.")]


class CheckBegunAnswer(CheckAnswer, frozen=True):
    dry_run: bool
    repeated: Annotated[bool, Meta(description="It was under way already.")]


def get_check(asked: Asked, query: NoQuery) -> CheckAnswer:
    last, running = find_latest(asked.parts.sessions, asked.project.project_id)
    return CheckAnswer(_record(last), _record(running))


def begin_check(asked: Asked, query: NoQuery, body: CheckBody) -> CheckBegunAnswer:
    is_repeat = False
    if not body.dry_run:
        begun = ask(asked.parts, asked.project.project_id, asked_by=f"key:{asked.key_id}", mends=body.mend)
        is_repeat = begun.is_repeat
    last, running = find_latest(asked.parts.sessions, asked.project.project_id)
    return CheckBegunAnswer(_record(last), _record(running), body.dry_run, is_repeat)


def _record(check: IdentityCheck | None) -> CheckRecord | None:
    if check is None:
        return None
    return CheckRecord(
        check_id=check.id,
        started_at=format_instant(check.started_at),
        done_at=format_instant(check.done_at) if check.done_at else None,
        asked_by=check.asked_by,
        mends=check.mends,
        customers=check.customers,
        entries=check.entries,
        rows=check.rows,
        differences=check.differences,
        mended=check.mended,
        samples=[
            DifferenceRecord(one.kind, one.id_type, one.origin_id, one.customer_id, one.found_id, one.rows)
            for one in samples_of(check)
        ],
        sentence=tell_check(check),
    )
