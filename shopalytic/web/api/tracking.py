"""`/customers/<id>/stop_tracking`, `…/resume_tracking` and `/tracking_stops`: who is tracked no more."""

from __future__ import annotations

from uuid import UUID

from shopalytic.privacy.stops import (
    Change,
    StopRecord,
    list_stops,
    resume_stop,
    resume_tracking,
    stop_tracking,
)
from shopalytic.web.api.answers import (
    StoppedIdAnswer,
    StopRecordAnswer,
    StopsAnswer,
    TrackingAnswer,
    format_instant,
)
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.parameters import NoQuery, TrackingBody


def stop(asked: Asked, query: NoQuery, customer_id: UUID, body: TrackingBody) -> TrackingAnswer:
    change = stop_tracking(asked.parts, asked.project, customer_id, by=_by(asked), is_dry_run=body.dry_run)
    return _answer(change, body)


def resume(asked: Asked, query: NoQuery, customer_id: UUID, body: TrackingBody) -> TrackingAnswer:
    change = resume_tracking(asked.parts, asked.project, customer_id, by=_by(asked), is_dry_run=body.dry_run)
    return _answer(change, body)


def get_stops(asked: Asked, query: NoQuery) -> StopsAnswer:
    return StopsAnswer([_record(one) for one in list_stops(asked.parts.sessions, asked.project.project_id)])


def resume_one(asked: Asked, query: NoQuery, stop_id: UUID) -> StopRecordAnswer:
    project_id, sessions = asked.project.project_id, asked.parts.sessions
    resume_stop(sessions, project_id, str(stop_id), by=_by(asked))
    return next(_record(one) for one in list_stops(sessions, project_id, only=str(stop_id)))


def _answer(change: Change, body: TrackingBody) -> TrackingAnswer:
    return TrackingAnswer(
        ids=[StoppedIdAnswer(*each) for each in change.ids],
        shared=change.shared,
        effective_at=format_instant(change.at) if change.at else None,
        stop_id=UUID(change.stop_id) if change.stop_id else None,
        dry_run=body.dry_run,
    )


def _record(one: StopRecord) -> StopRecordAnswer:
    return StopRecordAnswer(
        stop_id=UUID(one.stop_id),
        asked_at=format_instant(one.asked_at),
        asked_by=one.asked_by,
        effective_at=format_instant(one.effective_at),
        ids=one.ids,
        resumed=one.resumed,
    )


def _by(asked: Asked) -> str:
    return f"key:{asked.key_id}"
