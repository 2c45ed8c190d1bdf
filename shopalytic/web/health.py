"""Is it alive, is it ready, and how is it doing: for supervisors, load balancers and Prometheus."""

from __future__ import annotations

import hmac
from collections.abc import Callable

import msgspec
import structlog
from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client.exposition import choose_encoder
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Project
from shopalytic.errors import StoreRefused, StoreUnavailable
from shopalytic.parts import Parts
from shopalytic.web.metrics import make_registry

log = structlog.get_logger(__name__)

blueprint = Blueprint("health", __name__)


class PartState(msgspec.Struct, frozen=True):
    """reason: one sentence where the part is not ready, without what an outsider must not know."""

    ready: bool
    reason: str = ""


class Readiness(msgspec.Struct, frozen=True):
    ready: bool
    parts: dict[str, PartState]


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers. Asks no other part: a supervisor must not restart the web for a stopped store."""
    return _json(200, {"alive": True})


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 once every part answers and has its tables, 503 until then."""
    states = {name: check(_parts()) for name, check in CHECKS.items()}
    ready = all(state.ready for state in states.values())
    return _json(200 if ready else 503, Readiness(ready, states))


@blueprint.get("/metrics")
def metrics() -> Response:
    """Read anew at each scrape from the queue, so that every web process gives the same figures."""
    wanted = _parts().settings.metrics_key
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if wanted and not hmac.compare_digest(wanted.encode(), given.encode()):
        return Response("Send the metrics key: Authorization: Bearer <key>\n", 401, mimetype="text/plain")
    registry = make_registry(_parts(), _ready())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), content_type=content_type)


def check_queue(parts: Parts) -> PartState:
    return PartState(True) if parts.stream.ping() else PartState(False, "The queue does not answer.")


def check_database(parts: Parts) -> PartState:
    try:
        with reading(parts.sessions) as db:
            db.execute(select(Project.id).limit(1))
    except SQLAlchemyError as error:
        log.warning("the database is not ready", reason=str(getattr(error, "orig", error)))
        return PartState(False, "The database does not answer, or its tables are missing.")
    return PartState(True)


def check_store(parts: Parts) -> PartState:
    try:
        parts.store.command("SELECT 1 FROM {{events}} LIMIT 0")
    except StoreUnavailable as error:
        log.warning("the event store is not ready", reason=error.message)
        return PartState(False, "The event store does not answer.")
    except StoreRefused as error:
        log.warning("the event store is not ready", reason=error.message)
        return PartState(False, "The event store's tables are missing: run shopalytic migrate.")
    return PartState(True)


CHECKS: dict[str, Callable[[Parts], PartState]] = {
    "queue": check_queue,
    "database": check_database,
    "store": check_store,
}


def register(app: Flask, parts: Parts) -> None:
    app.register_blueprint(blueprint)


def _ready() -> dict[str, bool]:
    return {name: check(_parts()).ready for name, check in CHECKS.items()}


def _parts() -> Parts:
    parts: Parts = current_app.extensions["shopalytic"]
    return parts


def _json(status: int, answer: object) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(answer), status=status, mimetype="application/json", headers=headers)
