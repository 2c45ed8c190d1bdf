from __future__ import annotations

from decimal import Decimal

import pytest

from shopalytic.accounts.currencies import CURRENCIES
from shopalytic.events.minor_units import MINOR_UNITS
from shopalytic.reports.money import round_money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("93029.47", "GBP", "93029.47"),
        ("1234.5", "EUR", "1234.50"),
        ("1234.5", "JPY", "1235"),
        ("0", "JPY", "0"),
        ("1.2345", "KWD", "1.235"),
        ("2.345", "EUR", "2.35"),
        ("-2.345", "EUR", "-2.35"),
        ("-0.001", "EUR", "0.00"),
        ("1E+3", "EUR", "1000.00"),
        ("99999999999999.9999", "UYW", "99999999999999.9999"),
    ],
)
def test_an_amount_has_its_currencys_decimals(amount: str, currency: str, text: str) -> None:
    assert str(round_money(Decimal(amount), currency)) == text


def test_every_currency_with_unusual_decimals_is_one_that_a_project_may_have_or_a_unit_of_account() -> None:
    assert set(MINOR_UNITS) - CURRENCIES == {"CLF", "UYW", "UYI"}
