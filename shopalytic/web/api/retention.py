"""`/retention`: how long the project keeps its events."""

from __future__ import annotations

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Project
from shopalytic.privacy.retention import Expected, forecast_retention, set_retention
from shopalytic.web.api.answers import RetentionAnswer, format_instant, format_store_instant
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.parameters import NoQuery, RetentionBody


def get_retention(asked: Asked, query: NoQuery) -> RetentionAnswer:
    with reading(asked.parts.sessions) as db:
        months = db.get_one(Project, asked.project.project_id).retention_months
    return _answer(asked, months, _expected(asked, months), is_dry_run=False)


def put_retention(asked: Asked, query: NoQuery, body: RetentionBody) -> RetentionAnswer:
    expected = _expected(asked, body.months)
    if not body.dry_run:
        with asked.parts.sessions.begin() as db:
            set_retention(db, asked.project.project_id, body.months, asked.now)
    return _answer(asked, body.months, expected, is_dry_run=body.dry_run)


def _expected(asked: Asked, months: int | None) -> Expected | None:
    if months is None:
        return None
    return forecast_retention(asked.parts.store, asked.project.project_id, months, asked.now)


def _answer(
    asked: Asked, months: int | None, expected: Expected | None, *, is_dry_run: bool
) -> RetentionAnswer:
    with reading(asked.parts.sessions) as db:
        row = db.get_one(Project, asked.project.project_id)
    deleted_before = row.events_deleted_before
    return RetentionAnswer(
        months=months,
        set_at=format_instant(row.retention_set_at) if row.retention_set_at else None,
        before=format_instant(expected.before) if expected else None,
        events=expected.events if expected else 0,
        orders=expected.orders if expected else 0,
        oldest=format_store_instant(expected.oldest) if expected and expected.oldest else None,
        deleted_before=format_instant(deleted_before) if deleted_before else None,
        dry_run=is_dry_run,
    )
