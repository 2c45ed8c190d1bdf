"""What `up` prints: its own log and every part's output, each line with the name of who said it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from typing import TextIO

from shopalytic.logs import LineFormatter, has_colors, log_form
from shopalytic.settings import Settings

NAME_COLORS = (36, 35, 34, 32, 33)
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class Output:
    """Writes whole lines to one stream; a stream that went away (`up | head`) is not an error."""

    def __init__(self, settings: Settings, stream: TextIO, names: Iterable[str]) -> None:
        self.form = log_form(settings, stream)
        self.colors = has_colors(stream)
        self._stream = stream
        self._least_level = getattr(logging, settings.log_level.upper())
        self._formatter = LineFormatter(self.form, self.colors, settings.log_level.upper())
        names = ["up", *names]
        self._width = max(map(len, names))
        self._codes = {name: NAME_COLORS[at % len(NAME_COLORS)] for at, name in enumerate(names)}

    def say(self, level: int, sentence: str, *, part: str = "up") -> None:
        """A line of the supervisor's own, or one of a part's that was parsed."""
        if level >= self._least_level:
            record = logging.LogRecord("shopalytic.supervisor", level, __file__, 0, sentence, (), None)
            self.pass_on(part, self._formatter.format(record))

    def pass_on(self, part: str, line: str) -> None:
        """One line of a part's output. As JSON it stays one object a line, whatever the part wrote."""
        if self.form == "json":
            self._write(_with_part(part, line))
            return
        for piece in line.split("\n"):
            self._write(f"{self._prefix(part)}{piece}")

    def _prefix(self, part: str) -> str:
        name = f"{part:<{self._width}} |"
        return f"\x1b[{self._codes.get(part, 0)}m{name}\x1b[0m " if self.colors else f"{name} "

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass


def _with_part(part: str, line: str) -> str:
    head = f'{{"part": {json.dumps(part)}, '
    if line.startswith('{"') and line.endswith("}"):
        return head + line[1:]
    return head + f'"level": "info", "event": {json.dumps(ESCAPE.sub("", line))}}}'
