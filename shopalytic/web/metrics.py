"""The figures of /metrics. Every one stands in docs/metrics.md."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

import shopalytic
from shopalytic.accounts.db import reading
from shopalytic.accounts.models import Project
from shopalytic.errors import QueueUnavailable
from shopalytic.parts import Parts
from shopalytic.stream import Counters, Stream

PREFIX = "shopalytic_"


def make_registry(parts: Parts, ready: dict[str, bool]) -> CollectorRegistry:
    """Everything that one scrape gives: what is read from the parts now, and what the web processes counted."""
    registry = CollectorRegistry()
    registry.register(ShopalyticCollector(parts, ready))
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(ThisProcess())
    return registry


class ThisProcess(Collector):
    """What was counted here, where no folder is shared: a web server of one process."""

    def collect(self) -> Iterable[Metric]:
        return (family for family in REGISTRY.collect() if family.name.startswith(PREFIX))


class ShopalyticCollector(Collector):
    """Reads everything when it is scraped. A part that does not answer takes its own figures away, not the others.

    ready: whether each part answered, by name, as the caller found it.
    """

    def __init__(self, parts: Parts, ready: dict[str, bool]) -> None:
        self._parts = parts
        self._ready = ready

    def collect(self) -> Iterable[Metric]:
        build = InfoMetricFamily("shopalytic_build", "The version that answers.")
        build.add_metric([], {"version": shopalytic.__version__})
        yield build
        up = GaugeMetricFamily("shopalytic_part_up", "1 where the part answers, else 0.", labels=["part"])
        for name, is_ready in self._ready.items():
            up.add_metric([name], float(is_ready))
        yield up
        if self._ready.get("queue"):
            yield from _queue_figures(self._parts.stream)
        if self._ready.get("queue") and self._ready.get("database"):
            yield from _message_figures(self._parts.stream, self._parts.sessions)


def _queue_figures(stream: Stream) -> Iterable[Metric]:
    backlog = GaugeMetricFamily(
        "shopalytic_queue_backlog", "Messages that wait in a partition of the queue.", labels=["partition"]
    )
    used = GaugeMetricFamily("shopalytic_queue_memory_bytes", "Memory that the queue uses.")
    limit = GaugeMetricFamily(
        "shopalytic_queue_memory_limit_bytes", "Memory that the queue may use; 0: no limit."
    )
    try:
        for partition, waiting in stream.backlog().items():
            backlog.add_metric([str(partition)], waiting)
        memory = stream.memory()
    except QueueUnavailable:
        return
    used.add_metric([], memory.used_bytes)
    limit.add_metric([], memory.limit_bytes)
    yield from (backlog, used, limit)


def _message_figures(stream: Stream, sessions: sessionmaker[Session]) -> Iterable[Metric]:
    try:
        counted = {project_id: stream.counters(project_id) for project_id in _project_ids(sessions)}
    except (QueueUnavailable, SQLAlchemyError):
        return
    for name, sentence in COUNTERS.items():
        family = CounterMetricFamily(f"shopalytic_messages_{name}", sentence, labels=["project"])
        for project_id, counters in counted.items():
            family.add_metric([str(project_id)], getattr(counters, name))
        yield family
    yield _dropped(counted)
    waiting = GaugeMetricFamily(
        "shopalytic_messages_waiting", "Messages accepted and not processed yet.", labels=["project"]
    )
    for project_id, counters in counted.items():
        waiting.add_metric([str(project_id)], counters.waiting)
    yield waiting


COUNTERS = {
    "accepted": "Messages that the collector took.",
    "stored": "Messages that became a stored event.",
    "duplicate": "Messages that were stored before under the same message id.",
    "quarantined": "Messages kept apart, to be mended.",
}


def _dropped(counted: dict[int, Counters]) -> Metric:
    family = CounterMetricFamily(
        "shopalytic_messages_dropped", "Messages dropped on purpose, by reason.", labels=["project", "reason"]
    )
    for project_id, counters in counted.items():
        for reason, messages in sorted(counters.dropped.items()):
            family.add_metric([str(project_id), reason], messages)
    return family


def _project_ids(sessions: sessionmaker[Session]) -> Sequence[int]:
    with reading(sessions) as db:
        return db.scalars(select(Project.id).order_by(Project.id)).all()
