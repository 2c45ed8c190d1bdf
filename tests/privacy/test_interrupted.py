"""Cut off anywhere, an erasure that is gone on with ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from shopalytic.errors import StoreUnavailable
from shopalytic.parts import Parts
from shopalytic.privacy import rows, run
from shopalytic.privacy.record import find_erasure, unfinished
from shopalytic.privacy.run import STEPS, advance
from shopalytic.store import Store
from tests.privacy.conftest import Row, Shop
from tests.privacy.test_anonymise import SECRETS, everything, jons_day

WAITS = ("waiting", "hiding", "purging", "logging", "disk")
"""They change nothing."""


class Crash(Exception):
    """The worker dies here."""


class Failing(Store):
    """The real store, which does not answer at the n-th statement that changes something, or right after it."""

    def __init__(self, real: Store, fail_at: int, *, is_done_before: bool) -> None:
        self._real = real
        self.naming = real.naming
        self._left = fail_at
        self._is_done_before = is_done_before

    def rows(self, *args: Any, **parameters: Any) -> Any:
        return self._real.rows(*args, **parameters)

    def insert(self, table: str, lines: Iterable[bytes], *, token: str) -> None:
        self._change(lambda: self._real.insert(table, lines, token=token))

    def command(self, sql: str, **parameters: Any) -> None:
        self._change(lambda: self._real.command(sql, **parameters))

    def reload_owners(self) -> None:
        self._real.reload_owners()

    def _change(self, change: Any) -> None:
        self._left -= 1
        if self._left < 0:
            return change()
        if self._left == 0:
            if self._is_done_before:
                change()
            raise StoreUnavailable("gone")
        return change()


def visible(shop: Shop) -> list[tuple[Any, ...]]:
    """What the rows say, apart from surrogates, which are others each time."""
    return [
        (row.message_id, row.event, row.order_id, row.total, row.url, str(row.properties))
        for row in shop.rows()
    ]


def is_anonymised(rows: list[Row]) -> bool:
    return all(row.tracking_id == "ann-browser" or row.tracking_id.startswith("anonymised-") for row in rows)


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        *(("anonymise", step) for step in STEPS if step not in WAITS),
        ("forget", "cutting"),
        ("forget", "rows"),
    ],
)
def test_a_crash_after_any_step_and_before_it_was_noted(
    sqlite_shop: Shop, step: str, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = sqlite_shop
    jons_day(shop)
    before = shop.overview()
    asked = shop.ask(kind, shop.get("4417-jon"))
    real = STEPS[step]

    def die(work: run.Work) -> bool:
        real(work)
        raise Crash

    with monkeypatch.context() as broken:
        broken.setitem(STEPS, step, die)
        with pytest.raises(Crash):
            for _ in range(500):
                advance(shop.parts, shop.runner, asked.erasure_id)
    assert unfinished(shop.parts.sessions) == [asked.erasure_id]
    shop.erase_on(asked.erasure_id)
    if kind == "anonymise":
        assert shop.overview() == before
        assert is_anonymised(shop.rows())
        assert len(shop.rows()) == 5
    else:
        assert len(shop.rows()) == 1
    left = everything(shop)
    assert [secret for secret in SECRETS if secret in left] == []


def test_a_store_that_does_not_answer_at_any_statement(sqlite_shop: Shop) -> None:
    """Before it has done what the statement says, or right after."""
    shop = sqlite_shop
    twice = [(1, False), (1, True), (2, False), (2, True)]
    for fail_at, is_done_before in [*twice, *((place, place % 2 == 0) for place in range(3, 20))]:
        shop.visit(
            {
                "tracking_id": f"browser-{fail_at}-{is_done_before}",
                "user_id": f"buyer-{fail_at}-{is_done_before}",
            },
            {
                "tracking_id": f"browser-{fail_at}-{is_done_before}",
                "user_id": f"buyer-{fail_at}-{is_done_before}",
                "event": "search",
            },
        )
        customer = shop.get(f"buyer-{fail_at}-{is_done_before}")
        before = shop.overview()
        asked = shop.ask("anonymise", customer)
        broken = Failing(shop.parts.store, fail_at, is_done_before=is_done_before)
        parts = Parts(shop.parts.settings, shop.parts.sessions, broken, shop.parts.stream)
        has_failed = False
        try:
            for _ in range(5):
                advance(parts, shop.runner, asked.erasure_id)
        except StoreUnavailable:
            has_failed = True
        shop.erase_on(asked.erasure_id)
        assert shop.overview() == before
        assert f"buyer-{fail_at}-{is_done_before}" not in everything(shop)
        if not has_failed:
            assert fail_at > 4
            return
    raise AssertionError("it never came to its end")


def test_a_person_of_many_rows_is_stripped_in_pieces(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = sqlite_shop
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(rows, "SPANS_AT_ONCE", 1)
    shop.visit(*({"tracking_id": f"browser-{n % 3}", "user_id": "jon"} for n in range(20)))
    before = shop.overview()
    shop.erase("anonymise", shop.get("jon"))
    assert (shop.overview(), len(shop.rows())) == (before, 20)
    assert "jon" not in everything(shop)


def test_two_workers_at_once_do_it_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    jons_day(shop)
    asked = shop.ask("anonymise", shop.get("4417-jon"))
    real = STEPS["rows"]
    seconds = []

    def meet(work: run.Work) -> bool:
        seconds.append(advance(shop.parts, shop.runner, asked.erasure_id))
        return real(work)

    monkeypatch.setitem(STEPS, "rows", meet)
    shop.erase_on(asked.erasure_id)
    assert seconds == [False]
    assert len(shop.rows()) == 5
    assert find_erasure(shop.parts.sessions, asked.erasure_id) is not None
