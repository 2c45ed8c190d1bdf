"""docs/python-client.md names all options and failures, and its examples run."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g

from shopalytic.client import Client, FailureKind
from shopalytic.client.failure import Failure
from tests.client.conftest import Collector

PAGE = (Path(__file__).parents[2] / "docs" / "python-client.md").read_text()
QUICK, FLASK, DJANGO, DJANGO_ORDER = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COOKIE = "1.v-1.1767225600000.s1.1767225600000.1767225600000.3."
SENT = {
    "total": "19.90",
    "subtotal": "14.90",
    "line_items": [{"sku": "22196", "price": "14.90", "qty": 1}],
}


@pytest.fixture
def environment(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPALYTIC_SECRET_KEY", "sha_sec_of_a_test")
    monkeypatch.setenv("SHOPALYTIC_ADDRESS", collector.address)


def load(code: str, folder: Path, name: str) -> ModuleType:
    path = folder / f"{name}.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_option_stands_on_the_page_with_its_default() -> None:
    options = [it for it in inspect.signature(Client).parameters.values() if it.kind is it.KEYWORD_ONLY]
    documented = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE.partition("## Options")[2], re.MULTILINE))
    assert {it.name: documented[it.name].strip("`") for it in options} == {
        it.name: str(it.default) for it in options
    }


@pytest.mark.parametrize("call", ["track", "identify", "alias", "flush", "close"])
def test_every_call_stands_on_the_page_with_its_parameters(call: str) -> None:
    names: list[str] = []
    for it in list(inspect.signature(getattr(Client, call)).parameters.values())[1:]:
        if it.kind is it.KEYWORD_ONLY and "*" not in names:
            names.append("*")
        names.append(it.name)
    assert f"`{call}({', '.join(names)})`" in PAGE


def test_every_kind_of_failure_stands_on_the_page() -> None:
    kinds = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## What goes wrong")[2], re.MULTILINE)
    assert kinds == [kind.value for kind in FailureKind]
    assert all(f"`{name}`" in PAGE for name in Failure.__dataclass_fields__)


@pytest.mark.usefixtures("environment")
def test_the_first_example_sends_its_order(collector: Collector, tmp_path: Path) -> None:
    module = load(QUICK, tmp_path, "quick_example")
    module.client.close(20)
    [order] = collector.accepted
    assert order["properties"] == {"order_id": "1001", "cart_id": "1001"} | SENT
    assert (order["message_id"], order["user_id"]["user_id"]) == ("order-1001", 77)


@pytest.mark.usefixtures("environment")
def test_the_flask_example_sends_an_order_of_the_visitor_in_the_cookie(
    collector: Collector, tmp_path: Path
) -> None:
    tracking = load(FLASK, tmp_path, "flask_example")
    order = SimpleNamespace(
        id=1001, cart_id="c-5", total=Decimal("19.90"), subtotal=Decimal("14.90"), customer_id=77,
        email="ann@shop.example", lines=[SimpleNamespace(sku="22196", price=Decimal("14.90"), qty=1)],
    )  # fmt: skip
    app = Flask("shop")
    tracking.init_app(app)

    @app.post("/orders")
    def place() -> str:
        tracking.tell_order(order)
        return str(g.tracking_id)

    browser = app.test_client()
    browser.set_cookie("_sha", COOKIE)
    assert browser.post("/orders", environ_base={"REMOTE_ADDR": "192.0.2.9"}).text == "v-1"
    tracking.client.close(20)
    [sent] = collector.accepted
    assert sent["properties"] == {"order_id": 1001, "cart_id": "c-5"} | SENT
    assert (sent["tracking_id"], sent["context"]["ip"]) == ("v-1", "192.0.2.9")


SHOP = """
import sys, types
from decimal import Decimal
from datetime import UTC, datetime
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="a test's", USE_TZ=True, ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "tracking.TrackingMiddleware",
    ],
)
django.setup()
from django.contrib.auth import authenticate, login
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import path
import placing
import tracking
call_command("migrate", verbosity=0)

class Lines:
    def all(self):
        return [types.SimpleNamespace(sku="22196", price=Decimal("14.90"), qty=1)]

class Cart:
    def __init__(self, number):
        self.number = number

    def make_order(self):
        return types.SimpleNamespace(
            pk=self.number, total=Decimal("19.90"), subtotal=Decimal("14.90"), customer_id=77, lines=Lines(),
            email="ann@shop.example", placed_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
        )

def sign_in(request):
    login(request, authenticate(username="ann", password="of a test"))
    return HttpResponse("")

def place(request):
    placing.place_order(request, Cart(1001))
    try:
        with transaction.atomic():
            placing.place_order(request, Cart(1002))
            raise RuntimeError("the payment failed")
    except RuntimeError:
        return HttpResponse("")

urlpatterns = [path("sign-in", sign_in), path("orders", place)]
User.objects.create_user("ann", "ann@shop.example", "of a test", first_name="Ann", last_name="Example")
browser = Browser()
browser.cookies["_sha"] = sys.argv[1]
assert browser.post("/sign-in").status_code == 200
assert browser.post("/orders").status_code == 200
"""


@pytest.mark.usefixtures("environment")
def test_the_django_example_tells_who_signed_in_and_what_was_committed(
    collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "tracking.py").write_text(DJANGO)
    (tmp_path / "placing.py").write_text(DJANGO_ORDER)
    (tmp_path / "shop.py").write_text(SHOP)
    # Apart from this process: Django is set up once for all of it.
    done = subprocess.run(
        [sys.executable, "shop.py", COOKIE], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    who, order = collector.accepted
    assert (who["type"], who["tracking_id"], who["user_id"]["email"]) == (
        "identify", "v-1", "ann@shop.example",
    )  # fmt: skip
    assert who["properties"] == {"first_name": "Ann", "last_name": "Example"}
    expected: dict[str, Any] = {"order_id": 1001, "cart_id": 1001, "order_date": "2026-01-31T12:00:00.000Z"}
    assert order["properties"] == expected | SENT
    assert (order["message_id"], order["tracking_id"]) == ("order-1001", "v-1")


def test_the_visitor_is_found_in_a_cookie_of_the_tags_form_only() -> None:
    from shopalytic.client import find_tracking_id

    assert find_tracking_id({"_sha": COOKIE}) == "v-1"
    assert find_tracking_id({"_sha": COOKIE.replace("v-1", "shop%2Ev")}) == "shop.v"
    assert find_tracking_id({"own": COOKIE}, name="own") == "v-1"
    for value in ("", "0", "1.v-1", "x" + COOKIE, COOKIE.replace("v-1", "")):
        assert find_tracking_id({"_sha": value}) is None
    assert find_tracking_id({}) is None
