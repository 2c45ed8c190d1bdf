"""Where everything of a customer's picture goes: nothing lies on anything else, and nothing is outside."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shopalytic.identity.explain import CustomerLink
from shopalytic.identity.ids import EMAIL, USER_ID, VISITOR, origin_id
from shopalytic.identity.lookup import CustomerId
from shopalytic.identity.rules import BEGINNING, Id, Step
from shopalytic.web.dashboard.identity_graph import Graph, cut, make_graph
from shopalytic.web.dashboard.picture import NODE_HEIGHT, Drawing, draw_wide, shorten
from shopalytic.web.dashboard.picture_tall import draw_tall

AT = datetime(2026, 5, 3, 9, 12, tzinfo=UTC)
ME = UUID(int=1)


def link(
    first: Id, second: Id, *, active: bool = True, refused: str | None = None, other: UUID | None = None
) -> CustomerLink:
    """An identify of a browser, or two ids of one message. other: the second is this customer's."""
    is_visitor = first[0] == VISITOR
    user, companion = (second, ("", "")) if is_visitor else (first, second)
    return CustomerLink(
        link_id=1, type=user[0], value=user[1], since=AT, cause="identify", message_id="m", active=active,
        kind="identify" if is_visitor else "same", tracking_id=first[1] if is_visitor else "",
        other_type=companion[0], other_value=companion[1], door="native", url="", refused=refused,
        others={second: other} if other else {},
    )  # fmt: skip


def graph(ids: list[Id], links: list[CustomerLink]) -> Graph:
    return make_graph(ME, [CustomerId(*each, AT) for each in ids], links, {}, "Europe/London")


def some_graph(seed: int) -> Graph:
    """Up to forty ids of four types, linked at random, with links that were undone or refused."""
    chance = random.Random(seed)
    types = [VISITOR, USER_ID, EMAIL, "card"]
    ids = [
        (chance.choice(types), f"{n}-" + "x" * chance.randrange(60)) for n in range(chance.randrange(1, 41))
    ]
    links = []
    for _ in range(2 * len(ids)):
        first, second = chance.choice(ids), chance.choice(ids)
        if first[0] != VISITOR and second[0] == VISITOR:
            first, second = second, first
        if second[0] == VISITOR or first == second:
            continue
        other = UUID(int=chance.randrange(2, 12)) if chance.random() < 0.2 else None
        foreign = (second[0], f"foreign-{other}") if other else second
        links.append(
            link(first, foreign, active=chance.random() > 0.2, refused="x" if other else None, other=other)
        )
    return graph(ids, links)


def overlaps(drawing: Drawing) -> list[str]:
    boxes = [(f"{box.node.key}", box.x, box.y, box.width, float(NODE_HEIGHT)) for box in drawing.boxes]
    labels = [
        (f"{line.label.lines}", line.label.left, line.label.top, line.label.width, line.label.height)
        for line in drawing.lines
        if line.label
    ]
    placed = boxes + labels
    return [
        f"{a[0]} on {b[0]}"
        for at, a in enumerate(placed)
        for b in placed[at + 1 :]
        if a[1] < b[1] + b[3] and b[1] < a[1] + a[3] and a[2] < b[2] + b[4] and b[2] < a[2] + a[4]
    ]


@pytest.mark.parametrize("seed", range(60))
def test_nothing_lies_on_anything_else_and_nothing_is_outside(seed: int) -> None:
    whole = some_graph(seed)
    for drawing in (draw_wide(cut(whole, 30)), draw_tall(cut(whole, 12))):
        assert overlaps(drawing) == []
        for box in drawing.boxes:
            assert drawing.left <= box.x
            assert box.x + box.width <= drawing.left + drawing.width
            assert drawing.top <= box.y
            assert box.y + NODE_HEIGHT <= drawing.top + drawing.height
    assert len(draw_tall(cut(whole, 12)).lines) == len(cut(whole, 12).edges)


def test_every_node_is_drawn_once_in_either_picture() -> None:
    for seed in range(60):
        shown = cut(some_graph(seed), 12)
        keys = sorted(str(node.key) for node in shown.nodes)
        assert sorted(str(box.node.key) for box in draw_wide(shown).boxes) == keys
        assert sorted(str(box.node.key) for box in draw_tall(shown).boxes) == keys


def test_the_most_linked_ids_are_kept_and_the_others_counted() -> None:
    browsers = [(VISITOR, f"b{n:02}") for n in range(50)]
    whole = graph([(USER_ID, "hub"), *browsers], [link(each, (USER_ID, "hub")) for each in browsers])
    shown = cut(whole, 10)
    assert shown.nodes[0].key == (USER_ID, "hub")
    assert (len(shown.nodes), len(shown.edges), shown.hidden) == (10, 9, 41)


def test_what_was_undone_and_said_again_is_two_lines() -> None:
    browser, user = (VISITOR, "b"), (USER_ID, "42")
    both = graph([browser, user], [link(browser, user, active=False), link(browser, user)])
    assert sorted(edge.state for edge in both.edges) == ["live", "undone"]
    assert len({line.path for line in draw_wide(both).lines}) == 2


def test_a_shared_browser_tells_whose_else_it_was_and_when() -> None:
    browser, other = (VISITOR, "kiosk"), origin_id(1, USER_ID, "b")
    later = datetime(2026, 6, 1, 12, tzinfo=UTC)
    timeline = (Step(BEGINNING, other, AT), Step(later, ME, later))
    shared = make_graph(ME, [CustomerId(*browser, AT)], [], {browser: timeline}, "UTC")
    [edge] = shared.edges
    assert (edge.state, edge.cause, edge.when) == (
        "shared",
        "theirs until",
        "1\N{NO-BREAK SPACE}Jun\N{NO-BREAK SPACE}2026",
    )


@pytest.mark.parametrize(("text", "short"), [("abc", "abc"), ("abcdefghijkl", "abcd…kl"), ("ab", "ab")])
def test_a_long_id_keeps_both_its_ends(text: str, short: str) -> None:
    assert shorten(text, 7) == short
