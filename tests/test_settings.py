from __future__ import annotations

from pathlib import Path

import pytest

from shopalytic.errors import ConfigurationError
from shopalytic.settings import get_secret_key, load_settings


def test_a_misspelled_variable_is_an_error_that_names_the_right_one() -> None:
    with pytest.raises(ConfigurationError, match="SHOPALYTIC_PROT; did you mean SHOPALYTIC_PORT"):
        load_settings({"SHOPALYTIC_PROT": "8000"})


@pytest.mark.parametrize("value", ["abc", "0", "70000", ""])
def test_a_wrong_value_is_an_error_that_names_the_variable(value: str) -> None:
    with pytest.raises(ConfigurationError, match="SHOPALYTIC_PORT"):
        load_settings({"SHOPALYTIC_PORT": value})


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
