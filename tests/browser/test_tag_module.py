"""The tag as an ES module, from the collector or in a shop's bundle, and its types for TypeScript."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shopalytic.events.catalogue import PREDEFINED
from tests.browser.chromium import PageFactory
from tests.browser.collector import Collector, PageFile
from tests.browser.shop_pages import STATIC, TOKEN, settle, shop_page

ROOT = Path(__file__).parents[2]
TYPES = STATIC / "shopalytic.v1.d.mts"
HOST = "www.shop.test"
FILLED_IN_BY_THE_TAG = {("page_view", "url")}

GOOD = """
import shopalytic, { init, track } from "./shopalytic.v1.mjs";
init("token", { consent: "pending", flush_mode: "period", before_send: (m) => (m.event == "x" ? null : m) });
track("order", { order_id: 1, cart_id: "1", total: "9.99", subtotal: 9.99, currency: "EUR", gift: true,
                 line_items: [{ sku: "a", price: 1, qty: 1, colour: "red" }] });
track("wish");
track("wish", { a: 1 }, { timestamp: new Date(), callback: (result) => result.status });
track("page_view");
track("cart_modify", { cart_id: "c", sku: 1, qty: 0 });
const name: string = "from elsewhere";
track(name, { any: 1 });
declare const product: { sku: string; name: string; price: number };
track("product_view", { ...product });
window.shopalytic.identify({ registered: "jon" }, { name: "Jon" });
shopalytic.ready((tag) => tag.getTrackingId((id) => id.length));
shopalytic.setFlushMode("period", 10);
"""
WRONG = [
    'track("order", { order_id: 1 })',
    'track("cart_add")',
    'track("refund", { order_id: 1, refund_type: "some" })',
    'track("order", { order_id: 1, cart_id: 1, total: true, subtotal: 1, line_items: [] })',
    'track("order", { order_id: 1, cart_id: 1, total: 1, subtotal: 1, line_items: [{ sku: "a" }] })',
    'track("wish", {}, { when: 1 })',
    'init("token", { flush_mode: "sometimes" })',
    'init("token", { flushmode: "manual" })',
    "init()",
    "identify()",
    "page(5)",
    "window.shopalytic.flsh()",
]


def compile_strictly(folder: Path, text: str) -> list[tuple[int, str]]:
    """The compiler's errors as (line, text); [] where all is well."""
    compiler = ROOT / "tag" / "node_modules" / ".bin" / "tsc"
    if shutil.which("node") is None or not compiler.exists():
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no node, or tag/node_modules is not installed: run tag/build.sh")
    shutil.copy(TYPES, folder)
    (folder / "user.mts").write_text(text)
    options = "--strict --noEmit --target ES2020 --module nodenext --lib ES2020,DOM user.mts"
    done = subprocess.run([compiler, *options.split()], cwd=folder, capture_output=True, text=True)
    return [
        (int(line), told)
        for line, told in re.findall(r"^user\.mts\((\d+),\d+\): (.*)$", done.stdout, re.MULTILINE)
    ] or ([(0, done.stdout)] if done.returncode else [])


def test_a_users_right_calls_compile_strictly(tmp_path: Path) -> None:
    assert compile_strictly(tmp_path, GOOD) == []


def test_each_of_a_users_wrong_calls_is_an_error(tmp_path: Path) -> None:
    lines = [
        'import { identify, init, page, track } from "./shopalytic.v1.mjs";',
        *(f"{call};" for call in WRONG),
    ]
    told = compile_strictly(tmp_path, "\n".join(lines))
    assert {line for line, _ in told} == set(range(2, len(WRONG) + 2))


def typed_events() -> dict[str, dict[str, bool]]:
    """By event, whether each of its properties is required, as the types say."""
    text = TYPES.read_text()
    block = re.search(r"interface PredefinedEvents \{\n(.*?)\n\}\n", text, re.DOTALL)
    assert block is not None
    return {
        name: {member: not mark for member, mark in re.findall(r"^    (\w+)(\??): ", body, re.MULTILINE)}
        for name, body in re.findall(r"^  (\w+): \{\n(.*?)^  \};", block[1], re.DOTALL | re.MULTILINE)
    }


def test_the_types_name_the_predefined_events_and_their_properties() -> None:
    expected = {
        event: {
            item.name: item.required is True and (event, item.name) not in FILLED_IN_BY_THE_TAG
            for item in properties
        }
        for event, properties in PREDEFINED.items()
    }
    assert typed_events() == expected


def members_of(interface: str) -> set[str]:
    block = re.search(rf"interface {interface} \{{\n(.*?)\n\}}\n", TYPES.read_text(), re.DOTALL)
    assert block is not None
    return set(re.findall(r"^  (\w+)\??[:(<]", block[1], re.MULTILINE))


