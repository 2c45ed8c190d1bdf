"""The commands. Each is imported when it is called: the queue's process should not load what the web needs.

To add one: write its click command anywhere, and name it in COMMANDS.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from shopalytic import __version__
from shopalytic.errors import ShopalyticError

COMMANDS = {
    "up": "shopalytic.cli.processes:up",
    "web": "shopalytic.cli.processes:web",
    "store": "shopalytic.cli.processes:store",
    "queue": "shopalytic.cli.processes:queue",
    "demo": "shopalytic.cli.processes:demo",
    "migrate": "shopalytic.cli.processes:migrate",
    "project": "shopalytic.cli.project:project",
    "user": "shopalytic.cli.user:user",
    "import": "shopalytic.importer.command:import_group",
    "plan": "shopalytic.cli.plan:plan",
    "forget": "shopalytic.cli.forget:forget",
    "stop-tracking": "shopalytic.cli.stop_tracking:stop",
    "check-identity": "shopalytic.cli.check_identity:check_identity",
    "lint": "shopalytic.cli.lint:lint",
}


class Commands(click.Group):
    """Every error raised on purpose becomes one sentence on stderr and exit code 1; bad usage is 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except ModuleNotFoundError as error:
            raise click.ClickException(f"This command needs the package {error.name}.") from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ShopalyticError as error:
            raise click.ClickException(error.message) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(version)s")
def cli() -> None:
    """Customer tracking and analytics for online shops.

    Settings are read from SHOPALYTIC_… variables; data is kept in SHOPALYTIC_DATA_DIR, or ./.shopalytic.
    """


def main() -> None:
    cli(prog_name="shopalytic")
