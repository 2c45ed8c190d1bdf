"""The processes: all of them at once (`up`), or one alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import click

from shopalytic.settings import PREFIX, Settings, load_settings


def address_options(command: Callable[..., None]) -> Callable[..., None]:
    host = click.option("--host", help="Address to listen on; else SHOPALYTIC_HOST, 127.0.0.1.")
    port = click.option("--port", type=int, help="Port to listen on; else SHOPALYTIC_PORT, 8000.")
    return host(port(command))


@click.command()
@address_options
@click.option("--demo", is_flag=True, help="Serve a demo shop, and fill its project with 90 days of history.")
def up(host: str | None, port: int | None, demo: bool) -> None:
    """Start everything, and restart what dies, until Ctrl-C."""
    from shopalytic.cli.welcome import print_welcome
    from shopalytic.supervisor import run_up

    settings = _load(host, port)
    sys.exit(run_up(settings, demo=demo, announce=lambda: print_welcome(settings, demo=demo)))


@click.command()
@address_options
def web(host: str | None, port: int | None) -> None:
    """Serve the collector, the dashboard and the read API."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.log import LogLevels

    from shopalytic.logs import configure_logging, logging_config
    from shopalytic.settings import get_secret_key

    settings = _load(host, port)
    # Checked here once: in the worker processes, a folder that cannot be written would be as many tracebacks.
    get_secret_key(settings)
    share_metrics(settings)
    configure_logging(settings)
    Granian(
        "shopalytic.app:create_wsgi",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.host,
        port=settings.port,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        http=HTTPModes.http1,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=15,
        log_level=LogLevels(settings.log_level),
        log_dictconfig=logging_config(settings),
    ).serve()


def share_metrics(settings: Settings) -> None:
    """Have the worker processes count in one folder, emptied first, so that any of them tells of all.

    Before prometheus_client is imported: it looks once, at import, where to count.
    """
    folder = settings.data_dir.absolute() / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


@click.command()
def store() -> None:
    """Serve the embedded event store, which speaks ClickHouse's HTTP protocol."""
    from shopalytic.store.embedded import serve_embedded

    serve_embedded(_load())


@click.command()
def demo() -> None:
    """Serve the demo shop on the port above the dashboard's, and fill in its history."""
    from shopalytic.demo.serve import serve
    from shopalytic.logs import configure_logging

    settings = _load()
    configure_logging(settings)
    serve(settings)


@click.command()
def queue() -> None:
    """Serve the embedded queue, a Valkey on a Unix socket."""
    from shopalytic.supervisor.queue import serve

    serve(_load())


@click.command()
def migrate() -> None:
    """Bring the tables of both databases to the newest form. Harmless when run twice or by two at once."""
    from shopalytic.accounts.db import upgrade
    from shopalytic.logs import configure_logging
    from shopalytic.store.client import open_store
    from shopalytic.store.migrate import migrate_store

    settings = _load()
    configure_logging(settings)
    upgrade(settings.relational_url)
    ran = migrate_store(open_store(settings))
    click.echo(
        f"The tables are up to date; run now on the event tables: {', '.join(ran) or 'nothing'}.", err=True
    )


def _load(host: str | None = None, port: int | None = None) -> Settings:
    """The settings; what the command line says is put in the environment, where the web's workers read it."""
    settings = load_settings(host=host, port=port)
    if host is not None:
        os.environ[f"{PREFIX}HOST"] = host
    if port is not None:
        os.environ[f"{PREFIX}PORT"] = str(port)
    return settings
