"""Versions of a tracking plan in the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import make_engine, make_sessions
from shopalytic.accounts.models import PlanVersion, Project
from shopalytic.accounts.plans import (
    PlanChanged,
    Plans,
    find_version,
    get_version,
    list_versions,
    read_plan,
    save_plan,
)
from shopalytic.errors import DatabaseUnavailable, NotFound
from shopalytic.events.plan import EventRule, Plan, PropertyRule, WrongPlan

SEARCH = Plan(events={"search": EventRule("A search", properties={"query": PropertyRule("text", True)})})


@pytest.fixture
def project_id(sessions: sessionmaker[Session]) -> int:
    with sessions.begin() as db:
        project = Project(name="My shop", origins=[])
        db.add(project)
        db.flush()
        return project.id


def save(
    sessions: sessionmaker[Session], project_id: int, plan: Plan = SEARCH, based_on: int | None = None
) -> PlanVersion:
    with sessions.begin() as db:
        return save_plan(db, project_id, plan, saved_by="olga@shop.example", based_on=based_on)


def test_the_last_version_saved_is_in_force(sessions: sessionmaker[Session], project_id: int) -> None:
    with sessions() as db:
        assert read_plan(find_version(db, project_id)) == Plan()
    save(sessions, project_id, Plan("tell"))
    save(sessions, project_id)
    with sessions() as db:
        row = find_version(db, project_id)
        assert row is not None
        assert (row.version, row.saved_by, read_plan(row)) == (2, "olga@shop.example", SEARCH)
        assert [each.version for each in list_versions(db, project_id)] == [2, 1]
        assert read_plan(get_version(db, project_id, 1)) == Plan("tell")
        with pytest.raises(NotFound):
            get_version(db, project_id, 3)
        with pytest.raises(NotFound):
            get_version(db, project_id, 2**70)


def test_the_same_plan_again_is_no_new_version(sessions: sessionmaker[Session], project_id: int) -> None:
    assert save(sessions, project_id).id == save(sessions, project_id).id


def test_a_project_that_is_not_there_has_no_plan(sessions: sessionmaker[Session]) -> None:
    with pytest.raises(NotFound):
        save(sessions, 4711)


def test_a_wrong_plan_is_not_saved(sessions: sessionmaker[Session], project_id: int) -> None:
    with pytest.raises(WrongPlan):
        save(sessions, project_id, Plan(events={" ": EventRule()}))
    with sessions() as db:
        assert list_versions(db, project_id) == []


def test_of_two_who_change_the_same_version_at_once_one_is_told(
    sessions: sessionmaker[Session], project_id: int
) -> None:
    def change(name: str) -> str:
        try:
            save(sessions, project_id, Plan(events={name: EventRule()}), based_on=0)
        except PlanChanged:
            return "told"
        return "saved"

    with ThreadPoolExecutor(8) as threads:
        results = sorted(threads.map(change, "abcdefgh"))
    assert results == ["saved"] + ["told"] * 7
    with sessions() as db:
        assert len(list_versions(db, project_id)) == 1


def test_versions_of_two_projects_are_apart(sessions: sessionmaker[Session], project_id: int) -> None:
    with sessions.begin() as db:
        other = Project(name="Other", origins=[])
        db.add(other)
        db.flush()
        other_id = other.id
    assert save(sessions, project_id).id != save(sessions, other_id, Plan("tell")).id
    with sessions() as db:
        assert [each.version for each in list_versions(db, other_id)] == [1]


def test_a_version_is_read_from_the_database_once(sessions: sessionmaker[Session], project_id: int) -> None:
    first, second = save(sessions, project_id).id, save(sessions, project_id, Plan("refuse")).id
    queries: list[str] = []
    sqlalchemy_event.listen(
        sessions.kw["bind"], "before_cursor_execute", lambda *each: queries.append(each[2])
    )
    plans = Plans(sessions)
    for _ in range(3):
        ready = plans.read([first, second, 0])
        planned = ready[first]
        assert planned is not None
        assert planned.check("search", {}, []) == ["missing:query"]
    assert plans.find(second) is not None
    assert plans.find(0) is None
    assert len([query for query in queries if "plan_version" in query]) == 1


def test_a_version_that_is_not_there_judges_nothing(sessions: sessionmaker[Session]) -> None:
    assert Plans(sessions).find(99) is None


def test_a_database_that_does_not_answer_is_said(sessions: sessionmaker[Session]) -> None:
    broken = make_sessions(make_engine("sqlite:////nowhere/at/all.db"))
    with pytest.raises(DatabaseUnavailable):
        Plans(broken).find(1)


def test_memory_keeps_so_many_versions_and_no_more(
    sessions: sessionmaker[Session], project_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopalytic.accounts.plans.KEPT_READY", 2)
    ids = [save(sessions, project_id, Plan(events={name: EventRule()})).id for name in "abcd"]
    plans = Plans(sessions)
    assert all(plans.find(plan_id) is not None for plan_id in [*ids, *ids])
    assert len(plans._ready) == 2


def test_a_stored_plan_that_a_later_release_would_refuse_still_judges(
    sessions: sessionmaker[Session], project_id: int
) -> None:
    with sessions.begin() as db:
        row = PlanVersion(
            project_id=project_id, version=1, saved_by="an earlier release",
            plan='{"events":{"customer_register":{"on_violation":"refuse"}}}',
        )  # fmt: skip
        db.add(row)
        db.flush()
        plan_id = row.id
    assert Plans(sessions).find(plan_id) is not None
