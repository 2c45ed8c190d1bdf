"""`shopalytic project` and `shopalytic user`."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.conftest import Run


def created(run: Run, name: str, *options: str) -> dict[str, Any]:
    done = run("project", "create", name, *options, "--json")
    assert done.exit_code == 0, done.output
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def test_create_gives_what_scripts_need(run: Run) -> None:
    made = created(
        run, "My shop", "--timezone", "Europe/London", "--currency", "GBP", "--origin", "https://a.example"
    )
    assert made["project_id"] == 1
    assert made["token"].startswith("sha_pub_")
    assert made["secret_key"].startswith("sha_sec_")
    assert (made["time_zone"], made["currency"], made["origins"]) == (
        "Europe/London", "GBP", ["https://a.example"],
    )  # fmt: skip


def test_create_tells_people_that_the_secret_key_is_shown_once(run: Run) -> None:
    done = run("project", "create", "My shop")
    assert "sha_pub_" in done.stdout
    assert "sha_sec_" in done.stdout
    assert "shown this once" in done.stdout


def test_the_list_names_each_project_with_its_token(run: Run) -> None:
    made = [created(run, "First"), created(run, "Second")]
    listed = json.loads(run("project", "list", "--json").stdout)
    assert [(it["name"], it["token"]) for it in listed] == [
        ("First", made[0]["token"]),
        ("Second", made[1]["token"]),
    ]
    assert made[1]["token"] in run("project", "list").stdout


def test_no_list_gives_a_secret_key_away(run: Run) -> None:
    made = created(run, "My shop")
    for words in (["list"], ["list", "--json"], ["keys", "1"], ["keys", "1", "--json"]):
        assert made["secret_key"] not in run("project", *words).stdout
    assert made["secret_key"][:12] + "…" in run("project", "keys", "1").stdout


def test_a_rotated_key_is_revoked_and_followed_by_a_new_one(run: Run) -> None:
    made = created(run, "My shop")
    rotated = json.loads(run("project", "rotate", "My shop", made["secret_key"], "--json").stdout)
    keys = json.loads(run("project", "keys", "1", "--json").stdout)
    old, new = (key for key in keys if key["kind"] == "secret")
    assert old["revoked_at"] is not None
    assert new["revoked_at"] is None
    assert rotated["secret_key"].startswith(new["key"].rstrip("…"))


def test_a_key_can_be_changed_without_a_gap(run: Run) -> None:
    made = created(run, "My shop")
    added = run("project", "add-key", "1", "token").stdout.strip()
    in_force = {key["key"] for key in json.loads(run("project", "keys", "1", "--json").stdout)}
    assert {added, made["token"]} <= in_force
    assert run("project", "revoke", "1", made["token"]).exit_code == 0
    assert json.loads(run("project", "list", "--json").stdout)[0]["token"] == added


def test_a_key_that_is_not_there_is_named(run: Run) -> None:
    created(run, "My shop")
    done = run("project", "revoke", "1", "sha_pub_nope")
    assert (done.exit_code, done.stderr) == (1, "Error: This project has no key 'sha_pub_nope'.\n")


def test_origins_are_added_removed_and_opened(run: Run) -> None:
    created(run, "My shop")
    assert run("project", "origins", "1").stdout == "Any origin may send.\n"
    run("project", "origins", "1", "--add", "https://a.example", "--add", "https://B.example/")
    run("project", "origins", "1", "--add", "https://a.example")
    assert run("project", "origins", "1").stdout == "https://a.example\nhttps://b.example\n"
    run("project", "origins", "1", "--remove", "https://a.example")
    assert json.loads(run("project", "origins", "1", "--json").stdout) == ["https://b.example"]
    assert "is not among" in run("project", "origins", "1", "--remove", "https://a.example").stderr
    run("project", "origins", "1", "--any")
    assert run("project", "origins", "1").stdout == "Any origin may send.\n"


def test_a_bad_origin_changes_nothing(run: Run) -> None:
    created(run, "My shop", "--origin", "https://a.example")
    done = run("project", "origins", "1", "--any", "--add", "b.example/shop")
    assert done.exit_code == 1
    assert "must begin with https" in done.stderr
    assert run("project", "origins", "1").stdout == "https://a.example\n"


def test_an_invitation_prints_a_link_and_then_none(run: Run) -> None:
    created(run, "My shop")
    done = run(
        "user", "invite", "Ann@shop.example", "--project", "1", SHOPALYTIC_PUBLIC_URL="https://stats.example/"
    )
    assert done.stdout.startswith("https://stats.example/sign-in/link/")
    assert "ann@shop.example" in run("user", "list").stdout


def test_a_sign_in_link_needs_a_known_address(run: Run) -> None:
    done = run("user", "sign-in-link", "bob@shop.example")
    assert done.exit_code == 1
    assert "There is no user 'bob@shop.example'" in done.stderr
    assert run("user", "sign-in-link").stdout.startswith("http://127.0.0.1:8000/sign-in/link/")


def test_a_name_with_control_characters_cannot_reach_the_terminal(run: Run) -> None:
    done = run("project", "create", "My\x1b[31mshop")
    assert done.exit_code == 1
    assert "control characters" in done.stderr


def test_a_hook_key_comes_with_the_secret_that_its_webhooks_are_signed_with(run: Run) -> None:
    created(run, "My shop")
    made = json.loads(run("project", "add-key", "1", "hook", "--json").stdout)
    assert made["hook_key"].startswith("sha_hok_")
    assert len(made["signing_secret"]) == 40
    listed = json.loads(run("project", "keys", "1", "--json").stdout)
    assert [key["key"] for key in listed if key["kind"] == "hook"] == [made["hook_key"]]


def test_a_hook_key_takes_the_platforms_own_secret_when_it_is_known(run: Run) -> None:
    created(run, "My shop")
    made = json.loads(
        run("project", "add-key", "1", "hook", "--signing-secret", "the platform's", "--json").stdout
    )
    assert made["signing_secret"] == "the platform's"
    assert (
        run("project", "hook-secret", "1", made["hook_key"], "--signing-secret", "another one").exit_code == 0
    )
    rotated = json.loads(run("project", "rotate", "1", made["hook_key"], "--json").stdout)
    assert rotated["signing_secret"] == "another one"


def test_only_hook_keys_have_a_signing_secret(run: Run) -> None:
    made = created(run, "My shop")
    assert run("project", "add-key", "1", "token", "--signing-secret", "of a token").exit_code == 2
    refused = run("project", "hook-secret", "1", made["token"], "--signing-secret", "of a token")
    assert refused.exit_code == 1
    assert "hook key" in refused.stderr
    short = run("project", "add-key", "1", "hook", "--signing-secret", "short")
    assert short.exit_code == 1
    assert "8 to 255" in short.stderr
