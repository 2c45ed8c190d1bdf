"""What a project says of its types of ids: saved, read, and with the history of what was said before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shopalytic.accounts.models import Identity, IdRuleRow, Link
from shopalytic.accounts.sandboxes import find_sandboxed, is_sandbox
from shopalytic.errors import Rejected
from shopalytic.identity.ids import EMAIL, USER_ID, VISITOR, ForbiddenId, parse_user_ids
from shopalytic.identity.policy import BEGINNING, LINKS_PER_DAY, IdRule, Policy
from shopalytic.identity.statements import hold_identity

RULE = IdRuleRow.__table__.c
IDENTITY = Identity.__table__.c
LINK = Link.__table__.c

LARGEST = 1_000_000
"""Of a limit; what is meant as none is none."""
TYPES_MAX = 100
"""With rules of their own, in one project."""


class WrongIdRule(Rejected):
    """A rule that means nothing, or that would take a project's ids away; `at` names the member."""

    code = "wrong_id_rule"


class RuleChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What is chosen for a type. Limits: None is none; max_per_customer 1: unique."""

    is_hard: bool = True
    max_per_customer: int | None = None
    new_links_per_day: int | None = LINKS_PER_DAY
    is_told_by_property: bool = False


class TypeOfId(msgspec.Struct, frozen=True):
    """A type that the ledger knows, or that has a rule.

    ids: how many there are. set_at: None where the project never said anything.
    """

    name: str
    ids: int
    choice: RuleChoice
    set_at: datetime | None = None
    set_by: str = ""


def read_policy(db: Session, project_id: int) -> Policy:
    """All rules of the project, of all times, in one query. A sandbox goes by its project's."""
    return Policy(
        IdRule(
            id_type=row.id_type,
            from_at=row.from_at,
            is_hard=row.is_hard,
            max_per_customer=row.max_per_customer,
            new_links_per_day=row.new_links_per_day,
            is_told_by_property=row.is_told_by_property,
        )
        for row in db.execute(
            select(
                RULE.id_type,
                RULE.from_at,
                RULE.is_hard,
                RULE.max_per_customer,
                RULE.new_links_per_day,
                RULE.is_told_by_property,
            ).where(RULE.project_id == project_of(db, project_id))
        )
    )


def project_of(db: Session, project_id: int) -> int:
    """Whose settings count: of a sandbox's number those of the project that it belongs to."""
    return (find_sandboxed(db, project_id) or project_id) if is_sandbox(project_id) else project_id


def list_rules(db: Session, project_id: int, id_type: str | None = None) -> list[IdRuleRow]:
    """What was ever said, newest first; id_type: of this type alone."""
    query = select(IdRuleRow).where(RULE.project_id == project_id)
    if id_type is not None:
        query = query.where(RULE.id_type == id_type)
    return list(db.scalars(query.order_by(RULE.from_at.desc(), RULE.id.desc())))


def check_rule(id_type: str, choice: RuleChoice) -> str:
    """The type's name as ids have it. Raises WrongIdRule."""
    name = _parse_type(id_type)
    if not choice.is_hard and name in (USER_ID, VISITOR):
        what = (
            "what the shop calls its customers" if name == USER_ID else "the browser that everything hangs on"
        )
        raise WrongIdRule(f"{name} is {what}: whether it links cannot be chosen.", at="is_hard")
    if choice.is_told_by_property and name != EMAIL:
        raise WrongIdRule("Only an e-mail address is taken from the property.", at="is_told_by_property")
    if choice.is_told_by_property and not choice.is_hard:
        raise WrongIdRule("What links nobody cannot be an id by its property.", at="is_told_by_property")
    for at, number in (
        ("max_per_customer", choice.max_per_customer),
        ("new_links_per_day", choice.new_links_per_day),
    ):
        if number is not None and not 1 <= number <= LARGEST:
            raise WrongIdRule(
                f"{at} is {number}; send a whole number from 1 to {LARGEST}, or null for no limit.", at=at
            )
    return name


