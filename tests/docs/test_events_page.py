from __future__ import annotations

import re
from pathlib import Path

import pytest

from shopalytic.events.catalogue import PREDEFINED
from shopalytic.events.event import DropReason, QuarantineReason
from shopalytic.events.sentences import QUARANTINE, VIOLATIONS, tell_violation
from shopalytic.events.violations import Violation

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "events.md").read_text()


@pytest.mark.parametrize("event", PREDEFINED)
def test_a_predefined_event_stands_in_the_docs_with_all_its_properties(event: str) -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{event}` |")]
    required, optional = row.split("|")[3:5]
    for item in PREDEFINED[event]:
        place = required if item.required and item.required != ("discounts", None) else optional
        assert f"`{item.name}`" in place, item.name


@pytest.mark.parametrize("name", [*DropReason, *QuarantineReason, *Violation])
def test_every_reason_and_violation_stands_in_the_docs(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("kind", Violation)
def test_a_violation_stands_in_the_docs_with_the_sentence_that_tells_it(kind: Violation) -> None:
    assert VIOLATIONS[kind].count("{at}") == 1
    assert f"| `{kind}` | {tell_violation(kind, 'It')} |" in PAGE


@pytest.mark.parametrize("reason", QuarantineReason)
def test_a_quarantine_reason_stands_in_the_docs_with_what_would_be_right(reason: QuarantineReason) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{reason}` |")]
    assert any(row.endswith(f"| {QUARANTINE[reason]} |") for row in rows)


@pytest.mark.parametrize("page", [Path("README.md"), Path("CONTRIBUTING.md"), *map(Path, ("docs",))])
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    root = DOCS.parent
    pages = sorted((root / page).rglob("*.md")) if (root / page).is_dir() else [root / page]
    broken = [
        f"{each.relative_to(root)}: {target}"
        for each in pages
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", each.read_text())
        if "://" not in target and not (each.parent / target).exists()
    ]
    assert broken == []
