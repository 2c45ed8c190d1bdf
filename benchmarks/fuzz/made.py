"""A message on its way to a door, and the values that both right and wrong ones are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from hypothesis import strategies as st

Door = Literal["native", "segment", "exponea"]
Properties = dict[str, Any]

NUMBER = "fuzz"
"""The property by which a stored event is known again; the doors keep what they do not know."""
VISITORS = 40
YEAR_SECONDS = 365 * 24 * 3600


@dataclass
class Made:
    """A message before it goes to a door. wrong: what was done to it; nothing where it is right.

    user_id: a text, or ids by their type. raw: the text of one member, in place of what JSON cannot say.
    """

    event: str
    properties: Properties
    door: Door
    tracking_id: Any = None
    user_id: Any = None
    ago_seconds: float | None = None
    members: Properties = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    is_repeated: bool = False
    is_hostile: bool = False


texts = st.text(min_size=1, max_size=30).map(str.strip).filter(lambda text: text and "\0" not in text)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40) | st.sampled_from(["1e400", "-1", "9,90 €", "½", "NaN", "null", "\0", "x" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