def save_rule(
    db: Session, project_id: int, id_type: str, choice: RuleChoice, *, by: str, now: datetime | None = None
) -> IdRuleRow | None:
    """Say something new of a type, from now on; None where it is what counts already. Raises WrongIdRule.

    Takes the project's identity lock: no worker reads the ledger while it is undecided which rules there are.
    """
    name = check_rule(id_type, choice)
    hold_identity(db, project_id)
    # On SQLite it is the first statement that waits for others.
    known = list_rules(db, project_id)
    at = max(now or datetime.now(UTC), _after_all(db, project_id))
    newest = next((row for row in known if row.id_type == name), None)
    if choice_of(newest) == choice:
        return None
    if newest is None and len({row.id_type for row in known}) >= TYPES_MAX:
        raise WrongIdRule(f"At most {TYPES_MAX} types of ids have rules.", at="type")
    if newest is not None:
        # Two of one instant would have no order; a clock that was set back would leave the older one in force.
        at = max(at, newest.from_at + timedelta(milliseconds=1))
    row = IdRuleRow(
        project_id=project_id,
        id_type=name,
        from_at=at,
        set_at=at,
        set_by=by,
        **msgspec.structs.asdict(choice),
    )
    db.add(row)
    db.flush()
    return row


def _after_all(db: Session, project_id: int) -> datetime:
    """Later than all that was read already: some clocks are ahead, and what was read moves nowhere."""
    newest = db.scalars(select(func.max(LINK.occurred_at)).where(LINK.project_id == project_id)).one()
    return BEGINNING if newest is None else newest + timedelta(milliseconds=1)


def choice_of(row: IdRuleRow | IdRule | None) -> RuleChoice:
    """None: what counts where nothing was ever said."""
    if row is None:
        return RuleChoice()
    return RuleChoice(
        is_hard=row.is_hard,
        max_per_customer=row.max_per_customer,
        new_links_per_day=row.new_links_per_day,
        is_told_by_property=row.is_told_by_property,
    )


def list_types(db: Session, project_id: int) -> list[TypeOfId]:
    """Those that the ledger knows, `user_id`, `email` and a visitor's too where it knows none, and those with rules.

    Cost: one look at every id of the project, some tenths of a second a million.
    """
    numbers = db.execute(
        select(IDENTITY.id_type, func.count())
        # The one row of each id that tells whose it was first.
        .where(IDENTITY.project_id == project_id, IDENTITY.from_at == BEGINNING)
        .group_by(IDENTITY.id_type)
    )
    ids: dict[str, int] = {name: number for name, number in numbers}  # noqa: C416
    newest: dict[str, IdRuleRow] = {}
    for row in list_rules(db, project_id):
        newest.setdefault(row.id_type, row)
    names = {USER_ID, EMAIL, VISITOR, *ids, *newest}
    found = []
    for name in sorted(names, key=_place):
        row_of = newest.get(name)
        found.append(
            TypeOfId(
                name, ids.get(name, 0), choice_of(row_of),
                row_of.set_at if row_of else None, row_of.set_by if row_of else "",
            )
        )  # fmt: skip
    return found


def count_over(db: Session, project_id: int, id_type: str, most: int) -> int:
    """How many customers have more ids of the type than that today. They keep them, whatever is chosen.

    Cost: one look at every id of the type, some seconds for some millions.
    """
    over = (
        select(IDENTITY.customer_id)
        .where(IDENTITY.project_id == project_id, IDENTITY.id_type == id_type)
        .group_by(IDENTITY.customer_id)
        .having(func.count(func.distinct(IDENTITY.id_value)) > most)
        .subquery()
    )
    return db.scalar(select(func.count()).select_from(over)) or 0


def _parse_type(name: str) -> str:
    if name.strip().lower() == VISITOR:
        return VISITOR
    try:
        [parsed] = parse_user_ids({name: "any"})
    except ForbiddenId as error:
        raise WrongIdRule(error.message, at="type") from None
    return parsed


def _place(name: str) -> tuple[int, str]:
    return {USER_ID: 0, EMAIL: 1, VISITOR: 3}.get(name, 2), name
