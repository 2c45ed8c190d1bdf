from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shopalytic.errors import ConfigurationError, QueueUnavailable
from shopalytic.importer import ImportReport, import_orders, open_table
from shopalytic.importer.reading import find_reading
from shopalytic.importer.values import find_date_formats, find_decimal_commas, parse_amount

LONDON = ZoneInfo("Europe/London")
HEAD = "order_id,order_date,customer_id,sku,name,qty,price\n"


class KeptStream:
    """Keeps what is appended; fails at the append whose number is `fails_at`."""

    def __init__(self, fails_at: int = 0) -> None:
        self.messages: list[dict[str, Any]] = []
        self.appends = 0
        self._fails_at = fails_at

    def backlog(self) -> dict[int, int]:
        return {0: 0}

    def append(self, project_id: int, entries: list[tuple[str, bytes]]) -> None:
        self.appends += 1
        if self.appends == self._fails_at:
            raise KeyboardInterrupt
        self.messages += [json.loads(envelope)["m"] for _, envelope in entries]


def run(path: Path, stream: KeptStream, *, date_format: str | None = None, **options: Any) -> ImportReport:
    table = open_table(path, **options)
    reading = find_reading(table, LONDON, date_format)
    return import_orders(table, reading, stream, 1, state_file=path.with_suffix(".state"))  # type: ignore[arg-type]


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "orders.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_lines_of_an_order_are_one_message_with_their_sum(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEAD
        + "7,2024-05-01 10:00,anna,A,Cup,2,1.25\n8,2024-05-01 11:00,ben,B,Pot,1,9\n7,2024-05-01 10:00,anna,C,Tea,1,0.10\n",
    )
    stream = KeptStream()
    report = run(path, stream)
    first = stream.messages[0]
    assert first["properties"]["total"] == "2.60"
    assert [item["sku"] for item in first["properties"]["line_items"]] == ["A", "C"]
    assert first["user_id"] == "anna"
    assert first["timestamp"] == "2024-05-01T09:00:00+00:00"
    assert (report.orders, report.lines, report.total) == (2, 3, Decimal("11.60"))


def test_an_order_without_customer_is_a_guests_of_its_own(tmp_path: Path) -> None:
    stream = KeptStream()
    report = run(write(tmp_path, HEAD + "7,2024-05-01,,A,Cup,2,1.25\n8,2024-05-01,,A,Cup,2,1.25\n"), stream)
    assert [message["tracking_id"] for message in stream.messages] == ["guest:7", "guest:8"]
    assert report.guests == 2


def test_a_semicolon_file_in_latin_1_with_decimal_commas_is_read_as_it_is(tmp_path: Path) -> None:
    text = "order_id;order_date;name;qty;price\n7;24.12.2023 18:30;Käse;1;1.234,50\n"
    stream = KeptStream()
    report = run(write(tmp_path, text, "latin-1"), stream)
    assert report.total == Decimal("1234.50")
    assert stream.messages[0]["properties"]["line_items"][0]["name"] == "Käse"
    assert stream.messages[0]["timestamp"].startswith("2023-12-24T18:30")


def test_an_order_with_a_bad_line_is_refused_whole_and_its_neighbours_are_taken(tmp_path: Path) -> None:
    text = (
        HEAD
        + "7,2024-05-01,a,A,Cup,two,1.25\n7,2024-05-01,a,B,Pot,1,1\n8,2024-05-01,b,A,Cup,1,1\n9,31.31.2024,c,A,Cup,1,1\n"
    )
    stream = KeptStream()
    report = run(write(tmp_path, text), stream, date_format="%Y-%m-%d")
    assert [message["properties"]["order_id"] for message in stream.messages] == ["8"]
    assert [(refused.order_id, refused.line) for refused in report.refused] == [("7", 2), ("9", 5)]
    assert "'two' is not a whole number" in report.refused[0].reason
    assert "31.31.2024" in report.refused[1].reason


