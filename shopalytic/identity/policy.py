"""What a project says of its types of ids: how many a customer may have, how fast an id may gather others.

A rule counts from an instant on, by event time: what was said before it stays as it was read then, so that setting one
moves nobody's history. What it says of which ids link at all (`is_hard`, `is_told_by_property`) counts for messages
received from a minute later on.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
"""The earliest instant that the store's columns hold."""
TAKES_EFFECT_AFTER = timedelta(seconds=60)
"""A worker may go by what it read half a minute ago: what judges messages by when they were received takes effect later
than that, so that a repeat of a batch, in another worker, judges the same.
"""
LINKS_PER_DAY = 100
"""A person has no hundred new browsers a day, nor a browser a hundred persons: that is a crawler, or a shared till."""


class IdRule(msgspec.Struct, frozen=True, kw_only=True):
    """For one type of id; `tracking_id` for browsers.

    is_hard: False: it is kept with what came with it, and links nobody. max_per_customer: None is any number; 1: unique.
    new_links_per_day: how many others an id is linked with, by the UTC day of the event, before further links wait for
    a decision; None is any number. is_told_by_property: of `email`: the property of account events and of identify is an
    id as well.
    """

    id_type: str
    from_at: datetime
    is_hard: bool = True
    max_per_customer: int | None = None
    new_links_per_day: int | None = LINKS_PER_DAY
    is_told_by_property: bool = False


class Policy:
    """The rules of a project, of all times."""

    def __init__(self, rules: Iterable[IdRule] = ()) -> None:
        self._by_type: dict[str, list[IdRule]] = {}
        for rule in sorted(rules, key=lambda rule: rule.from_at, reverse=True):
            self._by_type.setdefault(rule.id_type, []).append(rule)

    def rule(self, id_type: str, at: datetime) -> IdRule:
        """The newest that was set by then; what counts where none was is the default."""
        for rule in self._by_type.get(id_type, ()):
            if rule.from_at <= at:
                return rule
        return IdRule(id_type=id_type, from_at=BEGINNING)

    def judging(self, id_type: str, received_at: datetime) -> IdRule:
        """The one by which a message received then is judged: whether the type links, and what counts as sent."""
        return self.rule(id_type, received_at - TAKES_EFFECT_AFTER)

    @property
    def has_rules(self) -> bool:
        """Any was ever set."""
        return bool(self._by_type)

    def soft_types(self) -> list[str]:
        """Those that link nobody, or did not at some time."""
        return sorted(name for name, rules in self._by_type.items() if not all(one.is_hard for one in rules))


DEFAULT_POLICY = Policy()
