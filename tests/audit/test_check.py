"""Each thing that is kept is broken by hand, and told with the id that it is about; mended, it is as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, update
from structlog.testing import capture_logs

from shopalytic.accounts.models import Conflict, Identity, Override
from shopalytic.identity.ids import origin_id
from shopalytic.identity.rules import BEGINNING
from tests.audit.conftest import at, check, instant, told
from tests.privacy.conftest import Shop

NOBODY = UUID(int=7)


def owners(shop: Shop) -> dict[str, str]:
    """Whose each row is, as reports read it."""
    return {row.message_id: row.owner_id for row in shop.rows()}


def tables(shop: Shop) -> list[set[Any]]:
    """What is kept of the customers, without numbers that rise."""
    with shop.parts.sessions() as db:
        found = []
        for model in (Identity, Conflict):
            columns = [column for column in model.__table__.c if column.name != "id"]
            rows = db.execute(select(*columns).where(model.project_id == shop.project.project_id))
            found.append({tuple(row) for row in rows})
        return found


def execute(shop: Shop, statement: Any) -> None:
    with shop.parts.sessions.begin() as db:
        # psycopg tells of no insert how many rows it wrote.
        assert db.connection().execute(statement).rowcount in (1, -1)


def of(shop: Shop, id_type: str, id_value: str) -> tuple[Any, ...]:
    row = Identity
    return (row.project_id == shop.project.project_id, row.id_type == id_type, row.id_value == id_value)


def change_owner(shop: Shop) -> None:
    execute(shop, update(Identity).where(*of(shop, "tracking_id", "laptop")).values(customer_id=NOBODY))


def change_instant(shop: Shop) -> None:
    later = Identity.from_at > BEGINNING
    values = {"from_at": instant(15)}
    execute(shop, update(Identity).where(*of(shop, "tracking_id", "phone"), later).values(**values))


def drop_identity(shop: Shop) -> None:
    execute(shop, delete(Identity).where(*of(shop, "email", "carl@a.example")))


def add_step(shop: Shop) -> None:
    add_identity(shop, "tracking_id", "till", instant(40))


def add_stray(shop: Shop) -> None:
    add_identity(shop, "user_id", "never said", BEGINNING)


def add_identity(shop: Shop, id_type: str, id_value: str, from_at: Any) -> None:
    values = {"id_type": id_type, "id_value": id_value, "from_at": from_at, "since": from_at}
    execute(
        shop,
        insert(Identity).values(project_id=shop.project.project_id, customer_id=NOBODY, **values),
    )


def drop_conflict(shop: Shop) -> None:
    execute(shop, delete(Conflict).where(Conflict.project_id == shop.project.project_id))


def change_conflict(shop: Shop) -> None:
    ours = Conflict.project_id == shop.project.project_id
    execute(shop, update(Conflict).where(ours).values(reason="too_many_ids"))


def add_conflict(shop: Shop) -> None:
    add_refusal(shop, "user_id", "bert")


def add_stray_conflict(shop: Shop) -> None:
    add_refusal(shop, "user_id", "never said")


def add_refusal(shop: Shop, id_type: str, id_value: str) -> None:
    values = {"id_type": id_type, "id_value": id_value, "reason": "owned_by_another", "kind": "alias"}
    execute(
        shop,
        insert(Conflict).values(
            project_id=shop.project.project_id, message_id="none", occurred_at=instant(5), **values
        ),
    )


def lose_override(shop: Shop) -> None:
    """As a restored backup of the store may."""
    laptop = origin_id(shop.project.project_id, "tracking_id", "laptop")
    shop.parts.store.command(
        "ALTER TABLE {{overrides}} DELETE "
        f"WHERE project_id = {shop.project.project_id} AND origin_id = '{laptop}' SETTINGS mutations_sync = 2"
    )
    shop.parts.store.reload_owners()


def lose_unsent_override(shop: Shop) -> None:
    """As one that was marked as sent, and never was."""
    lose_override(shop)
    laptop = origin_id(shop.project.project_id, "tracking_id", "laptop")
    execute(shop, delete(Override).where(Override.origin_id == laptop))


def change_rows(shop: Shop, origin: UUID) -> None:
    shop.parts.store.command(
        f"ALTER TABLE {{{{local('events')}}}} UPDATE customer_id = '{NOBODY}' "
        f"WHERE project_id = {shop.project.project_id} AND origin_id = '{origin}' SETTINGS mutations_sync = 2"
    )


def change_row_of_an_id(shop: Shop) -> None:
    change_rows(shop, origin_id(shop.project.project_id, "user_id", "carl"))


def change_row_of_a_stranger(shop: Shop) -> None:
    change_rows(shop, origin_id(shop.project.project_id, "tracking_id", "stranger"))


BROKEN: list[tuple[Callable[[Shop], None], str, str, str]] = [
    (change_owner, "identity_wrong", "tracking_id", "laptop"),
    (change_instant, "identity_wrong", "tracking_id", "phone"),
    (add_step, "identity_wrong", "tracking_id", "till"),
    (drop_identity, "identity_missing", "email", "carl@a.example"),
    (add_stray, "identity_extra", "user_id", "never said"),
    (drop_conflict, "conflict_missing", "user_id", "anna"),
    (change_conflict, "conflict_wrong", "user_id", "anna"),
    (add_conflict, "conflict_extra", "user_id", "bert"),
    (add_stray_conflict, "conflict_extra", "user_id", "never said"),
    (lose_override, "rows_wrong", "tracking_id", "laptop"),
    (lose_unsent_override, "rows_wrong", "tracking_id", "laptop"),
    (change_row_of_an_id, "rows_wrong", "user_id", "carl"),
    (change_row_of_a_stranger, "rows_wrong", "tracking_id", "stranger"),
]


def test_a_shop_that_is_as_its_ledger_says_is_told_to_be(shop: Shop) -> None:
    found = check(shop)
    assert found.told == set()
    assert (found.row.step, found.row.differences, found.row.plan) == ("done", 0, {})
    assert (found.row.customers, found.row.entries, found.row.rows) == (3, 6, 9)


@pytest.mark.parametrize(
    ("break_it", "kind", "id_type", "id_value"), BROKEN, ids=[one[0].__name__ for one in BROKEN]
)
def test_what_is_broken_is_told_and_mended(
    shop: Shop, break_it: Callable[[Shop], None], kind: str, id_type: str, id_value: str
) -> None:
    tables_before, owners_before = tables(shop), owners(shop)
    break_it(shop)

    found = check(shop)
    assert found.told == told(shop, kind, id_type, id_value)
    assert (found.row.differences, found.row.mended) == (1, 0)

    mended = check(shop, mends=True)
    assert mended.told == found.told
    assert (mended.row.differences, mended.row.mended) == (1, 1)
    assert tables(shop) == tables_before
    assert owners(shop) == owners_before

    again = check(shop)
    assert (again.told, again.row.differences) == (set(), 0)


def test_rows_under_an_id_that_was_sent_in_another_spelling_are_found(shop: Shop) -> None:
    shop.visit(at(50, user_id={"email": " Dora@A.Example"}), at(51, tracking_id="tablet"))
    shop.visit(at(52, type="identify", tracking_id="tablet", user_id={"email": "DORA@a.example"}))
    assert check(shop).told == set()
    change_rows(shop, origin_id(shop.project.project_id, "email", "dora@a.example"))
    assert check(shop).told == told(shop, "rows_wrong", "email", "dora@a.example")
    assert check(shop, mends=True).row.mended == 1


def test_rows_that_are_somebodys_by_no_id_of_theirs_are_told_and_left(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.parts.store.command(
        "ALTER TABLE {{local('events')}} UPDATE tracking_id = 'lost' "
        f"WHERE project_id = {shop.project.project_id} AND tracking_id = 'laptop' SETTINGS mutations_sync = 2"
    )
    found = check(shop, mends=True)
    laptop = str(origin_id(shop.project.project_id, "tracking_id", "laptop"))
    assert found.told == {("rows_unexplained", "", laptop)}
    assert (found.row.differences, found.row.mended) == (1, 0)


@pytest.mark.parametrize(
    ("breaks", "mends", "level"), [(False, False, "info"), (True, False, "error"), (True, True, "warning")]
)
def test_the_log_has_what_came_of_it_without_the_id(
    sqlite_shop: Shop, breaks: bool, mends: bool, level: str
) -> None:
    if breaks:
        drop_identity(sqlite_shop)
    with capture_logs() as logs:
        check(sqlite_shop, mends=mends)
    assert [one["log_level"] for one in logs] == [level]
    assert "carl@a.example" not in str(logs)
