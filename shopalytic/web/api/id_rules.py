"""`/id-rules` and `/never-ids`: what the project says of its types of ids, and of ids that mean nobody."""

from __future__ import annotations

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import IdRuleRow, NeverId
from shopalytic.identity.id_rules import (
    RuleChoice,
    check_rule,
    choice_of,
    count_over,
    list_rules,
    list_types,
    save_rule,
)
from shopalytic.identity.never import add_never, get_never, list_never, parse_never, remove_never
from shopalytic.identity.policy import TAKES_EFFECT_AFTER
from shopalytic.web.api.answers import (
    IdRuleAnswer,
    IdRulesAnswer,
    IdTypeAnswer,
    NeverIdAnswer,
    NeverIdsAnswer,
    SavedIdRuleAnswer,
    format_instant,
)
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.parameters import IdRuleBody, NeverBody, NoQuery, RemoveNeverBody


def get_id_rules(asked: Asked, query: NoQuery) -> IdRulesAnswer:
    project_id = asked.project.project_id
    with reading(asked.parts.sessions) as db:
        types = [
            IdTypeAnswer(
                type=one.name,
                ids=one.ids,
                is_hard=one.choice.is_hard,
                max_per_customer=one.choice.max_per_customer,
                new_links_per_day=one.choice.new_links_per_day,
                is_told_by_property=one.choice.is_told_by_property,
            )
            for one in list_types(db, project_id)
        ]
        return IdRulesAnswer(types, [_rule(row) for row in list_rules(db, project_id)])


def put_id_rule(asked: Asked, query: NoQuery, body: IdRuleBody) -> SavedIdRuleAnswer:
    project_id = asked.project.project_id
    choice = RuleChoice(
        is_hard=body.is_hard,
        max_per_customer=body.max_per_customer,
        new_links_per_day=body.new_links_per_day,
        is_told_by_property=body.is_told_by_property,
    )
    name = check_rule(body.type, choice)
    with reading(asked.parts.sessions) as db:
        over = count_over(db, project_id, name, body.max_per_customer) if body.max_per_customer else 0
        newest = next(iter(list_rules(db, project_id, name)), None)
    is_same = choice_of(newest) == choice
    saved = None
    if not body.dry_run and not is_same:
        with asked.parts.sessions.begin() as db:
            saved = save_rule(db, project_id, name, choice, by=f"key:{asked.key_id}")
    return SavedIdRuleAnswer(
        type=name,
        changes=not is_same,
        from_at=format_instant(saved.from_at) if saved else None,
        links_from_at=format_instant(saved.from_at + TAKES_EFFECT_AFTER) if saved else None,
        customers_over=over,
        dry_run=body.dry_run,
    )


def get_never_ids(asked: Asked, query: NoQuery) -> NeverIdsAnswer:
    with reading(asked.parts.sessions) as db:
        return NeverIdsAnswer([_never(row) for row in list_never(db, asked.project.project_id)])


def post_never_id(asked: Asked, query: NoQuery, body: NeverBody) -> NeverIdAnswer:
    wanted = parse_never(body.type, body.value)
    now = asked.now
    if body.dry_run:
        return NeverIdAnswer(
            None, *wanted, format_instant(now), f"key:{asked.key_id}", format_instant(now + TAKES_EFFECT_AFTER),
            None, None, dry_run=True,
        )  # fmt: skip
    with asked.parts.sessions.begin() as db:
        return _never(add_never(db, asked.project.project_id, wanted, f"key:{asked.key_id}"))


def post_remove_never(asked: Asked, query: NoQuery, never_id: int, body: RemoveNeverBody) -> NeverIdAnswer:
    project_id = asked.project.project_id
    if body.dry_run:
        with reading(asked.parts.sessions) as db:
            return _never(get_never(db, project_id, never_id), is_dry_run=True)
    with asked.parts.sessions.begin() as db:
        return _never(remove_never(db, project_id, never_id, f"key:{asked.key_id}"))


def _rule(row: IdRuleRow) -> IdRuleAnswer:
    return IdRuleAnswer(
        type=row.id_type,
        is_hard=row.is_hard,
        max_per_customer=row.max_per_customer,
        new_links_per_day=row.new_links_per_day,
        is_told_by_property=row.is_told_by_property,
        from_at=format_instant(row.from_at),
        links_from_at=format_instant(row.from_at + TAKES_EFFECT_AFTER),
        set_by=row.set_by,
    )


def _never(row: NeverId, *, is_dry_run: bool = False) -> NeverIdAnswer:
    return NeverIdAnswer(
        never_id=row.id,
        type=row.id_type,
        value=row.id_value or None,
        set_at=format_instant(row.set_at),
        set_by=row.set_by,
        effective_at=format_instant(row.effective_at),
        removed_at=format_instant(row.removed_at) if row.removed_at else None,
        ends_at=format_instant(row.ends_at) if row.ends_at else None,
        dry_run=is_dry_run,
    )
