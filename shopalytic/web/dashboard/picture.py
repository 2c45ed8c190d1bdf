"""Where everything of a customer's picture goes: side by side on a wide screen, one below the other on a narrow one. Pure.

Lengths are CSS pixels of the drawing at its own width. Nothing can be measured here: texts are cut by their number of
letters, counted as wide as the widest common face has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shopalytic.web.dashboard.identity_graph import Edge, Graph, Key, Node, State

NODE_HEIGHT = 44
LETTER = 7.3
"""Of the monospaced 12 px face."""
SMALL_LETTER = 5.9
"""Of the 11 px face of labels."""
ICON_ROOM = 42
LABEL_LINE = 14
WIDE_NODE = 190
WIDE_COLUMNS = {1: (0,), 2: (150, 580), 3: (0, 365, 730)}
WIDE_ROW = 60
DENSE_ROW = 53
"""From DENSE_ROWS rows on."""
DENSE_ROWS = 10
TRUNKS: dict[State, float] = {"live": 14, "shared": 20, "undone": 26, "refused": 32}
"""How far from the node the edges of one state meet."""
TALL_WIDTH = 320
TALL_GUTTER = 26
TALL_INDENT = 18
TALL_DEPTHS = 4
CAPTION = 17


@dataclass(frozen=True)
class Box:
    """A node in its place. label, about: as much of them as there is room for."""

    node: Node
    x: float
    y: float
    width: float
    label: str
    about: str

    @property
    def middle(self) -> float:
        return self.y + NODE_HEIGHT / 2


@dataclass(frozen=True)
class Label:
    """Lines of text centred on x (from x on, where it begins there), the first one's base line at y."""

    lines: Sequence[str]
    x: float
    y: float
    width: float
    height: float
    begins: bool = False

    @property
    def left(self) -> float:
        return self.x if self.begins else self.x - self.width / 2

    @property
    def top(self) -> float:
        return self.y - 12


@dataclass(frozen=True)
class Line:
    """An edge as the `d` of an SVG path. label: None where there is no room; the sentences have it."""

    edge: Edge
    path: str
    label: Label | None
    title: str


@dataclass(frozen=True)
class Drawing:
    """left, top: of the view box."""

    left: float
    top: float
    width: float
    height: float
    boxes: list[Box]
    lines: list[Line]
    hidden: int
    hidden_others: int


