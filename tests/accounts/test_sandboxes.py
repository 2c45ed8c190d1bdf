"""A project's sandbox: which number it has, and what emptying leaves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.models import OrderClaim, Project, Sandbox
from shopalytic.accounts.projects import create_project, list_projects
from shopalytic.accounts.sandboxes import (
    KEPT,
    close_old_sandboxes,
    close_sandbox,
    delete_rows,
    find_sandbox,
    find_sandboxed,
    forget_sandbox,
    is_sandbox,
    list_closed,
    open_sandbox,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def project(sessions: sessionmaker[Session]) -> Project:
    with sessions.begin() as db:
        return create_project(db, "My shop").project


def test_a_sandbox_is_made_at_its_first_use_and_is_no_project(
    sessions: sessionmaker[Session], project: Project
) -> None:
    with sessions() as db:
        assert find_sandbox(db, project.id) is None
    made = open_sandbox(sessions, project.id)
    assert made == open_sandbox(sessions, project.id)
    with sessions() as db:
        assert find_sandbox(db, project.id) == made
        assert find_sandboxed(db, made) == project.id
        assert [each.id for each in list_projects(db)] == [project.id]
    assert (is_sandbox(made), is_sandbox(project.id)) == (True, False)


def test_two_who_open_a_sandbox_at_once_get_the_same(
    sessions: sessionmaker[Session], project: Project
) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: open_sandbox(sessions, project.id), range(16)))
    assert len(made) == 1


def test_an_emptied_sandbox_gets_another_number(sessions: sessionmaker[Session], project: Project) -> None:
    before = open_sandbox(sessions, project.id)
    with sessions.begin() as db:
        assert close_sandbox(db, project.id) == before
        assert close_sandbox(db, project.id) is None
    after = open_sandbox(sessions, project.id)
    assert after != before
    with sessions() as db:
        assert find_sandboxed(db, before) == project.id
        assert list_closed(db, before=datetime.now(UTC) + timedelta(seconds=1)) == [before]
        assert list_closed(db, before=datetime.now(UTC) - timedelta(minutes=1)) == []


def test_a_number_is_not_given_out_again(sessions: sessionmaker[Session], project: Project) -> None:
    before = open_sandbox(sessions, project.id)
    with sessions.begin() as db:
        close_sandbox(db, project.id)
        forget_sandbox(db, before)
    assert open_sandbox(sessions, project.id) > before


def test_an_old_sandbox_is_closed_and_a_young_one_stays(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        db.add_all(
            [
                Sandbox(project_id=1, opened_at=NOW - KEPT - timedelta(seconds=1)),
                Sandbox(project_id=2, opened_at=NOW - KEPT),
            ]
        )
        db.flush()
        close_old_sandboxes(db, NOW)
    with sessions() as db:
        assert find_sandbox(db, 1) is None
        assert find_sandbox(db, 2) is not None


def test_deleting_a_sandboxs_rows_leaves_those_of_projects(
    sessions: sessionmaker[Session], project: Project
) -> None:
    sandbox = open_sandbox(sessions, project.id)
    with sessions.begin() as db:
        for id in (project.id, sandbox):
            db.add(OrderClaim(project_id=id, order_id="o1", message_id="m1", batch="b"))
        db.flush()
        delete_rows(db, sandbox)
        with pytest.raises(ValueError, match="is no sandbox"):
            delete_rows(db, project.id)
    with sessions() as db:
        assert list(db.scalars(select(OrderClaim.project_id))) == [project.id]
        assert find_sandboxed(db, sandbox) == project.id
