"""`shopalytic plan`, and `shopalytic lint` against a plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shopalytic.cli import plan as plan_command
from shopalytic.store import Store
from tests.cli.conftest import Run
from tests.factories import insert_events, make_event

SEARCH = {"events": {"search": {"properties": {"query": {"type": "text", "required": True}}}}}

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(value: Any, name: str = "plan.json") -> str:
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)

    return write


@pytest.fixture
def shop(run: Run) -> str:
    done = run("project", "create", "My shop", "--json")
    token: str = json.loads(done.stdout)["token"]
    return token


def test_a_plan_is_saved_and_shown_as_it_was(run: Run, write: Write, shop: str) -> None:
    done = run("plan", "save", write(SEARCH), "--project", shop)
    assert done.exit_code == 0, done.output
    assert done.stdout == "+ search: in the plan\n+ search.query: text, required\n"
    assert done.stderr == "Version 1 is in force.\n"
    shown = run("plan", "show", "--project", "My shop")
    assert json.loads(shown.stdout) == SEARCH
    assert shown.stderr.startswith("Version 1, saved ")


def test_a_project_without_a_plan_shows_an_empty_one(run: Run, shop: str) -> None:
    done = run("plan", "show", "--project", shop)
    assert (json.loads(done.stdout), done.stderr) == ({}, "No version yet.\n")


def test_the_same_plan_again_is_no_new_version(run: Run, write: Write, shop: str) -> None:
    for _ in range(2):
        done = run("plan", "save", write(SEARCH), "--project", shop)
    assert done.stderr == "The plan says that already.\n"
    run("plan", "save", write({}), "--project", shop)
    assert json.loads(run("plan", "show", "--project", shop, "--version", "1").stdout) == SEARCH
    assert json.loads(run("plan", "show", "--project", shop).stdout) == {}


def test_a_wrong_file_is_refused_with_the_place(run: Run, write: Write, shop: str) -> None:
    done = run("plan", "save", write({"events": {"a": {"on_violation": "drop"}}}), "--project", shop)
    assert done.exit_code == 1
    assert "events.a.on_violation" in done.stderr


def test_what_would_lose_messages_is_saved_only_with_yes(run: Run, write: Write, shop: str) -> None:
    file = write({"events": {"order": {"on_violation": "refuse"}}})
    done = run("plan", "save", file, "--project", shop)
    assert done.exit_code == 1
    assert "Their revenue is lost to every report" in done.stderr
    assert run("plan", "show", "--project", shop).stderr == "No version yet.\n"
    assert run("plan", "save", file, "--project", shop, "--yes").exit_code == 0


def test_a_file_made_from_an_older_version_is_refused_where_it_says_so(
    run: Run, write: Write, shop: str
) -> None:
    run("plan", "save", write(SEARCH), "--project", shop)
    done = run("plan", "save", write({}), "--project", shop, "--based-on", "0")
    assert done.exit_code == 1
    assert "Version 1 was saved since" in done.stderr


@pytest.fixture
def searches(store: Store, monkeypatch: pytest.MonkeyPatch, run: Run, shop: str) -> str:
    """The project's token, and twenty searches of it in the store."""
    [project] = json.loads(run("project", "list", "--json").stdout)
    events = [
        make_event(
            project_id=project["project_id"],
            event="cli_search",
            properties={"query": "mug", "hits": n},
        )
        for n in range(20)
    ]
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}.000"
    for event in events:
        event.occurred_at = event.received_at = now
    insert_events(store, events)
    monkeypatch.setattr(
        plan_command, "open_store", lambda settings: Store(store._address, store.naming.database)
    )
    return shop


def test_a_plan_is_learned_from_what_arrived(run: Run, write: Write, searches: str) -> None:
    done = run("plan", "learn", "--project", searches)
    assert done.exit_code == 0, done.output
    learned = json.loads(done.stdout)["events"]["cli_search"]["properties"]
    assert learned == {
        "hits": {"type": "integer", "required": True},
        "query": {"type": "text", "required": True},
    }
    assert "+ cli_search: in the plan" in done.stderr
    assert run("plan", "show", "--project", searches).stderr == "No version yet.\n"
    assert run("plan", "learn", "--project", searches, "--save").stderr.endswith("Version 1 is in force.\n")
    again = run("plan", "learn", "--project", searches)
    assert "cli_search" not in again.stderr


SENT = '{"event":"search","tracking_id":"v","properties":{"query":7}}\n'


def test_lint_checks_against_a_plans_file(run: Run, write: Write) -> None:
    file = write(SENT, "events.jsonl")
    assert run("lint", file).exit_code == 0
    done = run("lint", file, "--plan", write(SEARCH))
    assert done.exit_code == 1
    assert "search  not_a_text:query" in done.stdout


def test_lint_checks_against_a_projects_plan(run: Run, write: Write, shop: str) -> None:
    refusing = {"events": {"search": SEARCH["events"]["search"] | {"on_violation": "refuse"}}}
    run("plan", "save", write(refusing), "--project", shop, "--yes")
    done = run("lint", write(SENT, "events.jsonl"), "--project", shop)
    assert done.exit_code == 1
    assert "search  refused_by_plan  The tracking plan refuses it. query is not a text" in done.stdout
    assert "1 would be refused" in done.stderr


def test_lint_with_a_wrong_plan_is_exit_code_2(run: Run, write: Write) -> None:
    file = write(SENT, "events.jsonl")
    wrong = run("lint", file, "--plan", write("{"))
    assert (wrong.exit_code, "no JSON" in wrong.stderr) == (2, True)
    assert run("lint", file, "--plan", write("{}"), "--project", "1").exit_code == 2
    assert run("lint", file, "--project", "none").exit_code == 2
