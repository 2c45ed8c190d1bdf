"""Rows on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import click


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, two spaces apart; control characters are shown, not obeyed."""
    table = [tuple(header), *(tuple(plain(cell) for cell in row) for row in rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(header))]
    for row in table:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def plain(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
