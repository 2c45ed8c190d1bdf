"""docs/tag-tested.md lists the hazard pages. `python -m tests.docs.test_tag_tested_page` writes the list anew."""

from __future__ import annotations

import re
from pathlib import Path

from tests.browser.hazards.list import HAZARDS

PAGE = Path(__file__).parents[2] / "docs" / "tag-tested.md"
BEGIN, END = "<!-- list -->\n", "<!-- /list -->\n"


def hazard_list() -> str:
    rows = ["| on the page | what happens | Chromium | Firefox |\n", "|---|---|---|---|\n"]
    rows += [f"| {hazard.name} | {hazard.result} | passes | passes |\n" for hazard in HAZARDS]
    return BEGIN + "".join(rows) + END


def page_with_list(text: str) -> str:
    return re.sub(f"{BEGIN}.*{END}", lambda _: hazard_list(), text, flags=re.DOTALL)


def test_every_hazard_page_that_is_tested_stands_in_the_docs_and_no_other() -> None:
    text = PAGE.read_text()
    assert hazard_list() in text
    assert text == page_with_list(text)


if __name__ == "__main__":
    PAGE.write_text(page_with_list(PAGE.read_text()))
