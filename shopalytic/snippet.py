"""The inline script that a shop puts into its pages' heads."""

from __future__ import annotations

import json
from functools import cache

from shopalytic.settings import Settings, resource_dir

DEFAULT_TAG_NAME = "shopalytic.v1.js"
DEFAULT_COOKIE_NAME = "_sha"


def render_snippet(settings: Settings, address: str, token: str, *, is_sandbox: bool = False) -> str:
    """The snippet without its `<script>` element, with the names that the settings give.

    address: where browsers reach this server, such as `https://track.shop.example`.
    """
    host = address.rstrip("/") + settings.collector_path
    options = ["sandbox:true"] if is_sandbox else []
    if settings.cookie_name != DEFAULT_COOKIE_NAME:
        options.append(f'cookie_name:"{_in_script(settings.cookie_name)}"')
    arguments = f'"{_in_script(token)}"' + (f",{{{','.join(options)}}}" if options else "")
    text = _template().replace('"__SHOPALYTIC_TOKEN__"', arguments)
    return text.replace(f"__SHOPALYTIC_HOST__/{DEFAULT_TAG_NAME}", _in_script(f"{host}/{settings.tag_name}"))


def _in_script(value: str) -> str:
    """Safe within a quoted text of an inline script: a quote or `</script>` must not end it."""
    return json.dumps(value)[1:-1].replace("<", "\\u003c")


@cache
def _template() -> str:
    return (resource_dir("static") / "snippet.js").read_text(encoding="utf-8").strip()
