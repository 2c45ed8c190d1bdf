"""docs/identity.md says of each difference that the nightly check may tell what it means."""

from __future__ import annotations

import re
from pathlib import Path

from shopalytic.audit.record import ROWS_UNEXPLAINED, ROWS_WRONG
from shopalytic.audit.sentences import SENTENCES
from shopalytic.identity import audit

PAGE = Path(__file__).parents[2] / "docs" / "identity.md"


def test_every_difference_has_a_sentence_and_a_row() -> None:
    section = PAGE.read_text().partition("## The nightly check")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", section, re.MULTILINE))
    told = {value for name, value in vars(audit).items() if name.startswith(("IDENTITY_", "CONFLICT_"))}
    assert (
        set(rows)
        == set(SENTENCES)
        == {one for one in told if isinstance(one, str)}
        | {
            ROWS_WRONG,
            ROWS_UNEXPLAINED,
        }
    )
