"""What a run found, and how it is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from shopalytic.events.violations import Violation


@dataclass
class Findings:
    """What the run came to. problems: sentences; empty where all is well."""

    answers: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    right_stored: int = 0
    wrong_stored: int = 0
    counters: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def unseen(self) -> list[str]:
        return [kind for kind in Violation if not self.kinds[kind]]


def report(findings: Findings) -> None:
    print("answers:", ", ".join(f"{name}: {count:,}" for name, count in sorted(findings.answers.items())))
    print("taken:", dict(findings.taken), "refused:", findings.refused)
    print("counters:", findings.counters)
    print(f"right events stored: {findings.right_stored:,}; others: {findings.wrong_stored:,}")
    print("violations:", ", ".join(f"{kind} {count:,}" for kind, count in findings.kinds.most_common()))
    print("kinds that did not occur:", ", ".join(findings.unseen) or "none")
    for problem, times in Counter(findings.problems).most_common(40):
        print(f"PROBLEM ({times}×): {problem}"[:1500])
    print(f"{len(findings.problems)} problems")