def test_the_types_have_every_option_and_every_method_of_the_source() -> None:
    source = (ROOT / "tag" / "src" / "types.ts").read_text()
    options = re.search(r"interface Options \{\n(.*?)\n\}\n", source, re.DOTALL)
    assert options is not None
    assert members_of("Options") == set(re.findall(r"^  (\w+)\??:", options[1], re.MULTILINE))
    stubs = re.search(r'of"([\w ]+)"\.split', (STATIC / "snippet.js").read_text())
    assert stubs is not None
    methods = set(stubs[1].split())
    assert members_of("Shopalytic") == methods
    exported = re.search(r"export\{(.*?)\}", (STATIC / "shopalytic.v1.mjs").read_text())
    assert exported is not None
    assert set(re.findall(r" as (\w+)", exported[1])) == methods | {"default"}


@pytest.mark.browser
def test_the_module_from_the_collector_sends_to_it(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    collector.add_page(
        "/",
        "<!doctype html><script type=module>"
        f"import shopalytic, {{ init, track }} from '{collector.url('/shopalytic.v1.mjs')}';"
        f"init('{TOKEN}'); track('wish', {{a: 1}}); window.isOne = shopalytic === window.shopalytic;</script>",
    )
    page.goto(collector.url("/", HOST))
    [wish] = collector.wait_for_event("wish", page=page)
    assert wish["properties"] == {"a": 1}
    assert [message["event"] for message in collector.messages] == [
        "session_start", "installation", "page_view", "wish",
    ]  # fmt: skip
    assert page.evaluate("isOne") is True


@pytest.mark.browser
@pytest.mark.parametrize("options", ["", "{api_host: '%s'}"])
def test_a_bundle_with_the_module_says_where_to_send(
    collector: Collector, new_page: PageFactory, options: str
) -> None:
    """A bundler puts it into a file of the shop's own, whose address says nothing of the collector's."""
    bundle = (STATIC / "shopalytic.v1.mjs").read_text()
    start = f"init('{TOKEN}', {options % collector.url() if options else '{}'}); track('wish');"
    code = re.sub(r"export\{(.*?)\};?\s*$", lambda found: own_names(found[1]) + start, bundle)
    collector.pages["/assets/index-4f2a.js"] = PageFile(code, content_type="text/javascript")
    collector.add_page("/", "<!doctype html><script type=module src=/assets/index-4f2a.js></script>")
    page = new_page()
    lines: list[str] = []
    page.on("console", lambda message: lines.append(message.text))
    page.goto(collector.url("/", HOST))
    if options:
        collector.wait_for_event("wish", page=page)
    else:
        collector.wait_for(lambda: "shopalytic: no valid api_host" in lines, page)
        settle_silently(page)
        assert collector.posts == []


def own_names(exports: str) -> str:
    pairs = dict(reversed(pair.split(" as ")) for pair in exports.split(",") if " as " in pair)
    return f"const init={pairs['init']},track={pairs['track']};"


def settle_silently(page: Any) -> None:
    page.wait_for_function("new Promise(done => shopalytic.ready(() => shopalytic.ready(() => done(true))))")
    page.evaluate("new Promise(done => setTimeout(done, 100))")


@pytest.mark.browser
def test_the_module_beside_the_snippet_is_the_same_tag(collector: Collector, new_page: PageFactory) -> None:
    page = new_page()
    module = (
        f"<script type=module>import {{ track }} from '{collector.url('/shopalytic.v1.mjs')}';"
        "track('by_module');</script>"
    )
    collector.add_page("/", shop_page(collector, calls="shopalytic.track('by_global');", extra=module))
    page.goto(collector.url("/", HOST))
    collector.wait_for_event("by_module", page=page)
    settle(page)
    assert sorted(message["event"] for message in collector.messages) == [
        "by_global", "by_module", "installation", "page_view", "session_start",
    ]  # fmt: skip


def test_on_a_server_without_a_page_the_module_does_nothing(tmp_path: Path) -> None:
    """Frameworks that render on the server import what the page imports."""
    node = shutil.which("node")
    if node is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no node")
    code = (
        f"import shopalytic, {{ init, track }} from '{STATIC / 'shopalytic.v1.mjs'}';"
        "process.on('unhandledRejection', error => { console.log(error); });"
        "init('token', {api_host: 'http://collect.test'}); track('wish'); shopalytic.identify('jon');"
        "shopalytic.ready(() => console.log('ready')); setTimeout(() => console.log('done'), 50);"
    )
    (tmp_path / "server.mjs").write_text(code)
    done = subprocess.run(
        [str(node), "server.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == ("done\n", "")
