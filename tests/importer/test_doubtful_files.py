"""Files whose money could be read in two ways, or whose customers are nobody."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from shopalytic.cli import cli
from shopalytic.errors import ConfigurationError
from shopalytic.events.lines import take_lines
from shopalytic.importer import ImportReport, import_orders, open_table
from shopalytic.importer.command import Mapping
from shopalytic.importer.reading import find_reading
from shopalytic.importer.values import AmbiguousAmounts, find_decimal_commas, parse_amount, parse_whole
from tests.importer.test_import import LONDON, KeptStream, write

HEAD = "order_id;order_date;customer_id;email;sku;qty;price;Total\n"


def take(
    folder: Path, text: str, mapping: dict[str, str] | None = None, decimal_commas: bool | None = None
) -> tuple[ImportReport, list[dict[str, Any]]]:
    """The report, and the orders among the messages."""
    path, stream = write(folder, text), KeptStream()
    table = open_table(path, mapping=mapping)
    reading = find_reading(table, LONDON, None, decimal_commas)
    report = import_orders(table, reading, stream, 1, state_file=path.with_suffix(".state"))  # type: ignore[arg-type]
    return report, [message for message in stream.messages if message.get("event") == "order"]


def amounts(folder: Path, *texts: str, decimal_commas: bool | None = None) -> tuple[list[str], list[str]]:
    """What orders of these totals count, and why the others were refused."""
    lines = "".join(f"{number};2024-05-01;{text}\n" for number, text in enumerate(texts))
    report, orders = take(folder, "order_id;order_date;total\n" + lines, decimal_commas=decimal_commas)
    return [order["properties"]["total"] for order in orders], [refused.reason for refused in report.refused]


def test_an_order_whose_lines_have_totals_of_their_own_is_refused(tmp_path: Path) -> None:
    report, orders = take(
        tmp_path,
        HEAD + "7;2024-05-01;ann;;A;1;10;10\n7;2024-05-01;ann;;B;1;7;7\n8;2024-05-01;ben;;A;1;10;10\n",
    )
    assert [order["properties"]["order_id"] for order in orders] == ["8"]
    [refused] = report.refused
    assert (refused.order_id, refused.line) == ("7", 3)
    assert "total: 10 and 7 in lines of one order" in refused.reason
    assert "--map total=" in refused.reason


def test_without_the_column_the_lines_are_summed(tmp_path: Path) -> None:
    lines = "7;2024-05-01;ann;;A;1;10;10\n7;2024-05-01;ann;;B;1;7;7\n"
    report, _ = take(tmp_path, HEAD + lines, mapping={"total": ""})
    assert (report.total, report.refused) == (Decimal(17), [])


def test_a_mapping_may_take_no_column_for_a_field() -> None:
    assert Mapping().convert("total=,sku=Stock Code", None, None) == {"total": "", "sku": "Stock Code"}


def test_equal_line_totals_are_refused_where_another_order_shows_what_they_are(tmp_path: Path) -> None:
    """Two lines of 10 would count 10: the column looks like the order's total in this order alone."""
    equal = "8;2024-05-01;ben;;A;1;10;10\n8;2024-05-01;ben;;B;1;10;10\n"
    report, _ = take(tmp_path, HEAD + "7;2024-05-01;ann;;A;1;10;10\n7;2024-05-01;ann;;B;1;7;7\n" + equal)
    assert [refused.order_id for refused in report.refused] == ["7", "8"]


def test_one_odd_order_does_not_refuse_those_whose_lines_repeat_the_orders_total(tmp_path: Path) -> None:
    repeated = "8;2024-05-01;ben;;A;1;10;15\n8;2024-05-01;ben;;B;1;5;15\n"
    report, orders = take(
        tmp_path, HEAD + "7;2024-05-01;ann;;A;1;10;10\n7;2024-05-01;ann;;B;1;7;7\n" + repeated
    )
    assert [order["properties"]["total"] for order in orders] == ["15"]
    assert [refused.order_id for refused in report.refused] == ["7"]


