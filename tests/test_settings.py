from __future__ import annotations

from pathlib import Path

import pytest

from shopalytic.app import create_app
from shopalytic.errors import ConfigurationError
from shopalytic.settings import OWN_PATHS, Settings, get_secret_key, load_settings
from shopalytic.snippet import render_snippet


def test_a_misspelled_variable_is_an_error_that_names_the_right_one() -> None:
    with pytest.raises(ConfigurationError, match="SHOPALYTIC_PROT; did you mean SHOPALYTIC_PORT"):
        load_settings({"SHOPALYTIC_PROT": "8000"})


@pytest.mark.parametrize("value", ["abc", "0", "70000", ""])
def test_a_wrong_value_is_an_error_that_names_the_variable(value: str) -> None:
    with pytest.raises(ConfigurationError, match="SHOPALYTIC_PORT"):
        load_settings({"SHOPALYTIC_PORT": value})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("COLLECTOR_PATH", "basket"), ("COLLECTOR_PATH", "/basket/"), ("COLLECTOR_PATH", "/a b"),
        ("COLLECTOR_PATH", "/v1"), ("COLLECTOR_PATH", "/api/tag"), ("TAG_NAME", "js/tag.js"), ("TAG_NAME", "track"),
        ("TAG_NAME", ""), ("PIXEL_NAME", "shopalytic.v1.js"),
        ("PIXEL_NAME", "shopalytic.v1.mjs"), ("COOKIE_NAME", "a=b"), ("COOKIE_NAME", ""),
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_reached_is_an_error(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"SHOPALYTIC_{variable}"):
        load_settings({f"SHOPALYTIC_{variable}": value})


def test_the_reserved_paths_are_those_of_the_application(tmp_path: Path) -> None:
    settings = load_settings({"SHOPALYTIC_DATA_DIR": str(tmp_path)})
    first = {str(rule).split("/")[1] for rule in create_app(settings).url_map.iter_rules()}
    module = settings.tag_name.removesuffix(".js")
    tag_names = {settings.tag_name, f"{module}.mjs", f"{module}.d.mts"}
    assert first - {"", settings.pixel_name} - tag_names == OWN_PATHS


def test_the_snippet_has_the_names_of_the_settings() -> None:
    plain = render_snippet(Settings(), "https://stats.shop.example/", "tok")
    assert 'src="https://stats.shop.example/shopalytic.v1.js"' in plain
    assert '.init("tok")' in plain
    renamed = Settings(collector_path="/basket", tag_name="b.js", cookie_name="_v")
    snippet = render_snippet(renamed, "https://stats.shop.example", "tok")
    assert 'src="https://stats.shop.example/basket/b.js"' in snippet
    assert '.init("tok",{cookie_name:"_v"})' in snippet
    assert "</script" not in render_snippet(Settings(), "https://x</script>", "</script>")


def test_options_of_the_command_line_win_over_the_environment() -> None:
    assert load_settings({"SHOPALYTIC_PORT": "9000"}, port=9001).port == 9001
    assert load_settings({"SHOPALYTIC_PORT": "9000"}, port=None).port == 9000


def test_a_long_data_folder_gets_its_queue_socket_elsewhere_and_always_the_same(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    sockets = {load_settings({"SHOPALYTIC_DATA_DIR": str(long)}).queue_socket for _ in range(2)}
    assert len(sockets) == 1
    assert len(str(sockets.pop())) < 100


def test_the_secret_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    settings = load_settings({"SHOPALYTIC_DATA_DIR": str(tmp_path / "new")})
    assert get_secret_key(settings) == get_secret_key(settings) != ""
    assert (tmp_path / "new" / "secret_key").stat().st_mode & 0o077 == 0
