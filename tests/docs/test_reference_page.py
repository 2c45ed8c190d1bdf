"""docs/reference.md against the code: what is added there and not here fails."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import shopalytic
from shopalytic.collector.hooks.door import PLATFORMS
from shopalytic.errors import ShopalyticError
from shopalytic.settings import PREFIX, Settings
from shopalytic.web.dashboard import auth
from shopalytic.web.dashboard.safety import HEADERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference.md").read_text()
METRICS = (ROOT / "docs" / "metrics.md").read_text()
PACKAGE = ROOT / "shopalytic"


def section(title: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    text = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) > 1, title
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(shopalytic.__path__, "shopalytic."):
        if "migrations" not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


MODULES = {module.__name__.removeprefix("shopalytic."): module for module in modules()}
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text()
    for path in PACKAGE.rglob("*.py")
    # The store's own interface speaks ClickHouse's protocol, and the client is another program's.
    if not path.is_relative_to(PACKAGE / "store") and not path.is_relative_to(PACKAGE / "client")
}


def all_errors(kind: type[ShopalyticError] = ShopalyticError) -> Iterator[type[ShopalyticError]]:
    yield kind
    for each in kind.__subclasses__():
        if each.__module__.startswith("shopalytic."):
            yield from all_errors(each)


def test_every_error_stands_in_the_docs_with_its_status_and_no_other() -> None:
    documented = {(row[0].strip("`"), int(row[1])) for row in section("Errors")}
    assert documented == {(error.code, error.status) for error in all_errors()}


def test_codes_told_by_hand_are_documented_too() -> None:
    told = {code for text in SOURCES.values() for code in re.findall(r'error_answer\(\d+, "(\w+)"', text)}
    assert told
    assert told <= {row[0].strip("`") for row in section("Errors")}


def named(title: str) -> set[str]:
    return {name for row in section(title) for name in re.findall(r"`([A-Z][\w-]+)`", row[0])}


def test_every_header_that_is_read_stands_in_the_docs() -> None:
    read = {
        header
        for one in PLATFORMS.values()
        for header in (one.signature, one.topic, one.delivery, one.test)
        if header
    }
    for text in SOURCES.values():
        read |= {"-".join(re.split("_", name)) for name in re.findall(r'"HTTP_([A-Z_]+)"', text)}
        read |= set(re.findall(r'headers\.get\(\s*"([A-Z][\w-]+)"', text))
    documented = named("Headers that are read")
    lower = {name.lower() for name in documented}
    assert len(read) >= 20
    assert {name for name in read if name.lower() not in lower} == set()


def test_every_header_that_is_sent_stands_in_the_docs() -> None:
    sent = set(HEADERS)
    for text in SOURCES.values():
        sent |= set(re.findall(r'headers\["([A-Z][\w-]+)"\]\s*=', text))
        sent |= set(re.findall(r'headers=\{"([A-Z][\w-]+)"', text))
        sent |= set(re.findall(r'\("([A-Z][a-z]+(?:-[A-Z]\w*)+)",\s', text))
        sent |= set(re.findall(r'= "(X-[A-Z]\w+-\w+)"', text))
    assert len(sent) >= 15
    # Requests that the demo and the probes make have headers of their own.
    assert sent - named("Headers that are sent") - named("Headers that are read") == set()


# constant → the row of the table that says it; a time is said in the unit that the row has.
LIMITS = {
    "collector.body.GZIP_MEMBERS_LIMIT": "a gzip body's members",
    "collector.cookie.LENGTH_LIMIT": "the cookie",
    "collector.exponea.reading.EVENTS_LIMIT": "events that Exponea's reading calls give",
    "collector.exponea.tracking.COMMANDS_LIMIT": "commands of an Exponea batch",
    "collector.hooks.door.BODY_LIMIT_BYTES": "a webhook's body",
    "collector.native.EVENT_LIMIT": "an event's name",
    "collector.native.ITEMS_LIMIT": "messages of a batch",
    "collector.native.MESSAGE_ID_LIMIT": "a message id",
    "collector.native.NESTING_LIMIT": "levels of nesting in a message",
    "collector.pixel.PARAMETERS_LIMIT": "parameters of the pixel",
    "collector.segment.door.ITEMS_LIMIT": "items of a Segment batch",
    "collector.sender.ADDRESS_LIMIT": "a user agent, a language header, an address of the network, an origin, as read",
    "collector.sender.AGENT_LIMIT": "a user agent, a language header, an address of the network, an origin, as read",
    "collector.sender.LANGUAGE_LIMIT": "a user agent, a language header, an address of the network, an origin, as read",
    "collector.sender.ORIGIN_LIMIT": "a user agent, a language header, an address of the network, an origin, as read",
    "events.parse.AGENT_LIMIT": "a user agent, a language header, an address of the network, an origin, as read",
    "events.parse.MESSAGE_ID_LIMIT": "a message id",
    "events.values.ID_LIMIT": "a tracking id, a user id",
    "events.values.LABEL_LIMIT": "a label: UTM parameters, screen, language, most texts of known properties",
    "events.values.TEXT_LIMIT": "a longer text: a title",
    "events.values.URL_LIMIT": "an address",
    "events.plan.EVENTS_LIMIT": "events of a tracking plan, properties of an event, values of a property",
    "events.plan.PROPERTIES_LIMIT": "events of a tracking plan, properties of an event, values of a property",
    "events.plan.VALUES_LIMIT": "events of a tracking plan, properties of an event, values of a property",
    "events.plan.FILE_LIMIT_BYTES": "a tracking plan's file",
    "identity.id_rules.TYPES_MAX": "types of ids with rules of their own, ids that mean nobody",
    "identity.never.LISTED_MAX": "types of ids with rules of their own, ids that mean nobody",
    "identity.ids.IDS_PER_MESSAGE_MAX": "ids of one message",
    "identity.ids.ID_LENGTH_MAX": "a tracking id, a user id",
    "identity.ids.TYPE_LENGTH_MAX": "an id's type",
    "importer.orders.BACKLOG_LIMIT": "messages that an import puts ahead of the worker",
    "client.sender.QUEUE_LIMIT_BYTES": "the Python client's own queue",
    "accounts.keys.SIGNING_SECRET_LIMIT": "a signing secret",
    "accounts.projects.NAME_LIMIT": "a name of a project",
    "accounts.users.PASSWORD_LIMIT": "a password",
    "web.api.parameters.MOST_EVENTS": "events of an API page",
    "reports.period.LONGEST_DAYS": "days of a report",
    "accounts.sign_in_links.LIFETIME_HOURS": "a sign-in link",
    "stream.reader.LEASE_SECONDS": "a worker's lease of a partition",
    "events.values.DECIMAL_PLACES": "an amount",
    "accounts.users.PASSWORD_LENGTH": "a password",
}  # fmt: skip
INTERNAL = {
    "accounts.plans.VERSION_LIMIT": "the largest number that the column holds",
    "accounts.users.EMAIL_LIMIT": "that of e-mail itself",
    "client.client.BATCH_SIZE_MOST": "the collector's", "client.client.EVENT_LIMIT": "the collector's",
    "client.client.MESSAGE_ID_LIMIT": "the collector's", "client.client.MESSAGE_LIMIT_BYTES": "the collector's",
    "client.sender.BATCH_LIMIT_BYTES": "the collector's", "client.sender.BACKOFF_SECONDS_MOST": "docs/python-client.md",
    "client.transport.ANSWER_LIMIT_BYTES": "of an answer that is not ours",
    "client.transport.RETRY_AFTER_SECONDS_MOST": "docs/python-client.md",
    "client.values.DIGITS_LIMIT": "of numbers that are no amounts", "client.values.NESTING_LIMIT": "docs/python-client.md",
    "cli.lint_file.MESSAGE_LIMIT_BYTES": "of a file's line, far above a message's",
    "collector.body.DRAIN_LIMIT_BYTES": "read and thrown away", "collector.hooks.reading.DIGITS_LIMIT": "an amount's is told",
    "collector.hooks.reading.PLATFORM_ID_LIMIT": "of a digest", "collector.keys.KEY_LENGTH_LIMIT": "no key is longer",
    "collector.metrics.CLIENT_DROPS_LIMIT": "above it nobody's tag speaks",
    "collector.pixel.REASON_LIMIT": "of our own sentence", "collector.split.STEPS_LIMIT": "time, not content",
    "demo.shop.QTY_LIMIT": "the demo's", "events.column.DEPTH_LIMIT": "docs/events.md: stored as text beyond it",
    "events.column.KEY_LIMIT": "stored as text beyond it", "events.column.PATHS_LIMIT": "stored as text beyond it",
    "events.plan.DESCRIPTION_LIMIT": "docs/tracking-plan.md", "events.plan.PATH_DEPTH_LIMIT": "docs/tracking-plan.md",
    "events.plan_learning.MEMBERS_LIMIT": "of a proposal", "events.planned.TOLD_LIMIT": "docs/tracking-plan.md",
    "identity.ledger.CAUSE_LENGTH_MAX": "of a shown sentence", "identity.ledger.URL_LENGTH_MAX": "of a shown sentence",
    "identity.traits.NAME_LENGTH_MAX": "of what is searched", "identity.traits.SEARCH_LENGTH_MAX": "of what is searched",
    "events.parse.ADDRESS_LIMIT": "no network address is longer",
    "identity.fold_rounds.ROUND_OVERRIDES_MAX": "of one round; the next goes on",
    "privacy.retention.MONTHS_MAX": "docs/privacy.md", "reports.property_history.SAYINGS_LIMIT": "docs/api.md: is_cut",
    "pipeline.ids.SENT_LENGTH_MAX": "kept without the blanks around it beyond that",
    "importer.order.SKU_LENGTH_MAX": "an id's", "pipeline.steps.LANGUAGE_LIMIT": "the longest language tag",
    "pipeline.told.PROPERTIES_LIMIT_BYTES": "docs/debugging.md", "pipeline.told.RAW_LIMIT_BYTES": "docs/debugging.md",
    "settings.SOCKET_PATH_LIMIT_BYTES": "the system's", "stream.feed.ENTRY_LIMIT_BYTES": "docs/debugging.md",
    "stream.feed.MEMORY_SHARE_LIMIT": "of what nothing rests on", "stream.writer.MEMORY_SHARE_LIMIT": "told as a share",
    "supervisor.run.LINE_LIMIT_BYTES": "of a log line", "web.dashboard.people.SEARCH_LIMIT": "of a page",
    "web.dashboard.quarantine.TEXT_LIMIT": "of a page",
}  # fmt: skip
"""Limits that nobody who sends or reads has to know, or that another page tells; each with why."""


def constants() -> Iterator[tuple[str, float]]:
    for name, module in MODULES.items():
        own = set(
            re.findall(r"^([A-Z][A-Z0-9_]*)\b.*=", (Path(module.__file__ or "")).read_text(), re.MULTILINE)
        )
        for constant in own:
            value = getattr(module, constant, None)
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield f"{name}.{constant}", value


CONSTANTS = dict(constants())


def test_every_limit_of_the_code_is_documented_or_said_to_be_our_own() -> None:
    limits = {name for name in CONSTANTS if re.search(r"_(LIMIT|LIMIT_BYTES|MAX|MOST)$", name)}
    assert len(limits) > 50
    assert limits - LIMITS.keys() - INTERNAL.keys() == set(), "add them to docs/reference.md and here"
    assert (LIMITS.keys() | INTERNAL.keys()) - CONSTANTS.keys() == set(), "they are gone"


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_documented_with_the_number_of_the_code(name: str) -> None:
    [row] = [row for row in section("Limits") if row[0] == LIMITS[name]]
    assert re.search(rf"(?<![\d,]){CONSTANTS[name]:,}(?!,?\d)", row[1]), row


def test_limits_that_a_setting_changes_are_documented_with_its_default() -> None:
    told = 0
    for _, limit, _ in section("Limits"):
        for variable in re.findall(rf"`{PREFIX}(\w+)`", limit):
            told += 1
            default = getattr(Settings(), variable.lower())
            assert not default or f"{default:,}" in limit or variable == "QUEUE_MEMORY_MB", limit
    assert told >= 4


def test_times_and_shares_are_documented_in_their_own_units() -> None:
    limits = {row[0]: row[1] for row in section("Limits")}
    days = CONSTANTS["stream.reader.SEEN_GENERATION_SECONDS"] // 86400
    assert limits["message ids remembered"] == f"at least {days} days, at most {2 * days}"
    assert f"{CONSTANTS['pipeline.sessions.LONGEST_MS'] // 3_600_000} hours in all" in limits["a session"]
    share = round(CONSTANTS["stream.writer.MEMORY_SHARE_LIMIT"] * 100)
    assert limits["the queue's memory"].startswith(f"{share} % of its cap")
    by_email, by_address = auth.EMAIL_LIMIT.split(), auth.ADDRESS_LIMIT.split()
    assert limits["failed sign-ins"] == (
        f"{by_email[0]} in {by_email[2]} minutes for an e-mail address, "
        f"{by_address[0]} in {by_address[2]} minutes from one network address"
    )
    cookie_days = CONSTANTS["collector.cookie.LIFE_SECONDS"] // 86400
    assert f"the visitor's cookie for {cookie_days} days" in PAGE
    for name in ("routes.PREFLIGHT_SECONDS", "tag.MAX_AGE_SECONDS", "segment.routes.SETTINGS_SECONDS"):
        assert f"{CONSTANTS[f'collector.{name}']:,} seconds" in PAGE


def test_every_metric_stands_in_the_docs_and_no_other() -> None:
    made = set()
    for file in ("web/metrics.py", "collector/metrics.py"):
        for kind, name in re.findall(r"(\w+)\(\s*f?\"shopalytic_([\w{}]+)\"", SOURCES[file]):
            names = (
                [name]
                if "{" not in name
                else [f"messages_{each}" for each in MODULES["web.metrics"].COUNTERS]
            )
            suffix = {"Counter": "_total", "CounterMetricFamily": "_total", "InfoMetricFamily": "_info"}.get(
                kind, ""
            )
            made |= {f"shopalytic_{each}{suffix}" for each in names}
    assert len(made) >= 10
    assert made == set(re.findall(r"^\| `(shopalytic_\w+)` \|", METRICS, re.MULTILINE))
