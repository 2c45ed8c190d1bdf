"""`shopalytic lint`: what is wrong in a file of messages, and in which line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from shopalytic.cli import cli
from shopalytic.cli.lint_file import MESSAGE_LIMIT_BYTES, Unreadable, read_items
from shopalytic.events.event import Quarantine
from shopalytic.pipeline import check
from tests.cli.conftest import Run

GOOD = {
    "event": "cart_add",
    "tracking_id": "v",
    "properties": {"cart_id": "c", "sku": "s", "price": 1, "qty": 1},
}
BAD = {"event": "cart_add", "tracking_id": "v", "properties": {"cart_id": "c", "price": "cheap", "qty": 1}}
CHEAP = 'not_a_decimal:price  price is not a decimal; send 9.99 or "9.99", without a currency sign.'
NO_SKU = "missing:sku  sku is required, but is missing or null; send it with a value."

ORDER = {
    "event": "order",
    "tracking_id": "v",
    "properties": {
        "order_id": "1", "cart_id": "1", "total": 99, "subtotal": 10, "total_discount": 2,
        "line_items": [{"sku": "A", "price": 5, "qty": 2}],
    },
}  # fmt: skip

Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> str:
        path = tmp_path / "events"
        path.write_text(text)
        return str(path)

    return write


def items(text: str | bytes) -> list[tuple[int, bytes]]:
    return [tuple(item) for item in read_items(io.BytesIO(text.encode() if isinstance(text, str) else text))]


def test_each_thing_that_is_wrong_is_a_line_that_says_what_would_be_right(run: Run, write: Write) -> None:
    file = write(f"{json.dumps(GOOD)}\n{json.dumps(BAD)}\n")
    done = run("lint", file)
    assert done.exit_code == 1
    assert done.stdout == f"{file}:2  cart_add  {CHEAP}\n{file}:2  cart_add  {NO_SKU}\n"
    assert done.stderr == "2 messages: 0 would be refused, 1 stored with violations.\n"


def test_amounts_that_do_not_add_up_are_told_as_the_worker_would(run: Run, write: Write) -> None:
    done = run("lint", "--json", write(json.dumps(ORDER)))
    assert [(each["kind"], each["property"]) for each in json.loads(done.stdout)["findings"]] == [
        ("missing", "discounts"),
        ("does_not_add_up", "total"),
    ]


@pytest.mark.parametrize("text", [json.dumps(GOOD), json.dumps([GOOD, GOOD], indent=1), ""])
def test_a_file_without_fault_is_exit_code_0(run: Run, write: Write, text: str) -> None:
    done = run("lint", write(text))
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.endswith(" messages, nothing wrong.\n")


def test_it_works_without_a_data_folder(run: Run, write: Write, tmp_path: Path) -> None:
    assert run("lint", write(json.dumps(GOOD))).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["events"]


def test_what_a_door_or_the_worker_would_refuse_is_told_with_its_place(run: Run, write: Write) -> None:
    file = write(
        '{"event":"x"}\n{"type":"identify","tracking_id":"v"}\n{"event":"x","user_id":1,"timestamp":"now"}\n'
    )
    done = run("lint", file)
    assert done.stdout.splitlines() == [
        f"{file}:1  x  rejected:tracking_id  The message needs a tracking_id or a user_id.",
        f"{file}:2  identify  rejected:user_id  A message of type identify needs a user_id.",
        f"{file}:3  x  bad_timestamp:timestamp  The timestamp 'now' is no time. "
        "Send UTC seconds, milliseconds or ISO 8601, from 1970 to 2299.",
    ]
    assert done.stderr == "3 messages: 3 would be refused, 0 stored with violations.\n"


def test_a_damaged_line_is_told_and_the_next_one_read(run: Run, write: Write) -> None:
    file = write(f'{json.dumps(GOOD)}\n{{"event":"x\n{{"event": NaN}}\n{json.dumps(BAD)}\n')
    lines = run("lint", file).stdout.splitlines()
    assert lines[0] == f"{file}:2  -  rejected  Not valid JSON: it ends too early."
    assert [line.partition("  ")[0] for line in lines] == [f"{file}:{number}" for number in (2, 3, 4, 4)]


def test_a_message_larger_than_the_server_takes_is_told(run: Run, write: Write) -> None:
    file = write(json.dumps(GOOD | {"source": "a" * 2000}))
    done = run("lint", file, SHOPALYTIC_MESSAGE_LIMIT_BYTES="2000")
    assert done.stdout == f"{file}:1  cart_add  too_large  The message is larger than 2000 bytes.\n"


def test_json_gives_the_same_and_the_counts(run: Run, write: Write) -> None:
    file = write(json.dumps([GOOD, BAD, {"event": "x"}]))
    done = run("lint", "--json", file)
    answer: dict[str, Any] = json.loads(done.stdout)
    findings = answer.pop("findings")
    assert answer == {"messages": 3, "refused": 1, "with_violations": 1}
    assert [each["kind"] for each in findings] == ["not_a_decimal", "missing", "rejected"]
    assert findings[1] == {
        "file": file, "line": 1, "event": "cart_add", "kind": "missing", "property": "sku",
        "message": "sku is required, but is missing or null; send it with a value.",
    }  # fmt: skip
    assert done.exit_code == 1


def test_a_dash_is_the_standard_input() -> None:
    done = CliRunner().invoke(cli, ["lint", "-"], input=json.dumps(BAD))
    assert done.stdout.startswith("<stdin>:1  cart_add  not_a_decimal:price")


@pytest.mark.parametrize(
    "text",
    ["event;sku\n", '{"events": [{"event": "x"}', "[1, 2}", '[{"event": "x"}] [', '{"a": 1} {"b": 2}, x\n'],
)
def test_a_file_whose_own_structure_is_broken_is_exit_code_2(run: Run, write: Write, text: str) -> None:
    file = write(text)
    done = run("lint", file)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith(f"Error: {file}: ")
    json.loads(run("lint", "--json", file).stdout)


def test_a_file_that_is_not_there_is_exit_code_2(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        assert run("lint", str(path)).exit_code == 2


def test_a_wrong_setting_is_exit_code_2(run: Run, write: Write) -> None:
    done = run("lint", write(json.dumps(GOOD)), SHOPALYTIC_POTR="1")
    assert (done.exit_code, done.stderr.startswith("Error: There is no setting")) == (2, True)


def test_control_characters_are_shown_and_not_obeyed(run: Run, write: Write) -> None:
    done = run("lint", write('{"event":"\\u001b[2J","tracking_id":""}'))
    assert "\x1b" not in done.stdout
    assert "\\x1b[2J" in done.stdout


def test_a_fault_of_ours_ends_no_run(run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Quarantine:
        raise RuntimeError("secret")

    monkeypatch.setattr(check, "read_message", fail)
    done = run("lint", write(json.dumps(GOOD)))
    assert "pipeline_failed" in done.stdout
    assert "secret" not in done.output


@pytest.mark.parametrize("indent", [None, 1])
def test_the_messages_of_an_array_and_of_a_batch_are_found_with_their_lines(indent: int | None) -> None:
    array = json.dumps([GOOD, BAD], indent=indent)
    batch = json.dumps({"token": "]}", "events": [GOOD, BAD], "sent_at": 1}, indent=indent)
    for text, above in ((array, 1), (batch, 3)):
        found = items(text)
        assert [json.loads(raw) for _, raw in found] == [GOOD, BAD]
        height = json.dumps(GOOD, indent=1).count("\n") + 1
        assert [line for line, _ in found] == ([1, 1] if indent is None else [above + 1, above + 1 + height])


def test_messages_one_after_another_are_found_also_where_they_take_several_lines() -> None:
    found = items(f"\n{json.dumps(GOOD, indent=1)}\n{json.dumps(BAD, indent=1)}")
    assert [json.loads(raw) for _, raw in found] == [GOOD, BAD]
    assert found[0][0] == 2


def test_batches_one_in_a_line_are_found() -> None:
    text = (
        '{"events":[{"event":"a"},{"event":"b"}]}\n{"events":[]}\n{"event":"c","properties":{"events":[1]}}\n'
    )
    assert [(line, json.loads(raw)["event"]) for line, raw in items(text)] == [(1, "a"), (1, "b"), (3, "c")]


def test_a_damaged_first_line_does_not_hide_the_others() -> None:
    assert items('{"event":"x\n{"event":"y"}\n') == [(1, b'{"event":"x'), (2, b'{"event":"y"}')]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert items(b'\xef\xbb\xbf{"event":"y"}\r\n{}') == [(1, b'{"event":"y"}'), (2, b"{}")]


class Endless(io.RawIOBase):
    """Messages in one line, or one string, without an end."""

    def __init__(self, head: bytes, piece: bytes) -> None:
        self._left, self._piece = head, piece

    def read(self, size: int = -1) -> bytes:
        self._left += self._piece * (size // len(self._piece) + 1)
        given, self._left = self._left[:size], self._left[size:]
        return given


@pytest.mark.parametrize(
    ("head", "piece"),
    [(b"[", b'{"event":"x"},'), (b'{"events":[', b'{"event":"x"},'), (b"", b'{"event":"x"}\n')],
)
def test_a_file_without_end_is_read_piece_by_piece(head: bytes, piece: bytes) -> None:
    found = read_items(Endless(head, piece))  # type: ignore[arg-type]
    assert all(next(found).raw == b'{"event":"x"}' for _ in range(300_000))


@pytest.mark.parametrize("head", [b'["', b'{"events":["', b'{"', b'{"a":1}\n{"'])
def test_a_string_without_end_is_not_read_for_ever(head: bytes) -> None:
    with pytest.raises(Unreadable, match=f"{MESSAGE_LIMIT_BYTES:,}"):
        list(read_items(Endless(head, b"aaaa")))  # type: ignore[arg-type]