def shorten(text: str, letters: int) -> str:
    """Both ends stay: ids made at the same time begin alike, ids of one kind end alike."""
    if len(text) <= letters:
        return text
    end = max(1, (letters - 1) // 3)
    return f"{text[: letters - 1 - end]}…{text[-end:]}"


def put(node: Node, x: float, y: float, width: float) -> Box:
    room = width - ICON_ROOM - 10
    return Box(
        node,
        x,
        y,
        width,
        shorten(node.label, int(room / LETTER)),
        shorten(node.about, int(room / SMALL_LETTER)),
    )


def draw(graph: Graph, boxes: Sequence[Box], lines: Sequence[Line]) -> Drawing:
    """The view box holds all of it, with a little room for strokes and shadows."""
    labels = [line.label for line in lines if line.label]
    left = min([box.x for box in boxes] + [label.left for label in labels], default=0) - 3
    right = max(
        [box.x + box.width for box in boxes] + [label.left + label.width for label in labels], default=0
    )
    top = min([box.y for box in boxes], default=0) - 3
    bottom = max([box.y for box in boxes], default=0) + NODE_HEIGHT
    return Drawing(
        left,
        top,
        right - left + 3,
        bottom - top + 3,
        list(boxes),
        list(lines),
        graph.hidden,
        graph.hidden_others,
    )


def title_of(edge: Edge, names: dict[Key, str]) -> str:
    return f"{names[edge.first]} – {names[edge.second]}: {edge.cause}, {edge.when}"


# --- Side by side


def draw_wide(graph: Graph) -> Drawing:
    columns = _columns(graph)
    xs = WIDE_COLUMNS[len(columns)]
    rows = max(len(column) for column in columns)
    height = DENSE_ROW if rows >= DENSE_ROWS else WIDE_ROW
    boxes: dict[Key, Box] = {}
    for x, column in zip(xs, columns, strict=True):
        top = (rows - len(column)) * height / 2
        for number, node in enumerate(column):
            boxes[node.key] = put(node, x, top + number * height, WIDE_NODE)
    place = {node.key: at for at, column in enumerate(columns) for node in column}
    names = {node.key: node.title for node in graph.nodes}
    lines: list[Line] = []
    taken: list[Label] = []
    between: dict[frozenset[Key], int] = {}
    for edge in graph.edges:
        ends = frozenset((edge.first, edge.second))
        shift = 14 * between.get(ends, 0)
        between[ends] = between.get(ends, 0) + 1
        if place[edge.first] == place[edge.second]:
            is_left = place[edge.first] == 0
            path, spots = _arc(boxes[edge.first], boxes[edge.second], is_left, shift, _width(_lines(edge)))
        else:
            leaf, hub = sorted((edge.first, edge.second), key=lambda key: graph.degrees[key])
            path, spots = _bend(boxes[leaf], boxes[hub], edge.state, shift)
        label = _find_room(edge, spots, taken, list(boxes.values()))
        if label:
            taken.append(label)
        lines.append(Line(edge, path, label, title_of(edge, names)))
    return draw(graph, list(boxes.values()), lines)


def _columns(graph: Graph) -> list[list[Node]]:
    """Browsers, what they signed in as, what else is linked to that; each near what it is linked with."""
    linked: dict[Key, set[Key]] = {}
    for edge in graph.edges:
        linked.setdefault(edge.first, set()).add(edge.second)
        linked.setdefault(edge.second, set()).add(edge.first)
    kinds = {node.key: node.kind for node in graph.nodes}

    def column(node: Node) -> int:
        near = {kinds[key] for key in linked.get(node.key, ())}
        if node.kind in ("browser", "user"):
            return 0 if node.kind == "browser" else 1
        if node.kind == "customer":
            return 1 if near <= {"browser"} else 2
        return 2 if "user" in near or not near else 1

    found = [[node for node in graph.nodes if column(node) == number] for number in range(3)]
    found = [each for each in found if each]
    for _ in range(2):
        for each in found:
            height = {node.key: at - len(col) / 2 for col in found for at, node in enumerate(col)}
            each.sort(key=lambda node: _mean(height[key] for key in linked.get(node.key, ())))
    return found


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


Spot = tuple[float, float]


def _bend(leaf: Box, hub: Box, state: State, shift: float) -> tuple[str, list[Spot]]:
    """Level up to a trunk near the end that has more edges, which all of the same state share: labels have room, and
    thirty edges to one node stay one line there."""
    side = 1 if leaf.x < hub.x else -1
    x1 = leaf.x + (leaf.width if side > 0 else 0)
    x2 = hub.x + (0 if side > 0 else hub.width)
    y1, y2 = leaf.middle + shift, hub.middle + shift
    trunk = x2 - side * TRUNKS[state]
    bow = min(9.0, abs(y2 - y1) / 2)
    if not bow:
        path = f"M{x1:g} {y1:g}H{x2:g}"
    else:
        turn = bow if y2 > y1 else -bow
        path = (
            f"M{x1:g} {y1:g}H{trunk - side * bow:g}Q{trunk:g} {y1:g} {trunk:g} {y1 + turn:g}"
            f"V{y2 - turn:g}Q{trunk:g} {y2:g} {trunk + side * bow:g} {y2:g}H{x2:g}"
        )
    level = abs(trunk - x1)
    return path, [(x1 + side * level / 2, y1), (trunk - side * level / 3, (y1 + y2) / 2)]


def _arc(one: Box, other: Box, is_left: bool, shift: float, width: float) -> tuple[str, list[Spot]]:
    """Between two of one column, on its outer side. width: of its label, which stands beside it."""
    side = -1 if is_left else 1
    x = one.x if is_left else one.x + one.width
    y1, y2 = one.middle, other.middle
    reach = side * (36 + abs(y2 - y1) / 6 + shift)
    path = f"M{x:g} {y1:g}C{x + reach:g} {y1:g} {x + reach:g} {y2:g} {x:g} {y2:g}"
    top = x + 0.75 * reach
    return path, [(top + side * (width / 2 + 3), (y1 + y2) / 2), (top, (y1 + y2) / 2)]


def _lines(edge: Edge) -> tuple[str, str]:
    return shorten(edge.cause, 22), edge.when


def _width(lines: Iterable[str]) -> float:
    return max(len(line) for line in lines) * SMALL_LETTER + 8


def _find_room(
    edge: Edge, spots: Sequence[Spot], taken: Sequence[Label], boxes: Sequence[Box]
) -> Label | None:
    """The first place where it is on nothing else; where there is none, without its date."""
    for lines in (_lines(edge), _lines(edge)[:1]):
        width, height = _width(lines), LABEL_LINE * len(lines) + 2
        for x, y in spots:
            label = Label(lines, x, y - height / 2 + 12, width, height)
            if not any(
                _overlap(label, each.left, each.top, each.width, each.height) for each in taken
            ) and not any(_overlap(label, box.x, box.y, box.width, NODE_HEIGHT) for box in boxes):
                return label
    return None


def _overlap(label: Label, left: float, top: float, width: float, height: float) -> bool:
    return (
        label.left < left + width
        and left < label.left + label.width
        and label.top < top + height
        and top < label.top + label.height
    )
