"""The parts that a process works with, made once by `open_parts` and handed down."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from shopalytic.accounts.db import make_engine, make_sessions
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.store.client import open_store
from shopalytic.stream import Stream


@dataclass(frozen=True)
class Parts:
    """Nothing here is connected yet; each part connects at its first use. Not to be shared over a fork."""

    settings: Settings
    sessions: sessionmaker[Session]
    store: Store
    stream: Stream


def open_parts(settings: Settings) -> Parts:
    return Parts(
        settings=settings,
        sessions=make_sessions(make_engine(settings.relational_url)),
        store=open_store(settings),
        stream=Stream(settings.queue_url, settings.partitions),
    )
