"""A customer's picture for a narrow screen: a tree from the most linked id down, other edges as arcs beside it. Pure."""

from __future__ import annotations

from shopalytic.web.dashboard.identity_graph import Edge, Graph, Key, Node
from shopalytic.web.dashboard.picture import (
    CAPTION,
    NODE_HEIGHT,
    SMALL_LETTER,
    TALL_DEPTHS,
    TALL_GUTTER,
    TALL_INDENT,
    TALL_WIDTH,
    Box,
    Drawing,
    Label,
    Line,
    draw,
    put,
    shorten,
    title_of,
)

Branch = tuple[Node, int, Edge | None]
"""A node, how deep it stands, and the edge that it hangs on."""
GAP = 10


def draw_tall(graph: Graph) -> Drawing:
    names = {node.key: node.title for node in graph.nodes}
    labels = {node.key: node.label for node in graph.nodes}
    branches = _branches(graph)
    hanging = {id(edge) for _, _, edge in branches if edge}
    rest = [edge for edge in graph.edges if id(edge) not in hanging]
    boxes: dict[Key, Box] = {}
    lines: list[Line] = []
    has_gutter = bool(rest)
    y = 0.0
    for node, depth, edge in branches:
        x = float(min(depth, TALL_DEPTHS) * TALL_INDENT)
        width = TALL_WIDTH - x - (TALL_GUTTER if has_gutter else 0)
        also = [one for one in rest if _closes(one, node.key, boxes)]
        start = y
        y += GAP + CAPTION * (len(also) + bool(edge)) if boxes else 0
        boxes[node.key] = put(node, x, y, width)
        if edge:
            parent = boxes[edge.first if edge.second == node.key else edge.second]
            trunk, middle = parent.x + 9, boxes[node.key].middle
            path = (
                f"M{trunk:g} {parent.y + NODE_HEIGHT:g}V{middle:g}H{x:g}"
                if trunk < x
                else (f"M{trunk:g} {parent.y + NODE_HEIGHT:g}V{y:g}")
            )
            lines.append(Line(edge, path, _caption(edge, trunk + 8, start, width), title_of(edge, names)))
        for number, one in enumerate(also, start=bool(edge)):
            far = boxes[one.first if one.second == node.key else one.second]
            label = _caption(
                one, x + 8, start + number * CAPTION, width, f"with {shorten(labels[far.node.key], 12)}: "
            )
            lines.append(Line(one, _side_arc(far, boxes[node.key]), label, title_of(one, names)))
        y += NODE_HEIGHT
    drawing = draw(graph, list(boxes.values()), lines)
    return Drawing(
        -3, drawing.top, TALL_WIDTH + 6, drawing.height, drawing.boxes, drawing.lines, graph.hidden,
        graph.hidden_others,
    )  # fmt: skip


def _branches(graph: Graph) -> list[Branch]:
    """From the top down. What counts binds first; what was undone or refused only holds who else would hang nowhere."""
    edges: dict[Key, list[Edge]] = {}
    for edge in graph.edges:
        edges.setdefault(edge.first, []).append(edge)
        edges.setdefault(edge.second, []).append(edge)
    nodes = {node.key: node for node in graph.nodes}
    order = {key: at for at, key in enumerate(nodes)}
    children: dict[Key, list[tuple[Node, Edge]]] = {}
    seen: set[Key] = set()

    def reach(start: Key, live_only: bool) -> None:
        waiting = [start]
        while waiting:
            key = waiting.pop(0)
            for edge in sorted(edges.get(key, ()), key=lambda one: order[_other(one, key)]):
                far = _other(edge, key)
                if far in seen or (live_only and edge.state != "live"):
                    continue
                seen.add(far)
                children.setdefault(key, []).append((nodes[far], edge))
                waiting.append(far)

    roots = []
    for node in graph.nodes:
        if node.key not in seen and node.kind != "customer":
            seen.add(node.key)
            roots.append(node)
            reach(node.key, live_only=True)
    for key in list(seen):
        reach(key, live_only=False)
    found: list[Branch] = []
    left: list[Branch] = [(root, 0, None) for root in reversed(roots)]
    while left:
        branch = left.pop()
        found.append(branch)
        below = children.get(branch[0].key, [])
        left += [(child, branch[1] + 1, by) for child, by in reversed(below)]
    return found


def _other(edge: Edge, key: Key) -> Key:
    return edge.second if edge.first == key else edge.first


def _closes(edge: Edge, key: Key, placed: dict[Key, Box]) -> bool:
    """The node is the second of its ends to be placed."""
    return key in (edge.first, edge.second) and _other(edge, key) in placed


def _caption(edge: Edge, x: float, top: float, width: float, before: str = "") -> Label:
    text = shorten(f"{before}{edge.cause} · {edge.when}", int((TALL_WIDTH - x) / SMALL_LETTER))
    return Label((text,), x, top + CAPTION + 2, len(text) * SMALL_LETTER, CAPTION, begins=True)


def _side_arc(upper: Box, lower: Box) -> str:
    x = TALL_WIDTH - TALL_GUTTER
    reach = x + min(TALL_GUTTER * 1.25, 14 + (lower.y - upper.y) / 30)
    one, other = upper.middle, lower.middle
    return f"M{x:g} {one:g}C{reach:g} {one:g} {reach:g} {other:g} {x:g} {other:g}"
