"""The table of hard cases in docs/identity.md names tests that there are, and leaves none out."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "identity.md").read_text()
NAMED = re.findall(r"^\| .* \| `(test_\w+)` \|$", PAGE, re.MULTILINE)


def names_in(*files: Path) -> list[str]:
    return [name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)]


def test_every_named_test_exists() -> None:
    assert len(NAMED) > 20
    assert set(NAMED) <= {*names_in(*(ROOT / "tests" / "identity").glob("test_*.py"))} | {
        *names_in(*(ROOT / "tests" / "web").glob("test_*.py"))
    }


def test_every_hard_case_stands_in_the_table_once() -> None:
    of_cases = names_in(*(ROOT / "tests" / "identity").glob("test_hard_cases*.py"))
    assert set(of_cases) <= set(NAMED)
    assert len(NAMED) == len(set(NAMED))
