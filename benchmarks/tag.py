"""What the tag costs a page: its longest tasks in Chromium, its requests and its bytes.

    python -m benchmarks.tag [--rounds 7]

Prints, for the first page of a visit and for a second one, at full speed and with Chromium's CPU throttling of 4: the
longest tasks before the idle callback and after it, and beside them the same page with the least that any script of its own
file needs: an inline script that makes a script element and puts it into the head, and an empty file. What is left there
is the browser's own. Figures are milliseconds of the page's main thread on the processor (a shared machine's other work is
not in them), the median of the rounds and the worst one. Chromium's throttling holds the thread in pieces of some milliseconds:
single figures jump by so much. Needs Chromium, as the browser tests do.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, CDPSession, sync_playwright

from tests.browser.chromium import CHROMIUM_ARGS, find_chromium
from tests.browser.collector import Collector, PageFile
from tests.browser.shop_pages import STATIC, shop_page

TAG = "shopalytic.v1.js"
HOST = "www.shop.test"
THROTTLES = (1, 4)
PAGES = ("first", "second")
CATEGORIES = ["devtools.timeline", "v8", "toplevel"]
QUIET_MS = 1200
BARE_LOADER = 'const script=document.createElement("script");script.src="%s";setTimeout(()=>document.head.append(script))'
OTHER_TAGS_GZIP_BYTES = {
    "umami": 2_206,
    "plausible": 2_670,
    "openpanel": 3_262,
    "snowplow": 17_423,
    "matomo": 21_998,
    "segment": 31_322,
    "rudderstack": 34_491,
    "mixpanel": 33_579,
    "posthog": 122_168,
}
"""gzip -9; the first three have no first-party cookie, no stored queue, no retry, no consent states."""


Part = Literal["snippet", "download", "tag"]
"""The snippet's own run, the task that it leaves to begin the download, or the tag's file."""


@dataclass(frozen=True)
class Task:
    """One task of the page's main thread that ran code of the tag or of its snippet."""

    began_us: float
    thread_ms: float
    part: Part


def main_threads(events: list[dict[str, Any]]) -> set[tuple[int, int]]:
    return {
        (event["pid"], event["tid"])
        for event in events
        if event.get("name") == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }


def read_tasks(events: list[dict[str, Any]], page: str) -> tuple[list[Task], float | None]:
    """The tag's tasks in the order in which they ran, and when the idle callback came (None: never).

    A snippet counts from its own begin to its end: the task around it is the page's, which is being parsed.
    """
    threads = main_threads(events)
    spans = [event for event in events if event.get("ph") == "X" and (event["pid"], event["tid"]) in threads]
    ran = [event for event in spans if event["name"] in ("EvaluateScript", "FunctionCall")]
    around = [event for event in spans if event["name"].endswith("RunTask")]

    def task_of(event: dict[str, Any]) -> dict[str, Any]:
        return next(
            it
            for it in around
            if it["tid"] == event["tid"] and it["ts"] <= event["ts"] <= it["ts"] + it["dur"]
        )

    tasks: dict[float, Task] = {}
    for event in ran:
        text = json.dumps(event.get("args", {}))
        if event["name"] == "EvaluateScript" and page in text and TAG not in text:
            tasks[event["ts"]] = Task(event["ts"], event["tdur"] / 1000, "snippet")
        elif TAG in text or (event["name"] == "FunctionCall" and page in text):
            task = task_of(event)
            part: Part = "tag" if TAG in text else "download"
            tasks[task["ts"]] = Task(task["ts"], task["tdur"] / 1000, part)
    # What came before the page's own snippet is the leave of the page before.
    began_us = min(task.began_us for task in tasks.values() if task.part == "snippet")
    idle = [task_of(event)["ts"] for event in spans if event["name"] == "FireIdleCallback"]
    return (
        sorted(
            (task for task in tasks.values() if task.began_us >= began_us), key=lambda task: task.began_us
        ),
        min((moment for moment in idle if moment > began_us), default=None),
    )


