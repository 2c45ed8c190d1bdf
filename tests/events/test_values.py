from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.events import values
from shopalytic.events.countries import ALPHA_3


@pytest.mark.parametrize(
    ("sent", "text", "exact"),
    [
        ("9.99", "9.99", True),
        (Decimal("9.99"), "9.99", True),
        (Decimal("0.1"), "0.1", True),
        (10, "10", True),
        (0, "0", True),
        ("-5.00", "-5.00", True),
        (Decimal("1E+2"), "100.0000", True),
        (" 9.99 ", "9.99", False),
        ("+5", "5", False),
        (".5", "0.5", False),
        ("5.", "5", False),
        ("0.123456", "0.1235", False),
        (Decimal("0.00005"), "0.0001", False),
        (Decimal("-0.00005"), "-0.0001", False),
        ("99999999999999.9999", "99999999999999.9999", True),
    ],
)
def test_a_decimal_comes_as_number_or_text_and_goes_through_no_float(
    sent: Any, text: str, exact: bool
) -> None:
    violations: list[str] = []
    assert values.take_decimal(sent, "total", violations) == (text, exact)
    assert violations == []


@pytest.mark.parametrize(
    ("sent", "violation"),
    [
        ("€9.99", "not_a_decimal:total"),
        ("$9", "not_a_decimal:total"),
        ("9,99", "not_a_decimal:total"),
        ("1,234.56", "not_a_decimal:total"),
        ("1 234", "not_a_decimal:total"),
        ("1e3", "not_a_decimal:total"),
        ("٣", "not_a_decimal:total"),
        ("free", "not_a_decimal:total"),
        (True, "not_a_decimal:total"),
        ([1], "not_a_decimal:total"),
        ({}, "not_a_decimal:total"),
        ("", "empty:total"),
        ("  ", "empty:total"),
        (10**14, "out_of_range:total"),
        ("100000000000000", "out_of_range:total"),
        ("99999999999999.99999", "out_of_range:total"),
        (Decimal("1E+999999"), "out_of_range:total"),
    ],
)
def test_what_is_no_decimal_fills_no_column(sent: Any, violation: str) -> None:
    violations: list[str] = []
    assert values.take_decimal(sent, "total", violations) is None
    assert violations == [violation]


@given(st.decimals(allow_nan=False, allow_infinity=False) | st.integers() | st.text())
def test_any_decimal_taken_fits_the_stores_column(sent: Any) -> None:
    taken = values.take_decimal(sent, "total", [])
    if taken is not None:
        whole, _, fraction = taken[0].lstrip("-").partition(".")
        assert whole.isascii()
        assert whole.isdigit()
        assert len(whole) <= 14
        assert len(fraction) <= 4
        assert not taken[1] or Decimal(taken[0]) == Decimal(sent)


@pytest.mark.parametrize(
    ("sent", "expected", "violations"),
    [
        (2, (2, True), []),
        (Decimal("2.0"), (2, True), []),
        (-3, (-3, True), []),
        ("2", (2, False), ["number_as_text:qty"]),
        (2**63 - 1, (2**63 - 1, True), []),
        (2**63, None, ["out_of_range:qty"]),
        (Decimal("1E+400"), None, ["out_of_range:qty"]),
        (Decimal("2.5"), None, ["not_an_integer:qty"]),
        ("two", None, ["not_an_integer:qty"]),
        (True, None, ["not_an_integer:qty"]),
        ("", None, ["empty:qty"]),
    ],
)
def test_a_whole_number_in_quotes_is_taken_and_told(sent: Any, expected: Any, violations: list[str]) -> None:
    found: list[str] = []
    assert values.take_integer(sent, "qty", found) == expected
    assert found == violations


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("A-1", ("A-1", True)),
        (1001, ("1001", True)),
        (Decimal("1001.0"), ("1001", True)),
        (" A-1 ", ("A-1", False)),
        ("a\0b", ("a\ufffdb", False)),
        ("x" * 255, ("x" * 255, True)),
    ],
)
def test_an_id_is_text_and_a_number_becomes_one(sent: Any, expected: Any) -> None:
    violations: list[str] = []
    assert values.take_id(sent, "order_id", violations) == expected
    assert violations == []


@pytest.mark.parametrize(
    ("sent", "violation"),
    [("", "empty:sku"), ("  ", "empty:sku"), (True, "not_a_text:sku"), ([], "not_a_text:sku"), ("x" * 256, "too_long:sku"),
     (Decimal("0." + "1" * 300), "too_long:sku")],
)  # fmt: skip
def test_an_id_is_never_cut_short(sent: Any, violation: str) -> None:
    """Two orders with the same first 255 characters would be one."""
    violations: list[str] = []
    assert values.take_id(sent, "sku", violations) is None
    assert violations == [violation]


def test_a_long_text_is_cut_and_says_so() -> None:
    assert values.take_text("x" * 300, "name", []) == ("x" * 255, False)


@pytest.mark.parametrize(
    ("sent", "expected"), [("EUR", ("EUR", True)), (" eur ", ("EUR", False)), ("€", None), (5, None)]
)
def test_a_currency_is_three_letters(sent: Any, expected: Any) -> None:
    violations: list[str] = []
    assert values.take_currency(sent, "currency", violations) == expected
    assert violations == ([] if expected else ["not_a_currency:currency"])


def test_all_countries_are_known() -> None:
    assert len(ALPHA_3) == 249


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("gid://shopify/Order/1001", ("1001", False)),
        ("gid://shopify/OrderIdentity/1001?key=x", ("1001", False)),
        (1001, ("1001", True)),
        ("#1001", ("#1001", True)),
        ("gid://shopify/DraftOrder/1001", ("gid://shopify/DraftOrder/1001", True)),
        ("gid://shopify/Order/", ("gid://shopify/Order/", True)),
    ],
)
def test_shopifys_global_id_of_an_order_is_the_number_that_its_webhooks_tell(
    sent: Any, expected: Any
) -> None:
    assert values.take_order_id(sent, "order_id", []) == expected
