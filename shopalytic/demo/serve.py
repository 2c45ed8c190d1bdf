"""`shopalytic demo`: makes the demo's project, fills in its history and serves the shop."""

from __future__ import annotations

import json
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from shopalytic.accounts.models import Key, Project
from shopalytic.accounts.projects import create_project
from shopalytic.demo.history import Moment, make_history
from shopalytic.demo.shop import create_shop
from shopalytic.errors import ConfigurationError, QueueUnavailable
from shopalytic.events.message import Envelope
from shopalytic.parts import Parts, open_parts
from shopalytic.settings import Settings, get_secret_key
from shopalytic.snippet import render_snippet
from shopalytic.stream import Stream

PROJECT_NAME = "Demo shop"
MESSAGES_AT_ONCE = 200

log = structlog.get_logger(__name__)
_encoder = msgspec.json.Encoder()


class DemoProject(NamedTuple):
    project_id: int
    token: str


def serve(settings: Settings) -> None:
    """Serve the shop on the port above the dashboard's until SIGTERM. Blocks.

    Raises ConfigurationError where that port is taken.
    """
    parts = open_parts(settings)
    project = ensure_project(parts)
    folder = settings.data_dir.absolute()
    shop = create_shop(
        folder,
        snippet=render_snippet(settings, collector_address(settings), project.token),
        secret_key=get_secret_key(settings),
    )
    try:
        server = make_server(settings.host, settings.port + 1, shop, threaded=True)
    except (OSError, SystemExit) as error:
        raise ConfigurationError(f"The demo shop's port {settings.port + 1} is taken: {error}.") from None
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    threading.Thread(target=fill, args=(parts.stream, project.project_id, folder), daemon=True).start()
    server.serve_forever()


def collector_address(settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    return settings.public_url or f"http://{host}:{settings.port}"


def ensure_project(parts: Parts) -> DemoProject:
    """The demo's project, made at the first start."""
    with parts.sessions.begin() as db:
        found = _find_project(db)
        if found:
            return found
        made = create_project(db, PROJECT_NAME, time_zone="Europe/London", currency="GBP")
        return DemoProject(made.project.id, made.token)


def _find_project(db: Session) -> DemoProject | None:
    row = db.execute(
        select(Project.id, Key.value)
        .join(Key, Key.project_id == Project.id)
        .where(Project.name == PROJECT_NAME, Key.kind == "token", Key.revoked_at.is_(None))
    ).first()
    return DemoProject(row[0], row[1]) if row else None


def fill(stream: Stream, project_id: int, folder: Path) -> None:
    """Send the history once; interrupted, the next start sends it again and the known part counts once."""
    mark = folder / "demo-history.json"
    if mark.exists():
        return
    start = folder / "demo-history.start"
    if not start.exists():
        start.write_text(datetime.now(UTC).isoformat())
    moments = make_history(datetime.fromisoformat(start.read_text()))
    for at in range(0, len(moments), MESSAGES_AT_ONCE):
        _append(stream, project_id, moments[at : at + MESSAGES_AT_ONCE])
    mark.write_text(json.dumps({"messages": len(moments)}))
    log.info("the demo's history is filled in", messages=len(moments))


def _append(stream: Stream, project_id: int, moments: list[Moment]) -> None:
    entries = [(moment.message["tracking_id"], encode(project_id, moment)) for moment in moments]
    while True:
        try:
            if sum(stream.backlog().values()) < 5_000:
                stream.append(project_id, entries)
                return
        except QueueUnavailable as error:
            log.warning("the demo's history waits", why=error.message)
        time.sleep(0.2)


def encode(project_id: int, moment: Moment) -> bytes:
    envelope = Envelope(
        project_id=project_id,
        received_at=time.time_ns() // 1_000_000,
        message_id=moment.message["message_id"],
        user_agent=moment.user_agent,
        message=msgspec.Raw(_encoder.encode(moment.message)),
    )
    return _encoder.encode(envelope)
