"""How many decimals a currency has."""

from __future__ import annotations

MINOR_UNITS = {
    **dict.fromkeys(
        ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"], 0
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}  # fmt: skip
"""Decimals of the currencies that do not have two: ISO 4217, list one, column "minor unit"."""


def decimals_of(currency: str) -> int:
    return MINOR_UNITS.get(currency.upper(), 2)
