"""docs/tag.md against the tag's source: an option, a method or a default that is changed there and not here fails."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tag.md").read_text()
SOURCE = ROOT / "tag" / "src"


def section(title: str) -> str:
    text = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert text, title
    return text


def documented_options() -> dict[str, str]:
    """By option, the default as it is written."""
    return dict(re.findall(r"^\| `(\w+)` \| (.+?) \| ", section("Options"), re.MULTILINE))


def test_every_option_of_the_source_stands_in_the_docs_and_no_other() -> None:
    interface = re.search(r"interface Options \{\n(.*?)\n\}\n", (SOURCE / "types.ts").read_text(), re.DOTALL)
    assert interface is not None
    assert set(documented_options()) == set(re.findall(r"^  (\w+)\??:", interface[1], re.MULTILINE))


def test_every_default_is_that_of_the_source() -> None:
    table = re.search(
        r"export const options = \{\n(.*?)\n\} as", (SOURCE / "options.ts").read_text(), re.DOTALL
    )
    assert table is not None
    defaults = dict(re.findall(r"^  (\w+): (.+),$", table[1], re.MULTILINE))
    documented = documented_options()
    assert len(defaults) == 10
    assert {name: documented[name].strip("`") for name in defaults} == defaults
    # Those without one of their own are off, or said in words.
    assert {documented[name] for name in set(documented) - set(defaults)} == {
        "`false`", "none", "the folder that the tag came from",
    }  # fmt: skip


def test_every_method_of_the_source_has_a_heading_and_no_other() -> None:
    api = (SOURCE / "api.ts").read_text()
    table = api[api.index("export const methods") :]
    methods = set(re.findall(r"^  (\w+)(?:\(.*\{|,$|: )", table, re.MULTILINE)) - {"_view"}
    headings = re.findall(r"^### (\w+)\(", section("Methods"), re.MULTILINE)
    assert len(methods) == 16
    assert sorted(headings) == sorted(methods)


def test_every_state_of_consent_and_every_mode_stands_in_its_table() -> None:
    types = (SOURCE / "types.ts").read_text()
    for name, title in (("Consent", "Consent"), ("FlushMode", "Delivery")):
        union = re.search(rf"type {name} = (.*);", types)
        assert union is not None
        rows = re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE)
        assert rows == re.findall(r'"(\w+)"', union[1])


def test_the_sizes_are_not_out_of_date() -> None:
    """To 2 %: a build that is some bytes smaller need not change the page."""
    told = re.search(r"tag ([\d,]+) bytes, snippet ([\d,]+), module ([\d,]+)\.", PAGE)
    assert told is not None
    for text, name in zip(
        told.groups(), ("shopalytic.v1.js", "snippet.js", "shopalytic.v1.mjs"), strict=True
    ):
        size = len(gzip.compress((ROOT / "static" / name).read_bytes(), 9))
        assert abs(int(text.replace(",", "")) - size) <= size * 0.02
