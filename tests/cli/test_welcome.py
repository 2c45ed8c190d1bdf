"""What `up` prints when everything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from shopalytic.accounts.projects import list_projects
from shopalytic.accounts.sign_in_links import use_link
from shopalytic.cli.database import open_database
from shopalytic.cli.welcome import base_url, print_welcome
from shopalytic.settings import Settings, get_secret_key


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def test_the_first_start_makes_a_project_and_a_sign_in_link(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    print_welcome(settings, demo=False)
    shown = capsys.readouterr().out
    assert "http://127.0.0.1:8000/sign-in/link/" in shown
    assert "sha_pub_" in shown
    with open_database(settings) as db:
        assert [project.name for project in list_projects(db)] == ["My shop"]


def test_a_second_start_makes_nothing_more(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    print_welcome(settings, demo=False)
    print_welcome(settings, demo=False)
    with open_database(settings) as db:
        assert len(list_projects(db)) == 1


def test_the_printed_link_lets_the_first_user_in_and_is_not_printed_again(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    print_welcome(settings, demo=False)
    link = next(word for word in capsys.readouterr().out.split() if "/sign-in/link/" in word)
    with open_database(settings) as db:
        use_link(
            db, get_secret_key(settings), link.rpartition("/")[2], "ann@shop.example", "four small words"
        )
    print_welcome(settings, demo=False)
    shown = capsys.readouterr().out
    assert "/sign-in/link/" not in shown
    assert "http://127.0.0.1:8000/" in shown


def test_the_demo_shop_is_a_port_further(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    print_welcome(settings, demo=True)
    assert "http://127.0.0.1:8001/" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("host", "public_url", "address"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8000"),
        ("0.0.0.0", "", "http://127.0.0.1:8000"),
        ("::", "", "http://[::1]:8000"),
        ("fd00::1", "", "http://[fd00::1]:8000"),
        ("0.0.0.0", "https://stats.example/", "https://stats.example"),
    ],
)
def test_the_address_is_one_that_a_browser_can_open(host: str, public_url: str, address: str) -> None:
    assert base_url(Settings(host=host, public_url=public_url)) == address
