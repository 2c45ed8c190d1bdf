from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog

from shopalytic.logs import configure_logging, has_colors, log_form, logging_config
from shopalytic.settings import Settings


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    for name in ("rq.worker", "rq.job", "rq.cron", "_granian", "granian.access", "alembic.runtime.plugins"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_as_json_a_line_is_one_object_with_time_level_and_logger(stream: io.StringIO) -> None:
    configure_logging(Settings(log_format="json"), stream=stream)
    structlog.get_logger("shopalytic.stream").warning("the queue is full", used_mb=512)
    line = json.loads(stream.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "shopalytic.stream",
        "event": "the queue is full",
        "used_mb": 512,
    }


def test_on_a_terminal_a_line_is_time_level_sentence_and_values(stream: io.StringIO) -> None:
    configure_logging(Settings(log_format="console"), stream=stream)
    structlog.get_logger("shopalytic.stream").info("stored a batch", count=3, project="shop")
    clock, rest = stream.getvalue().split(" ", 1)
    assert len(clock) == len("12:00:00")
    assert rest == "info     stored a batch  count=3 project='shop'\n"


@pytest.mark.parametrize("name", ["rq.worker", "_granian", "alembic.runtime.migration", "py.warnings"])
def test_other_libraries_records_look_the_same(stream: io.StringIO, name: str) -> None:
    configure_logging(Settings(log_format="json"), stream=stream)
    logging.getLogger(name).warning("job %s is late", "drain-0")
    line = json.loads(stream.getvalue())
    assert (line["logger"], line["event"]) == (name, "job drain-0 is late")


@pytest.mark.parametrize("make", [logging.getLogger, structlog.get_logger])
def test_an_exceptions_traceback_stays_within_its_json_line(stream: io.StringIO, make: object) -> None:
    configure_logging(Settings(log_format="json"), stream=stream)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        make("shopalytic").exception("counting failed")  # type: ignore[operator]
    (text,) = stream.getvalue().splitlines()
    assert json.loads(text)["exception"].endswith("ZeroDivisionError: division by zero")


def test_rq_tells_about_each_job_at_level_debug_alone(stream: io.StringIO) -> None:
    configure_logging(Settings(log_format="json"), stream=stream)
    logging.getLogger("rq.worker").info("Job OK")
    assert stream.getvalue() == ""
    configure_logging(Settings(log_format="json", log_level="debug"), stream=stream)
    logging.getLogger("rq.worker").info("Job OK")
    assert json.loads(stream.getvalue())["event"] == "Job OK"


def test_what_is_below_the_level_is_not_logged(stream: io.StringIO) -> None:
    configure_logging(Settings(log_level="warning"), stream=stream)
    structlog.get_logger("shopalytic").info("nothing to see")
    assert stream.getvalue() == ""


def test_values_from_outside_cannot_steer_the_terminal_or_break_the_line(stream: io.StringIO) -> None:
    configure_logging(Settings(log_format="console"), stream=stream)
    logger = structlog.get_logger("shopalytic")
    logger.info("refused \x1b[2J", agent="\x1b]0;owned\x07\nfake line", broken="\ud800")
    assert "\x1b" not in stream.getvalue() and stream.getvalue().count("\n") == 1
    configure_logging(Settings(log_format="json"), stream=stream)
    logger.info("refused", broken="\ud800", odd=object)
    assert json.loads(stream.getvalue().splitlines()[-1])["broken"] == "\ud800"


def test_the_form_follows_the_stream_unless_the_settings_say_otherwise(stream: io.StringIO) -> None:
    assert log_form(Settings(), stream) == "json"
    assert log_form(Settings(), Terminal()) == "console"
    assert log_form(Settings(log_format="console"), stream) == "console"


def test_colours_are_for_terminals_and_the_two_customary_variables_win() -> None:
    assert has_colors(Terminal(), {}) and not has_colors(io.StringIO(), {})
    assert not has_colors(Terminal(), {"NO_COLOR": "1", "FORCE_COLOR": "1"})
    assert has_colors(io.StringIO(), {"FORCE_COLOR": "1"})


def test_the_dictionary_alone_configures_structlog_too(stream: io.StringIO) -> None:
    """rq and granian apply it by themselves, in processes where nothing else of ours has run yet."""
    logging.config.dictConfig(logging_config(Settings(log_format="json"), stream=stream))
    structlog.get_logger("shopalytic").info("hello")
    assert json.loads(stream.getvalue())["event"] == "hello"
