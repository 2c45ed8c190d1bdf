"""How a customer's ids hang together: ids and other customers as nodes, what links them as edges. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from shopalytic.identity.explain import CustomerLink
from shopalytic.identity.ids import EMAIL, USER_ID, VISITOR
from shopalytic.identity.lookup import CustomerId
from shopalytic.identity.rules import BEGINNING, Id, Timeline
from shopalytic.identity.wording import ends_of
from shopalytic.web.dashboard.formats import day, moment
from shopalytic.web.dashboard.timeline import visitor_name

Kind = Literal["browser", "user", "email", "other", "customer"]
State = Literal["live", "undone", "refused", "shared"]
Key = Id | UUID
"""An id of the customer's own, or another customer."""

KINDS: dict[str, Kind] = {VISITOR: "browser", USER_ID: "user", EMAIL: "email"}
OTHERS_SHOWN = 6
STATE_WORDS: dict[State, str] = {"live": "", "undone": "undone", "refused": "refused", "shared": ""}


@dataclass(frozen=True)
class Node:
    """label: whole, to be shortened to the room that there is. about: the id's type, or what else it is. since: in the
    project's zone; None of another customer.
    """

    key: Key
    kind: Kind
    label: str
    about: str
    since: datetime | None = None
    customer_id: UUID | None = None

    @property
    def title(self) -> str:
        if self.since is None:
            return f"Another customer: {self.label}"
        return f"{self.about} {self.label}, since {moment(self.since)}"


@dataclass(frozen=True)
class Edge:
    """All that was said between two nodes and has the same state. at, last_at: in the project's zone."""

    first: Key
    second: Key
    state: State
    cause: str
    at: datetime
    last_at: datetime
    times: int = 1

    @property
    def when(self) -> str:
        said = day(self.at) if self.times == 1 else f"{self.times:,}×, last {day(self.last_at)}"
        return " · ".join(part for part in (said, STATE_WORDS[self.state]) if part)


@dataclass(frozen=True)
class Graph:
    """nodes: the most important first. hidden: how many ids more the customer has. hidden_others: other customers."""

    nodes: list[Node]
    edges: list[Edge]
    hidden: int = 0
    hidden_others: int = 0
    degrees: Counter[Key] = field(default_factory=Counter)


def make_graph(
    customer_id: UUID,
    ids: Sequence[CustomerId],
    links: Iterable[CustomerLink],
    browsers: Mapping[Id, Timeline],
    time_zone: str,
) -> Graph:
    """All of it; other customers have no names yet.

    browsers: the timelines of the customer's own, of which other customers may have a part.
    """
    zone = ZoneInfo(time_zone)
    own = {(one.type, one.value): one for one in ids}
    edges: dict[tuple[Key, Key, State], Edge] = {}
    labels: dict[UUID, str] = {}
    for link in links:
        if link.kind in ("seen", "undo"):
            continue
        first, second = (_end(each, link, own, labels) for each in ends_of(link))
        if first is None or second is None or first == second:
            continue
        _add(edges, first, second, link, zone)
    shared = set()
    for browser, timeline in browsers.items():
        for other, word, instant in _other_parts(timeline, customer_id):
            shared.add(browser)
            at = instant.astimezone(zone)
            edge = Edge(browser, other, "shared", f"theirs {word}", at, at)
            edges.setdefault((browser, other, "shared"), edge)
    degrees = Counter(end for edge in edges.values() for end in (edge.first, edge.second))
    nodes = [_own_node(one, key in shared, zone) for key, one in own.items()]
    others = {end for edge in edges.values() for end in (edge.first, edge.second) if isinstance(end, UUID)}
    nodes += [_other_node(one, labels.get(one, "")) for one in sorted(others, key=str)]
    # The order of the ids is that of their types' importance, then of time: sorting keeps it among equals.
    nodes.sort(key=lambda node: (node.kind == "customer", -degrees[node.key]))
    return Graph(nodes, list(edges.values()), degrees=degrees)


def cut(graph: Graph, limit: int, others_limit: int = OTHERS_SHOWN) -> Graph:
    """The most linked ids, and a few other customers, with the edges between them."""
    own = [node for node in graph.nodes if node.kind != "customer"]
    others = [node for node in graph.nodes if node.kind == "customer"]
    kept = {node.key for node in own[:limit]}
    near = {
        end for edge in graph.edges if {edge.first, edge.second} & kept for end in (edge.first, edge.second)
    }
    shown = [node for node in others if node.key in near][:others_limit]
    kept |= {node.key for node in shown}
    edges = [edge for edge in graph.edges if edge.first in kept and edge.second in kept]
    degrees = Counter(end for edge in edges for end in (edge.first, edge.second))
    hidden = len(own) - len(own[:limit])
    return Graph(own[:limit] + shown, edges, hidden, len(others) - len(shown), degrees)


def name_others(graph: Graph, names: Mapping[UUID, str]) -> Graph:
    """Those that have a name get it."""
    named = [
        replace(node, label=names[node.key]) if isinstance(node.key, UUID) and node.key in names else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=named)


def _end(each: Id, link: CustomerLink, own: Mapping[Id, object], labels: dict[UUID, str]) -> Key | None:
    if each in own:
        return each
    other = link.others.get(each)
    if other is not None:
        labels.setdefault(other, visitor_name(each[1]) if each[0] == VISITOR else each[1])
    return other


def _add(
    edges: dict[tuple[Key, Key, State], Edge], first: Key, second: Key, link: CustomerLink, zone: ZoneInfo
) -> None:
    state: State = "live" if link.active else "undone"
    if link.refused:
        state = "refused"
    at = link.since.astimezone(zone)
    pair = (first, second) if (second, first, state) not in edges else (second, first)
    known = edges.get((*pair, state))
    edges[*pair, state] = (
        replace(known, last_at=at, times=known.times + 1)
        if known
        else Edge(*pair, state, _cause(link), at, at)
    )


def _cause(link: CustomerLink) -> str:
    if link.kind == "merge":
        return "kept together" if link.cause == "split" else "merged by hand"
    return f"{link.cause}, one message" if link.kind == "same" else link.cause


def _other_parts(timeline: Timeline, customer_id: UUID) -> Iterable[tuple[UUID, str, datetime]]:
    """Whose else the browser was, and from or until when."""
    for number, step in enumerate(timeline):
        if step.customer_id == customer_id:
            continue
        if step.from_at > BEGINNING:
            yield step.customer_id, "from", step.from_at
        elif len(timeline) > 1:
            yield step.customer_id, "until", timeline[number + 1].from_at


def _own_node(one: CustomerId, is_shared: bool, zone: ZoneInfo) -> Node:
    kind = KINDS.get(one.type, "other")
    about = "browser" if kind == "browser" else one.type
    if is_shared:
        about += " · shared"
    return Node((one.type, one.value), kind, one.value, about, one.since.astimezone(zone))


def _other_node(customer_id: UUID, label: str) -> Node:
    label = label or f"Customer {str(customer_id)[:8]}"
    return Node(customer_id, "customer", label, "another customer", None, customer_id)
