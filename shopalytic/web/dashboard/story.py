"""How a customer's ids came together, as its page tells it: sentences in the project's time zone, and the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from shopalytic.accounts.db import reading
from shopalytic.accounts.deciders import names_of_deciders
from shopalytic.identity.derived import read_owners
from shopalytic.identity.explain import CustomerLink, links
from shopalytic.identity.ids import VISITOR
from shopalytic.identity.strip import PLACEHOLDER
from shopalytic.identity.wording import ERASED, Words, clause, decision_clause, ends_of
from shopalytic.parts import Parts
from shopalytic.reports.project import Project
from shopalytic.web.dashboard import people
from shopalytic.web.dashboard.formats import local, moment
from shopalytic.web.dashboard.identity_graph import Graph, make_graph

LINKING = frozenset(("identify", "track", "alias", "same"))


@dataclass(frozen=True)
class Told:
    """One sentence, and how often the same was said again. at, last_at: in the project's zone.

    state: `live`, `undone`, `refused`. link_id: of a link that can be undone, else None. decision_id: '' where it was
    said by a message. make_words: called for those alone that are shown, for there may be thousands.
    """

    at: datetime
    last_at: datetime
    times: int
    make_words: Callable[[], Words]
    state: str
    link_id: int | None = None
    decision_id: str = ""

    @property
    def words(self) -> Words:
        return self.make_words()


@dataclass(frozen=True)
class Story:
    told: list[Told]
    graph: Graph


def read_story(parts: Parts, project: Project, person: people.Person) -> Story:
    """Oldest first. A browser says who it is at every page: the same is told once."""
    own = [(one.type, one.value) for one in person.ids]
    with reading(parts.sessions) as db:
        found = links(db, project.project_id, person.customer_id, person.ids)
        names = names_of_deciders(db, {link.decided_by for link in found})
        browsers = read_owners(db, project.project_id, [each for each in own if each[0] == VISITOR])
    graph = make_graph(person.customer_id, person.ids, found, browsers, project.time_zone)
    return Story(tell(found, names, project.time_zone), graph)


def tell(found: Iterable[CustomerLink], names: Mapping[str, str], time_zone: str) -> list[Told]:
    zone = ZoneInfo(time_zone)
    said: dict[tuple[object, ...], Told] = {}
    decided: dict[str, list[CustomerLink]] = {}
    for link in found:
        if link.decided_by:
            decided.setdefault(link.message_id, []).append(link)
            continue
        at = link.since.astimezone(zone)
        ids = (link.tracking_id, link.type, link.value, link.other_type, link.other_value)
        key = (link.kind, *ids, link.active, link.refused, link.earlier_elsewhere)
        known = said.get(key)
        is_placeholder = link.cause == ERASED
        can_be_undone = link.active and not link.refused and link.kind in LINKING and not is_placeholder
        said[key] = (
            replace(known, last_at=at, times=known.times + 1)
            if known
            else Told(
                at,
                at,
                1,
                partial(clause, link, names),
                state_of(link),
                link.link_id if can_be_undone else None,
            )
        )
    decisions = {key: _decision(one, names, time_zone, decided) for key, one in decided.items()}
    return sorted([*said.values(), *decisions.values()], key=lambda one: one.at)


def state_of(link: CustomerLink) -> str:
    if not link.active:
        return "undone"
    return "refused" if link.refused else "live"


def _decision(
    entries: Sequence[CustomerLink],
    names: Mapping[str, str],
    time_zone: str,
    decided: Mapping[str, Sequence[CustomerLink]],
) -> Told:
    """All links that were decided at once: one sentence."""
    first = entries[0]
    at = local(first.since, time_zone)
    telling = [one for one in entries if one.kind == "undo"] or list(entries)
    target = decided.get(first.target, ())
    back = f"the {target[0].cause} of {moment(local(target[0].since, time_zone))}" if target else ""
    words = decision_clause(
        names.get(first.decided_by, first.decided_by),
        first.cause,
        [ends_of(one) for one in telling],
        back or ("a decision" if first.target else ""),
    )
    words.append("" if first.active else "; this was taken back")
    return Told(at, at, 1, lambda: words, state_of(first), None, first.message_id)


def names_of_others(parts: Parts, project: Project, graph: Graph) -> dict[UUID, str]:
    """An erased person's place in a shared browser is nobody's name."""
    others = [node.customer_id for node in graph.nodes if node.customer_id is not None]
    names = people.names_of(parts, project.project_id, others)
    return {one: "An erased person" if name.startswith(PLACEHOLDER) else name for one, name in names.items()}