def test_a_total_in_one_line_of_the_order_or_written_in_two_ways_is_the_orders(tmp_path: Path) -> None:
    report, orders = take(
        tmp_path,
        HEAD
        + "7;2024-05-01;ann;;A;1;10;\n7;2024-05-01;ann;;B;1;7;17\n"
        + "8;2024-05-01;ben;;A;1;10;14.5\n8;2024-05-01;ben;;B;1;4.50;14.50\n",
    )
    assert [order["properties"]["total"] for order in orders] == ["17", "14.5"]
    assert report.refused == []


@pytest.mark.parametrize("name", ["subtotal", "total_tax", "total_shipping"])
def test_other_amounts_that_differ_within_an_order_are_refused_too(tmp_path: Path, name: str) -> None:
    lines = "7;2024-05-01;A;1;10;2\n7;2024-05-01;B;1;7;1\n"
    report, orders = take(tmp_path, f"order_id;order_date;sku;qty;price;{name}\n{lines}")
    assert orders == []
    assert f"{name}: 2 and 1 in lines of one order" in report.refused[0].reason


def test_whole_amounts_with_thousands_commas_are_thousands(tmp_path: Path) -> None:
    assert amounts(tmp_path, "1,234", "980", "12,345,678") == (["1234", "980", "12345678"], [])
    assert amounts(tmp_path, "1,234", "980") == (["1234", "980"], [])


def test_a_decimal_comma_elsewhere_in_the_file_makes_all_of_them_decimal(tmp_path: Path) -> None:
    assert amounts(tmp_path, "1,234", "12,50") == (["1.234", "12.50"], [])
    assert amounts(tmp_path, "0,500", "1,250") == (["0.500", "1.250"], [])


def test_points_that_may_be_thousands_or_decimals_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"'1\.234' may have .* say --decimal comma or --decimal point"
    ):
        amounts(tmp_path, "1.234", "980")
    assert amounts(tmp_path, "1.234", "980", decimal_commas=True) == (["1234", "980"], [])
    assert amounts(tmp_path, "1.234", "980", decimal_commas=False) == (["1.234", "980"], [])


def test_an_amount_that_may_mean_two_things_in_a_mixed_file_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'1,234' may mean two things; say --decimal"):
        amounts(tmp_path, "12,50", "3.50", "1,234")


def test_a_mixed_file_takes_the_more_frequent_form_and_refuses_the_other(tmp_path: Path) -> None:
    taken, refused = amounts(tmp_path, "12,50", "3.50", "4.20")
    assert taken == ["3.50", "4.20"]
    assert refused == ["total: '12,50' is not an amount with a decimal point"]
    taken, refused = amounts(tmp_path, "12,50", "9,90", "1,234.50")
    assert taken == ["12.50", "9.90"]
    assert refused == ["total: '1,234.50' is not an amount with a decimal comma"]


@pytest.mark.parametrize(
    "text", ["1_000", "1e3", "12,50", "1,23,456", "NaN", "Infinity", "١٢", "€5", "", ".", "-"]
)
def test_what_is_no_amount_with_a_point_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount with a decimal point"):
        parse_amount(text, decimal_commas=False)


@pytest.mark.parametrize("text", ["1,234.50", "3.50", "1_000", "1e3", "1.23.456", ","])
def test_what_is_no_amount_with_a_comma_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount with a decimal comma"):
        parse_amount(text, decimal_commas=True)


@pytest.mark.parametrize(
    ("text", "commas", "expected"),
    [
        ("1,234,567.5", False, "1234567.5"), ("-3.50", False, "-3.50"), (".5", False, "0.5"), ("5.", False, "5"),
        ("1.234.567,5", True, "1234567.5"), ("-3,50", True, "-3.50"), ("+7", True, "7"), (",5", True, "0.5"),
    ],
)  # fmt: skip
def test_amounts_are_read_in_the_form_of_the_file(text: str, commas: bool, expected: str) -> None:
    assert parse_amount(text, decimal_commas=commas) == Decimal(expected)


@pytest.mark.parametrize(("text", "commas"), [("1_000", False), ("1e3", False), ("1,000", False), ("1.000", True), ("1.5", False)])  # fmt: skip
def test_a_count_that_is_none_or_may_be_thousands_is_refused(text: str, commas: bool) -> None:
    with pytest.raises(ValueError, match="is not a whole number"):
        parse_whole(text, decimal_commas=commas)


