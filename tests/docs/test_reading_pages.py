"""docs/metrics.md and docs/api.md name everything that the API and the reports give."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from shopalytic.reports.catalogue import REPORTS, Report
from shopalytic.web.api import answers
from shopalytic.web.api.calls import CALLS, Call
from shopalytic.web.api.reports import columns_of

DOCS = Path(__file__).parents[2] / "docs"
METRICS = (DOCS / "metrics.md").read_text()
API = (DOCS / "api.md").read_text()


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_every_column_of_a_report_stands_in_its_table_and_no_other(report: Report) -> None:
    _, _, rest = METRICS.partition(f"## The report `{report.name}`")
    section = rest.partition("\n## ")[0]

    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)

    assert documented == [column.name for column in columns_of(report)]
    assert all(column.description for column in columns_of(report))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_every_call_stands_in_the_docs_with_its_parameters(call: Call) -> None:
    path = "/api/v1" + re.sub(r"<\w+:(\w+)>", r"<\1>", call.path)
    (row,) = re.findall(rf"^\| `{call.method} {re.escape(path)}` \|([^|]*)\|", API, re.MULTILINE)

    members = call.body.__struct_encode_fields__ if call.body else ()
    assert re.findall(r"`(\w+)`", row) == [*call.query.__struct_fields__, *members]


@pytest.mark.parametrize(
    "answer",
    [
        answers.CountersAnswer,
        answers.CustomerAnswer,
        answers.EventAnswer,
        answers.LinkAnswer,
        answers.ErasureAnswer,
        answers.ErasureRecord,
    ],
    ids=lambda answer: answer.__name__,
)
def test_every_field_of_an_answer_stands_in_the_docs(answer: type[msgspec.Struct]) -> None:
    assert [name for name in answer.__struct_fields__ if f"`{name}`" not in API] == []
