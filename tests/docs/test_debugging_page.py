"""The example of docs/debugging.md, sent through queue, worker and store, gives the answer that stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

from shopalytic.pipeline.told import OutcomeName
from tests.collector.conftest import empty_database, sessions
from tests.collector.test_sandbox_processed import Shop, shop, valkey_url

__all__ = ["empty_database", "sessions", "shop", "valkey_url"]

PAGE = (Path(__file__).parents[2] / "docs" / "debugging.md").read_text()
SAID_EACH_TIME_ANEW = ("occurred_at", "customer_id", "session_id")


def test_the_sandbox_answers_as_the_page_says(shop: Shop) -> None:
    [request] = re.findall(r"curl -d '(.*?)' http", PAGE, re.DOTALL)
    [documented] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    answer = shop.post("/track", json.loads(request) | {"token": shop.project.token})
    assert _comparable(answer) == _comparable(json.loads(documented))
    assert list(answer) == list(json.loads(documented))


def test_every_outcome_stands_in_the_table() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) - {"outcome"}
    assert documented == {*get_args(OutcomeName), "waiting"} - {"refused"}


def _comparable(answer: dict[str, Any]) -> dict[str, Any]:
    event = answer["event"] | {
        name: len(answer["event"][name]) for name in SAID_EACH_TIME_ANEW
    }  # as long as the real ones
    return answer | {"event": event}
