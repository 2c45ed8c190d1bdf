"""docs/commands.md is what `--help` says. `python -m tests.docs.test_commands_page` writes it anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from shopalytic.cli import cli

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
HEAD = """# Commands

Each reads the settings of [settings.md](settings.md). Exit codes: 0 done, 1 an error (one sentence on stderr), 2 bad
usage. Commands that print for scripts have `--json`.
"""


def commands_page() -> str:
    with click.Context(cli, info_name="shopalytic") as context:
        return HEAD + "".join(_sections(cli, context))


def _sections(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        with click.Context(command, info_name=name, parent=context) as inner:
            if isinstance(command, click.Group):
                yield f"\n## {inner.command_path}\n\n{_help(command)}\n"
                yield from _sections(command, inner)
            else:
                depth = "##" if context.parent is None else "###"
                usage = [piece for piece in command.collect_usage_pieces(inner) if piece != "[OPTIONS]"]
                title = " ".join([inner.command_path, *usage])
                yield f"\n{depth} {title}\n\n{_help(command)}\n{_options(command, inner)}"


def _help(command: click.Command) -> str:
    """Paragraphs without the line breaks of the source."""
    paragraphs = re.split(r"\n\s*\n", (command.help or "").strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _options(command: click.Command, context: click.Context) -> str:
    options = [each for each in command.params if isinstance(each, click.Option)]
    records = [record for each in options if (record := each.get_help_record(context))]
    rows = [f"| `{_cell(name)}` | {_cell(text)} |\n" for name, text in records]
    return "\n| option | |\n|---|---|\n" + "".join(rows) if rows else ""


def _cell(text: str) -> str:
    plain = re.sub(r"\[(?:default: )?([^\]|]+)\]", r"(\1)", " ".join(text.split()))
    return plain.replace("|", "\\|")


def test_every_command_stands_in_the_docs_with_its_options() -> None:
    assert PAGE.read_text() == commands_page()


def test_every_command_and_option_says_what_it_does() -> None:
    with click.Context(cli, info_name="shopalytic") as context:
        for section in _sections(cli, context):
            assert "|  |" not in section, section
            assert section.strip().splitlines()[2:], section


if __name__ == "__main__":
    PAGE.write_text(commands_page())
