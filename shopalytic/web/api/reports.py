"""`/reports/<name>`: one call for each report of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from shopalytic.reports.catalogue import REPORTS, Report, run_report
from shopalytic.web.api.answers import Column, PeriodAnswer, ReportAnswer, format_instant
from shopalytic.web.api.asked import Asked
from shopalytic.web.api.parameters import ReportQuery, parse_period

__all__ = ["REPORTS", "answer_of", "answer_type", "columns_of"]

COLUMN_TYPES = {date: "day", int: "count", Decimal: "money", float: "rate", str: "text"}


def answer_of(report: Report) -> Callable[[Asked, ReportQuery], Any]:
    def answer(asked: Asked, query: ReportQuery) -> Any:
        period = parse_period(query, asked.project.time_zone, asked.now)
        rows, totals = run_report(report, asked.parts.store, asked.project, period)
        return ReportAnswer(
            name=report.name,
            period=PeriodAnswer(
                period.first_day,
                period.last_day,
                format_instant(period.start),
                format_instant(period.end),
            ),
            time_zone=period.time_zone,
            currency=asked.project.currency,
            columns=columns_of(report),
            rows=rows,
            totals=totals,
        )

    return answer


def answer_type(report: Report) -> Any:
    return ReportAnswer[report.row_type, report.totals_type]  # type: ignore[name-defined]


def columns_of(report: Report) -> list[Column]:
    """What a row has, in order: first what it is of, then its figures. Types and sentences are the struct's."""
    hints = get_type_hints(report.row_type, include_extras=True)
    figures = set(report.totals_type.__struct_fields__)
    names = sorted(report.row_type.__struct_fields__, key=lambda name: name in figures)
    return [_column(name, hints[name]) for name in names]


def _column(name: str, hint: Any) -> Column:
    kind, meta = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, None)
    sentence = meta.description if isinstance(meta, msgspec.Meta) else None
    options = [option for option in get_args(kind) or (kind,) if option is not type(None)]
    return Column(name, COLUMN_TYPES[options[0]], sentence or "")
