"""Pages of a made-up shop that carry the tag in its different forms."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.browser.collector import Collector

STATIC = Path(__file__).parents[2] / "static"
TOKEN = "tok_shop"

# The form that shops pasted in 2013: an array with `_q` and four stubs, the script put before the first one.
SNIPPET_OF_2013 = """
(function(c){window.shopalytic=c;c._q=[];
for(var stub=function(name){c[name]=function(){
  c._q.push([name].concat(Array.prototype.slice.call(arguments,0)))}},
names=["init","identify","track","alias"],i=0;i<names.length;i++)stub(names[i]);
var tag=document.createElement("script");tag.type="text/javascript";tag.async=!0;
tag.src="%s/shopalytic.v1.js";
var first=document.getElementsByTagName("script")[0];first.parentNode.insertBefore(tag,first)
})(window.shopalytic||[]);
"""


def settle(page: Page) -> None:
    """Until all that was called is carried out and answered: a page that is left earlier may send it twice."""
    # The first may overtake calls that wait, the second does not.
    page.wait_for_function("new Promise(done => shopalytic.ready(() => shopalytic.ready(() => done(true))))")
    page.wait_for_function("!Object.keys(localStorage).some(key => key.includes('.q.'))")


def snippet(collector: Collector, options: str = "", token: str = TOKEN) -> str:
    """Today's snippet as it is handed out; with options, its `init` carries them."""
    text = (STATIC / "snippet.js").read_text()
    text = text.replace("__SHOPALYTIC_HOST__", collector.url()).replace("__SHOPALYTIC_TOKEN__", token)
    return text.replace(f'init("{token}")', f'init("{token}",{options})') if options else text


def shop_page(
    collector: Collector, options: str = "", calls: str = "", title: str = "Shop", extra: str = ""
) -> str:
    """A page with today's snippet, `calls` made right after it, and `extra` markup in its body."""
    return (
        f"<!doctype html><html><head><script>{snippet(collector, options)};{calls}</script>"
        f"<title>{title}</title></head><body>{extra}<a href=/two>two</a></body></html>"
    )


def page_of_2013(
    collector: Collector, options: str = "{}", calls: str = "shopalytic.track('page_view');"
) -> str:
    return (
        f"<!doctype html><html><head><title>2013</title><script>{SNIPPET_OF_2013 % collector.url()}"
        f"shopalytic.init('{TOKEN}', {options});{calls}</script></head><body>hello</body></html>"
    )
