"""The inline script that a shop puts into its pages' heads."""

from __future__ import annotations

import json
from functools import cache

from shopalytic.settings import resource_dir

DEFAULT_TAG_NAME = "shopalytic.v1.js"


def render_snippet(address: str, token: str, tag_name: str = DEFAULT_TAG_NAME) -> str:
    """The snippet without its `<script>` element.

    address: where browsers reach the collector, such as `https://track.shop.example`, without an end slash.
    """
    text = _template()
    for marker, value in (("__SHOPALYTIC_HOST__", address), ("__SHOPALYTIC_TOKEN__", token)):
        text = text.replace(marker, _in_script(value))
    return text.replace(f"/{DEFAULT_TAG_NAME}", f"/{_in_script(tag_name)}")


def _in_script(value: str) -> str:
    """Safe within a quoted text of an inline script: a quote or `</script>` must not end it."""
    return json.dumps(value)[1:-1].replace("<", "\\u003c")


@cache
def _template() -> str:
    return (resource_dir("static") / "snippet.js").read_text(encoding="utf-8").strip()
