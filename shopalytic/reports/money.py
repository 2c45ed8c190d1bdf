"""Amounts at the edge: rounded to the currency's decimals only when somebody is to read them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

import msgspec

from shopalytic.events.minor_units import decimals_of

Answer = TypeVar("Answer", bound=msgspec.Struct)


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