def test_a_count_may_have_decimals_that_are_zero() -> None:
    assert parse_whole("6.0000", decimal_commas=False) == 6
    assert parse_whole("6,00", decimal_commas=True) == parse_whole("6.0", decimal_commas=True) == 6


def test_thousands_of_both_forms_alone_are_asked_about() -> None:
    with pytest.raises(AmbiguousAmounts):
        find_decimal_commas(["1,234", "1.234"])


def test_a_price_with_many_decimals_is_sent_without_an_exponent(tmp_path: Path) -> None:
    _, [order] = take(tmp_path, HEAD + "7;2024-05-01;ann;;A;1;0.00000000;\n")
    assert order["properties"]["line_items"][0]["price"] == "0.00000000"


@pytest.mark.parametrize("nobody", ["0", "Guest", "NULL", "n/a", "-1"])
def test_a_customer_id_that_is_nobodys_gives_way_to_the_e_mail_address(tmp_path: Path, nobody: str) -> None:
    lines = f"7;2024-05-01;{nobody};ann@shop.example;A;1;10;\n8;2024-05-01;{nobody};;A;1;5;\n"
    report, [first, second] = take(tmp_path, HEAD + lines)
    assert (first["user_id"], second["tracking_id"]) == ("ann@shop.example", "guest:8")
    assert "user_id" not in second
    assert (report.customers, report.guests, report.total) == ({"ann@shop.example"}, 1, Decimal(15))


def test_an_e_mail_address_that_is_nobodys_makes_a_guest(tmp_path: Path) -> None:
    report, [order] = take(tmp_path, HEAD + "7;2024-05-01;Guest;n/a;A;1;10;\n")
    assert order["tracking_id"] == "guest:7"
    assert report.guests == 1


def test_nobody_beside_somebody_in_an_order_is_not_a_second_customer(tmp_path: Path) -> None:
    _, [order] = take(tmp_path, HEAD + "7;2024-05-01;0;;A;1;10;\n7;2024-05-01;ann;;B;1;7;\n")
    assert order["user_id"] == "ann"


def test_without_a_sku_the_name_is_one_and_the_units_count(tmp_path: Path) -> None:
    long = "x" * 300
    lines = f"7;2024-05-01;Cup;3;2\n7;2024-05-01;{long};1;2\n"
    _, [order] = take(tmp_path, "order_id;order_date;name;qty;price\n" + lines)
    violations: list[str] = []
    taken = take_lines(json.loads(json.dumps(order["properties"]["line_items"])), "line_items", violations)
    assert taken is not None
    assert (taken[0].skus, taken[0].qtys) == (["Cup", long[:255]], [3, 1])


def test_a_line_with_an_empty_sku_takes_its_name_and_one_with_neither_is_refused(tmp_path: Path) -> None:
    head = "order_id;order_date;sku;name;qty;price\n"
    report, [order] = take(tmp_path, head + "7;2024-05-01;;Cup;3;2\n8;2024-05-01;;;3;2\n")
    assert order["properties"]["line_items"][0]["sku"] == "Cup"
    assert [(refused.line, refused.reason) for refused in report.refused] == [(3, "neither a sku nor a name")]


def test_a_file_that_says_how_many_but_not_of_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no column for sku or name says of what; say --map sku="):
        take(tmp_path, "order_id;order_date;qty;price\n7;2024-05-01;3;2\n")


def test_totals_alone_are_taken_where_the_counts_are_left_out(tmp_path: Path) -> None:
    _, [order] = take(tmp_path, "order_id;order_date;qty;total\n7;2024-05-01;3;6\n", mapping={"qty": ""})
    assert order["properties"]["total"] == "6"


def test_the_command_knows_two_forms_of_decimals(tmp_path: Path) -> None:
    path = write(tmp_path, "order_id;order_date;total\n7;2024-05-01;6\n")
    done = CliRunner().invoke(cli, ["import", "orders", str(path), "--project", "x", "--decimal", "dot"])
    assert done.exit_code == 2
    assert "'comma', 'point'" in done.output