def test_a_negative_total_is_a_refund_and_refused_as_an_order(tmp_path: Path) -> None:
    stream = KeptStream()
    report = run(write(tmp_path, HEAD + "7,2024-05-01,a,A,Cup,-2,1.25\n"), stream)
    assert stream.messages == []
    assert "refund" in report.refused[0].reason


def test_the_same_file_gives_the_same_message_ids(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "7,2024-05-01,a,A,Cup,2,1.25\n")
    first, second = KeptStream(), KeptStream()
    run(path, first)
    run(path, second)
    assert first.messages == second.messages


def test_an_interrupted_import_goes_on_behind_the_last_order_sent(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "".join(f"{n},2024-05-01,a,A,Cup,1,1\n" for n in range(120)))
    broken, rest = KeptStream(fails_at=2), KeptStream()
    with pytest.raises(KeyboardInterrupt):
        run(path, broken)
    report = run(path, rest)
    assert report.skipped == len(broken.messages) == 50
    sent = [message["properties"]["order_id"] for message in broken.messages + rest.messages]
    assert sent == [str(n) for n in range(120)]
    assert run(path, KeptStream()).skipped == 0


def test_a_queue_that_is_full_for_a_while_is_waited_for(tmp_path: Path) -> None:
    class Full(KeptStream):
        def append(self, project_id: int, entries: list[tuple[str, bytes]]) -> None:
            if self.appends == 0:
                self.appends += 1
                raise QueueUnavailable("full")
            super().append(project_id, entries)

    stream = Full()
    run(write(tmp_path, HEAD + "7,2024-05-01,a,A,Cup,2,1.25\n"), stream)
    assert len(stream.messages) == 1


def test_a_person_named_in_the_file_becomes_properties_of_the_customer(tmp_path: Path) -> None:
    stream = KeptStream()
    run(write(tmp_path, "order_id,date,email,total\n7,2024-05-01,a@shop.example,12\n"), stream)
    identify = stream.messages[1]
    assert (identify["type"], identify["user_id"]) == ("identify", "a@shop.example")
    assert identify["properties"] == {"email": "a@shop.example"}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["12/1/2010 10:03", "12/2/2010 8:26"], "%m/%d/%Y %H:%M"),
        (["1/12/2010 10:03", "2/12/2010 8:26"], "%d/%m/%Y %H:%M"),
        (["13/1/2010", "2/1/2010"], "%d/%m/%Y"),
        (["2024-05-01T10:00:00Z"], "ISO 8601"),
        (["1714557600"], "UTC seconds"),
        (["24.12.2023"], "%d.%m.%Y"),
    ],
)
def test_a_date_column_is_read_in_the_form_that_fits_all_of_it(texts: list[str], expected: str) -> None:
    assert find_date_formats(texts)[0] == expected


def test_dates_that_fit_no_form_give_none() -> None:
    assert find_date_formats(["yesterday"]) == []
    assert find_date_formats([]) == []


def test_decimal_commas_are_told_from_thousands_separators() -> None:
    assert find_decimal_commas(["1.234,50", "3"])
    assert not find_decimal_commas(["1,234.50", "3"])
    assert parse_amount("1,234.50", decimal_commas=False) == Decimal("1234.50")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "no column for order_id and order_date"),
        ("order_id,order_date,a\n1,2024-01-01,2\n", "neither a column for total"),
        ("order_id,order_id\n", "two columns"),
        ("order_id,date,total\n1,soon,2\n", "'soon' have no known form"),
    ],
)
def test_a_file_that_cannot_be_orders_is_refused_with_a_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        run(write(tmp_path, text), KeptStream())


def test_a_mapping_that_names_no_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no column 'Nope'; it has order_id"):
        open_table(write(tmp_path, HEAD + "7,2024-05-01,a,A,Cup,2,1.25\n"), mapping={"sku": "Nope"})


def test_a_spreadsheet_is_refused_as_not_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "orders.xlsx"
    path.write_bytes(b"PK\x03\x04\0\0\0")
    with pytest.raises(ConfigurationError, match="not a text file"):
        open_table(path)
