"""`/customers/<id>/anonymise`, `…/forget`, `…/export` and `/erasures`: a person's rights."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from shopalytic.accounts.models import Erasure
from shopalytic.errors import NotFound
from shopalytic.privacy.record import Forecast, Kind, ask, find_erasure, forecast_of, list_erasures
from shopalytic.reports.money import round_money
from shopalytic.web.api.answers import (
    ErasureAnswer,
    ErasureRecord,
    ErasuresAnswer,
    Moves,
    format_instant,
)
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.export import export_pieces
from shopalytic.web.api.parameters import ErasureBody, NoQuery


def anonymise(asked: Asked, query: NoQuery, customer_id: UUID, body: ErasureBody) -> ErasureAnswer:
    return _ask(asked, customer_id, "anonymise", body)


def forget(asked: Asked, query: NoQuery, customer_id: UUID, body: ErasureBody) -> ErasureAnswer:
    return _ask(asked, customer_id, "forget", body)


def export_customer(asked: Asked, query: NoQuery, customer_id: UUID) -> Iterator[bytes]:
    return export_pieces(asked, customer_id)


def get_erasures(asked: Asked, query: NoQuery) -> ErasuresAnswer:
    found = list_erasures(asked.parts.sessions, asked.project.project_id)
    return ErasuresAnswer([_record(asked, one) for one in found])


def get_erasure(asked: Asked, query: NoQuery, erasure_id: UUID) -> ErasureRecord:
    found = find_erasure(asked.parts.sessions, str(erasure_id))
    if found is None or found.project_id != asked.project.project_id:
        raise NotFound("This project has no such erasure.", at="erasure_id")
    return _record(asked, found)


def _ask(asked: Asked, customer_id: UUID, kind: Kind, body: ErasureBody) -> ErasureAnswer:
    answer = ask(
        asked.parts, asked.project, customer_id, kind,
        asked_by=f"key:{asked.key_id}", is_dry_run=body.dry_run,
    )  # fmt: skip
    return ErasureAnswer(
        moves=_moves(asked, answer.forecast),
        customers=[],
        erasure_id=UUID(answer.erasure_id) if answer.erasure_id else None,
        dry_run=body.dry_run,
        done=answer.is_done,
        repeated=answer.is_repeat,
    )


def _record(asked: Asked, erasure: Erasure) -> ErasureRecord:
    return ErasureRecord(
        erasure_id=UUID(erasure.id),
        kind=erasure.kind,
        asked_at=format_instant(erasure.asked_at),
        asked_by=erasure.asked_by,
        step=erasure.step,
        done_at=format_instant(erasure.done_at) if erasure.done_at else None,
        moves=_moves(asked, forecast_of(erasure)),
        properties=erasure.counts.get("properties", 0),
        set_aside=erasure.counts.get("set_aside", 0),
    )


def _moves(asked: Asked, known: Forecast) -> Moves:
    return Moves(known.events, known.orders, round_money(known.revenue, asked.project.currency))