def visit(browser: Browser, collector: Collector, name: str, throttle: int) -> Iterator[dict[str, Any]]:
    """One visitor's two pages: what their longest tasks were, and how many requests they sent."""
    context = browser.new_context()
    page = context.new_page()
    session: CDPSession = context.new_cdp_session(page)
    page.goto(collector.url("/warm", HOST))
    session.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    for which in PAGES:
        sent = len(collector.posts)
        browser.start_tracing(page=page, categories=CATEGORIES)
        page.goto(collector.url(f"/{name}/{which}", HOST))
        if name == "tag":
            collector.wait_for(lambda sent=sent: len(collector.posts) > sent, page)
        page.wait_for_timeout(QUIET_MS)
        tasks, idle_us = read_tasks(json.loads(browser.stop_tracing())["traceEvents"], f"/{name}/{which}")
        begun = [task for task in tasks if idle_us is None or task.began_us < idle_us]
        after = [task.thread_ms for task in tasks if task not in begun]
        longest = {
            part: max((task.thread_ms for task in begun if task.part == part), default=0.0)
            for part in ("snippet", "download", "tag")
        }
        yield {
            **longest,
            "after": max(after, default=0.0),
            "after_next": sorted(after)[-2] if len(after) > 1 else 0.0,
            "requests": len(collector.posts) - sent,
        }
    context.close()


def measure(rounds: int) -> dict[tuple[str, int, str, str], list[float]]:
    """By variant, throttle, page and what was measured: one figure a round."""
    figures: dict[tuple[str, int, str, str], list[float]] = defaultdict(list)
    collector = Collector()
    try:
        collector.add_page("/warm", "<!doctype html><p>warm")
        for name, text in (("tag", (STATIC / TAG).read_text()), ("control", "")):
            collector.pages[f"/{name}/{TAG}"] = PageFile(
                text, {"Access-Control-Allow-Origin": "*"}, "text/javascript"
            )
            for which in PAGES:
                html = shop_page(collector, f'{{api_host:"{collector.url()}"}}')
                address = collector.url(f"/{name}/{TAG}")
                if name == "tag":
                    html = html.replace(collector.url(f"/{TAG}"), address)
                else:
                    html = re.sub(
                        "(?s)<script>.*?</script>", f"<script>{BARE_LOADER % address}</script>", html
                    )
                collector.add_page(f"/{name}/{which}", html)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
            for _ in range(rounds):
                for throttle in THROTTLES:
                    for name in ("tag", "control"):
                        for which, found in zip(
                            PAGES, visit(browser, collector, name, throttle), strict=True
                        ):
                            for what, figure in found.items():
                                figures[name, throttle, which, what].append(figure)
            browser.close()
    finally:
        collector.stop()
    return figures


def gzip_bytes(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    figures = measure(parser.parse_args().rounds)
    rows = (
        ("snippet", "before idle: inline snippet"),
        ("download", "before idle: beginning the download"),
        ("tag", "before idle: longest task of the tag's file"),
        ("after", "after idle: longest task"),
        ("after_next", "after idle: second longest"),
    )
    print(f"{'ms on the processor, median (worst)':44}{'tag':>18}{'bare loader':>18}")
    for throttle in THROTTLES:
        for which in PAGES:
            for what, title in rows:
                cells = [figures[name, throttle, which, what] for name in ("tag", "control")]
                told = [f"{statistics.median(cell):.1f} ({max(cell):.1f})" for cell in cells]
                print(f"{f'{throttle}x, {which} page: {title}':64}{told[0]:>16}{told[1]:>16}")
    for which in PAGES:
        counts = [count for throttle in THROTTLES for count in figures["tag", throttle, which, "requests"]]
        print(f"requests per load, {which} page: {min(counts):g} to {max(counts):g} in {len(counts)} loads")
    print(f"\ngzip -9 bytes: tag {gzip_bytes(STATIC / TAG):,}, snippet {gzip_bytes(STATIC / 'snippet.js'):,}")
    print("beside it: " + ", ".join(f"{name} {size:,}" for name, size in OTHER_TAGS_GZIP_BYTES.items()))


if __name__ == "__main__":
    main()
