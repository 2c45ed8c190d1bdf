"""Log lines: one readable line each on a terminal, one JSON object each elsewhere.

Whoever logs takes `structlog.get_logger(__name__)` or `logging.getLogger(__name__)`; both come out alike, and
so do the records of rq, granian and alembic. A process calls `configure_logging` once, before it logs; rq and
granian, which configure logging by themselves, are handed `logging_config`.
"""

from __future__ import annotations

import json
import logging
import logging.config
import os
import sys
import time
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import structlog

from shopalytic.settings import Settings

COLORS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31;1"}
"""ANSI codes by level."""


def configure_logging(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send every log record of this process to `stream` (None: stderr). Called twice, the later call holds."""
    logging.config.dictConfig(logging_config(settings, stream=stream))


def logging_config(settings: Settings, *, stream: TextIO | None = None) -> dict[str, Any]:
    """The same as a `logging.config` dictionary: for rq's DICT_CONFIG and granian's `log_dictconfig`.

    rq tells four lines about each job at level info, which costs more than small jobs do: they are shown
    at level debug alone.
    """
    seen = sys.stderr if stream is None else stream
    level = settings.log_level.upper()
    every_job = "INFO" if level == "DEBUG" else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "shopalytic.logs.LineFormatter",
                "form": log_form(settings, seen),
                "colors": has_colors(seen),
                "level": level,
            }
        },
        "handlers": {
            "stream": {
                "class": "logging.StreamHandler",
                # By its name where it can be: granian hands the dictionary on to its worker processes.
                "stream": stream or "ext://sys.stderr",
                "formatter": "line",
            }
        },
        "root": {"handlers": ["stream"], "level": level},
        "loggers": {
            "_granian": {"level": level},
            "granian.access": {"level": level},
            "rq.worker": {"level": every_job},
            "rq.job": {"level": every_job},
            "rq.cron": {"level": every_job},
            "alembic.runtime.plugins": {"level": "WARNING"},
        },
    }


def log_form(settings: Settings, stream: TextIO) -> Literal["console", "json"]:
    """The form in force: what the settings say, or what suits `stream`."""
    if settings.log_format == "auto":
        return "console" if stream.isatty() else "json"
    return settings.log_format


def has_colors(stream: TextIO, environ: Mapping[str, str] | None = None) -> bool:
    """NO_COLOR and FORCE_COLOR (no-color.org, force-color.org) win over whether it is a terminal."""
    environ = os.environ if environ is None else environ
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or stream.isatty()


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats one record; making one also points structlog at stdlib's logging, for this whole process.

    That is done here because a process that rq or granian starts configures its logging by a dictionary:
    the formatter is the one place of it that runs our code.
    """

    def __init__(self, form: Literal["console", "json"], colors: bool, level: str) -> None:
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
            cache_logger_on_first_use=True,
        )
        render = json_line if form == "json" else coloured_console_line if colors else console_line
        super().__init__(processors=[structlog.processors.format_exc_info, render])


def json_line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """`at` (UTC), `level`, `logger`, `event`, then the rest; a value that JSON lacks as its repr."""
    record, rest = _split(event)
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    head = {"at": at.replace("+00:00", "Z"), "level": record.levelname.lower(), "logger": record.name}
    return json.dumps(head | {"event": event["event"]} | rest, default=repr)


def console_line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """`12:00:01 warning  what happened  key='value'`, local time; a traceback follows on lines of its own."""
    return _console(event, colors=False)


def coloured_console_line(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    return _console(event, colors=True)


def _console(event: MutableMapping[str, Any], *, colors: bool) -> str:
    record, rest = _split(event)
    trace = rest.pop("exception", None)
    level = record.levelname.lower()
    sentence = str(event["event"]).replace("\x1b", "\\x1b")
    shown = f"\x1b[{COLORS.get(level, '0')}m{level:<8}\x1b[0m" if colors else f"{level:<8}"
    line = f"{time.strftime('%H:%M:%S', time.localtime(record.created))} {shown} {sentence}"
    if rest:
        # repr keeps control characters, which may come from outside, away from the terminal.
        line += "  " + " ".join(f"{key}={value!r}" for key, value in rest.items())
    return f"{line}\n{trace}" if trace else line


def _split(event: MutableMapping[str, Any]) -> tuple[logging.LogRecord, dict[str, Any]]:
    """The stdlib record, and the values that were logged beside the sentence."""
    record: logging.LogRecord = event["_record"]
    return record, {
        key: value for key, value in event.items() if key not in ("event", "_record", "_from_structlog")
    }
