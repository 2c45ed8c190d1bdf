"""`/plan`: the project's tracking plan, read and replaced."""

from __future__ import annotations

from msgspec import UNSET

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import PlanVersion
from shopalytic.accounts.plans import WouldLose, find_version, get_version, read_plan, save_plan
from shopalytic.events.plan import Plan
from shopalytic.events.plan_changes import tell_losses
from shopalytic.web.api.answers import PlanAnswer, format_instant
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.parameters import PlanQuery, SavePlanQuery


def get_plan(asked: Asked, query: PlanQuery) -> PlanAnswer:
    with reading(asked.parts.sessions) as db:
        project_id = asked.project.project_id
        if query.version is UNSET:
            return _answer(find_version(db, project_id))
        return _answer(get_version(db, project_id, query.version))


def put_plan(asked: Asked, query: SavePlanQuery, body: Plan) -> PlanAnswer:
    based_on = None if query.based_on is UNSET else query.based_on
    with asked.parts.sessions.begin() as db:
        project_id = asked.project.project_id
        losses = tell_losses(read_plan(find_version(db, project_id)), body)
        if losses and not query.allow_losses:
            raise WouldLose(" ".join([*losses, "Nothing was saved; send allow_losses=true to save it."]))
        row = save_plan(db, project_id, body, saved_by=f"API key {asked.key_id}", based_on=based_on)
    return _answer(row)


def _answer(row: PlanVersion | None) -> PlanAnswer:
    if row is None:
        return PlanAnswer(0, None, None, Plan())
    return PlanAnswer(row.version, format_instant(row.saved_at), row.saved_by, read_plan(row))
