"""docs/settings.md is the settings' own sentences. `python -m tests.docs.test_settings_page` writes it anew."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

from shopalytic.settings import PREFIX, Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
HEAD = """# Settings

Read from the environment; a misspelled `SHOPALYTIC_…` variable is an error. `shopalytic up` passes them on to all parts.

| variable | default | meaning |
|---|---|---|
"""


def settings_page() -> str:
    hints = get_type_hints(Settings, include_extras=True)
    rows = []
    for name, default in zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True):
        sentence = " ".join(meta.description for meta in hints[name].__metadata__ if meta.description)
        shown = f"`{default}`" if default not in ("", None) else ""
        rows.append(f"| `{PREFIX}{name.upper()}` | {shown} | {sentence} |\n")
    return HEAD + "".join(rows)


def test_every_setting_stands_in_the_docs_with_its_default_and_sentence() -> None:
    assert PAGE.read_text() == settings_page()


if __name__ == "__main__":
    PAGE.write_text(settings_page())
