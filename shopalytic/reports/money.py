"""Amounts at the edge: rounded to the currency's decimals only when somebody is to read them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

import msgspec

MINOR_UNITS = {
    **dict.fromkeys(
        ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"], 0
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}  # fmt: skip
"""Decimals of the currencies that do not have two: ISO 4217, list one, column "minor unit"."""

Answer = TypeVar("Answer", bound=msgspec.Struct)


def decimals_of(currency: str) -> int:
    return MINOR_UNITS.get(currency.upper(), 2)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """To the currency's decimals, halves away from zero; `str` of it is what people and the API read."""
    return amount.quantize(Decimal(1).scaleb(-decimals_of(currency)), rounding=ROUND_HALF_UP) + 0


def in_currency(answer: Answer, currency: str) -> Answer:
    """A copy of a row with every Decimal in it rounded; anything else, rows within rows too, stays."""
    changes = {
        name: round_money(value, currency)
        for name in answer.__struct_fields__
        if isinstance(value := getattr(answer, name), Decimal)
    }
    return msgspec.structs.replace(answer, **changes)
