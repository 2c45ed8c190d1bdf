from __future__ import annotations

from pathlib import Path

from shopalytic.settings import Settings, load_settings
from shopalytic.supervisor.parts import child_environment, list_parts
from shopalytic.supervisor.probe import find_store_address


def names(settings: Settings) -> list[str]:
    return [part.name for part in list_parts(settings)]


def test_everything_embedded_runs_six_processes_and_web_comes_last() -> None:
    assert names(Settings()) == ["queue", "store", "migrate", "worker", "schedule", "web"]


def test_servers_elsewhere_are_not_started_here() -> None:
    elsewhere = Settings(redis_url="redis://queue", clickhouse_url="http://events:8123")
    assert names(elsewhere) == ["migrate", "worker", "schedule", "web"]


def test_several_workers_have_names_of_their_own() -> None:
    assert names(Settings(worker_processes=2))[3:5] == ["worker1", "worker2"]


def test_a_child_reads_the_very_settings_of_its_parent(tmp_path: Path) -> None:
    """Also where the parent's command line took a default back that its environment had changed."""
    settings = Settings(data_dir=tmp_path, redis_url="redis://queue", geoip_file=tmp_path / "geo.mmdb")
    environ = {"SHOPALYTIC_PORT": "9000", "SHOPALYTIC_DATABASE_URL": "sqlite:///x", "HOME": "/home/shop"}
    environment = child_environment(settings, colors=False, form="json", environ=environ)
    assert environment["HOME"] == "/home/shop"
    child = load_settings(environment)
    assert (child.port, child.redis_url, child.database_url) == (8000, "redis://queue", "")
    assert (child.geoip_file, child.data_dir) == (tmp_path / "geo.mmdb", tmp_path)


def test_a_relative_data_folder_reaches_the_children_as_an_absolute_one() -> None:
    environment = child_environment(Settings(data_dir=Path("data")), colors=False, form="json", environ={})
    assert load_settings(environment).data_dir == Path("data").absolute()


def test_the_stores_address_is_unknown_until_its_file_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "store.json"
    assert find_store_address(file) is None
    file.write_text('{"url": "http://shop:se')
    assert find_store_address(file) is None
    file.write_text('{"url": "http://shop:secret@127.0.0.1:5123"}')
    assert find_store_address(file) == ("127.0.0.1", 5123)
