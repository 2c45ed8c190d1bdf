"""Some hundred messages of the named run `python -m benchmarks.fuzz` through all doors of a running system."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fuzz.__main__ import ask_by_documents, fuzz
from benchmarks.system import running_system


def test_right_and_wrong_messages_of_the_catalogue_are_all_accounted_for(tmp_path: Path) -> None:
    with running_system(tmp_path) as system:
        findings = fuzz(system, 250, seed=7)
        ask_by_documents(findings, system, examples=1, seed=7)
    assert findings.problems == []
    assert findings.right_stored > 40
    assert findings.wrong_stored > 40
    assert len(findings.kinds) > 10
