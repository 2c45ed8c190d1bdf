from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from shopalytic.accounts.db import make_engine, make_sessions
from shopalytic.parts import Parts
from shopalytic.settings import Settings
from shopalytic.store import Store
from shopalytic.stream import Stream
from tests.api.conftest import Shop, make_app

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def dead_parts(tmp_path: Path) -> Parts:
    """Parts none of which is there."""
    return Parts(
        Settings(data_dir=tmp_path),
        make_sessions(make_engine(f"sqlite:///{tmp_path}/nowhere/none.db")),
        Store("http://127.0.0.1:9", "shopalytic"),
        Stream(f"unix://{tmp_path}/none.sock", partitions=2),
    )


def figures(text: str) -> dict[str, float]:
    """Sample name with its labels → value."""
    return {
        sample.name
        + "".join(f",{name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_ready_once_every_part_answers(shop: Shop) -> None:
    answer = shop.client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json == {
        "ready": True,
        "parts": {name: {"ready": True, "reason": ""} for name in ("queue", "database", "store")},
    }


def test_parts_that_do_not_answer_are_named_without_telling_where_they_are(dead_parts: Parts) -> None:
    answer: Any = make_app(dead_parts).test_client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json["ready"] is False
    reasons = {name: part["reason"] for name, part in answer.json["parts"].items()}
    assert reasons == {
        "queue": "The queue does not answer.",
        "database": "The database does not answer, or its tables are missing.",
        "store": "The event store does not answer.",
    }


def test_a_store_without_its_tables_is_not_ready(parts: Parts, store: Store) -> None:
    empty = Store(store._address, "no_such_database")
    app = make_app(dataclasses.replace(parts, store=empty))

    answer: Any = app.test_client().get("/readyz")

    assert answer.status_code == 503
    assert "shopalytic migrate" in answer.json["parts"]["store"]["reason"]


def test_alive_even_where_every_part_is_down(dead_parts: Parts) -> None:
    assert make_app(dead_parts).test_client().get("/healthz").status_code == 200


def test_metrics_tell_what_became_of_each_projects_messages(shop: Shop) -> None:
    entry = b'{"p":%d,"r":1,"m":{}}' % shop.project_id
    shop.parts.stream.append(shop.project_id, [("anna", entry)] * 3)

    found = figures(shop.client.get("/metrics").get_data(as_text=True))

    project = f",project={shop.project_id}"
    assert found[f"shopalytic_messages_accepted_total{project}"] == 3
    assert found[f"shopalytic_messages_stored_total{project}"] == 0
    assert found[f"shopalytic_messages_waiting{project}"] == 3
    assert sum(value for name, value in found.items() if name.startswith("shopalytic_queue_backlog")) >= 3
    assert found["shopalytic_queue_memory_bytes"] > 0
    assert found["shopalytic_part_up,part=store"] == 1


def test_metrics_of_a_part_that_is_down_are_missing_and_the_rest_is_there(dead_parts: Parts) -> None:
    answer = make_app(dead_parts).test_client().get("/metrics")

    found = figures(answer.get_data(as_text=True))
    assert answer.status_code == 200
    assert {name: value for name, value in found.items() if name.startswith("shopalytic_part_up")} == {
        "shopalytic_part_up,part=queue": 0,
        "shopalytic_part_up,part=database": 0,
        "shopalytic_part_up,part=store": 0,
    }
    assert not any(name.startswith("shopalytic_messages") for name in found)


def test_metrics_ask_for_the_key_where_one_is_set(parts: Parts) -> None:
    settings = Settings(data_dir=parts.settings.data_dir, metrics_key="open sesame")
    client = make_app(dataclasses.replace(parts, settings=settings)).test_client()

    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer open sesame"}).status_code == 200


def test_every_metric_has_a_help_text_and_stands_in_the_docs(shop: Shop, app: Flask) -> None:
    import shopalytic.collector  # noqa: F401  (its counters are in the same registry)

    entry = b'{"p":%d,"r":1,"m":{}}' % shop.project_id
    shop.parts.stream.append(shop.project_id, [("anna", entry)])
    text = shop.client.get("/metrics").get_data(as_text=True)
    documented = set(re.findall(r"^\| `(shopalytic_\w+)", (DOCS / "metrics.md").read_text(), re.MULTILINE))

    # A process that counts alone also says since when, which prometheus_client adds by itself.
    families = [
        family for family in text_string_to_metric_families(text) if not family.name.endswith("_created")
    ]
    suffixes = {"counter": "_total", "info": "_info"}
    assert {family.name + suffixes.get(family.type, "") for family in families} == documented
    assert all(family.documentation for family in families)


def test_one_web_process_tells_what_the_others_counted(tmp_path: Path) -> None:
    """Each looks at PROMETHEUS_MULTIPROC_DIR as it starts, hence processes of their own."""
    count = "from shopalytic.collector.metrics import requests_of; requests_of('native', 200).inc()"
    tell = (
        "from shopalytic.web.metrics import make_registry; from prometheus_client import generate_latest;"
        "print(generate_latest(make_registry(None, {'queue': False})).decode())"
    )
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], env=environment, check=True)
    told = subprocess.run(
        [sys.executable, "-c", tell], env=environment, check=True, capture_output=True, text=True
    )

    assert figures(told.stdout)["shopalytic_collector_requests_total,door=native,status=200"] == 2
