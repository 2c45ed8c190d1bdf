"""Where a visit comes from: campaign parameters, click ids, the referring site, and the channel they make."""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_plus

from shopalytic.events.urls import split_url
from shopalytic.events.values import clean
from shopalytic.pipeline.sources import (
    bare_host,
    find_category,
    is_payment_host,
    is_same_site,
)


class Channel(enum.StrEnum):
    """The closed list. An empty channel is none of its own: a further page of a visit, or no page at all."""

    DIRECT = "direct"
    CROSS_NETWORK = "cross_network"
    PAID_SHOPPING = "paid_shopping"
    PAID_SEARCH = "paid_search"
    PAID_SOCIAL = "paid_social"
    PAID_VIDEO = "paid_video"
    DISPLAY = "display"
    PAID_OTHER = "paid_other"
    ORGANIC_SHOPPING = "organic_shopping"
    ORGANIC_SOCIAL = "organic_social"
    ORGANIC_VIDEO = "organic_video"
    ORGANIC_SEARCH = "organic_search"
    AI_ASSISTANT = "ai_assistant"
    EMAIL = "email"
    AFFILIATE = "affiliate"
    REFERRAL = "referral"
    AUDIO = "audio"
    SMS = "sms"
    PUSH = "push"
    UNASSIGNED = "unassigned"
    """A campaign that no rule knows: its medium is a word of the shop's own."""


class Campaign(NamedTuple):
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""
    click_id_type: str = ""
    click_id: str = ""


NO_CAMPAIGN = Campaign()

CLICK_IDS: dict[str, tuple[str, str]] = {
    "gclid": ("google", "cpc"),
    "gbraid": ("google", "cpc"),
    "wbraid": ("google", "cpc"),
    "dclid": ("google", "display"),
    "msclkid": ("bing", "cpc"),
    "yclid": ("yandex", "cpc"),
    "ttclid": ("tiktok", "cpc"),
    "li_fat_id": ("linkedin", "cpc"),
    "twclid": ("twitter", "cpc"),
    "epik": ("pinterest", "cpc"),
    "sccid": ("snapchat", "cpc"),
    "rdt_cid": ("reddit", "cpc"),
    # Facebook adds it to every link out of it, paid for or not.
    "fbclid": ("facebook", "social"),
    "irclickid": ("impact", "affiliate"),
    "awc": ("awin", "affiliate"),
    "cjevent": ("cj", "affiliate"),
}
"""Parameter (lower case) → the source and medium that it means where no UTM parameter says so. The first one wins."""

_UTM = frozenset({"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"})
_LABEL_LIMIT, _CLICK_ID_LIMIT, _PARAMETERS_MOST = 255, 512, 200
_PARAMETER = re.compile(r"(?i)utm_|" + "|".join(CLICK_IDS))


@lru_cache(maxsize=4096)
def parse_campaign(query: str) -> Campaign:
    """The campaign of a URL's query (without `?`). A parameter given twice counts as first given."""
    if not query or not _PARAMETER.search(query):
        return NO_CAMPAIGN
    utm: dict[str, str] = {}
    click_ids: dict[str, str] = {}
    for part in query.replace(";", "&").split("&")[:_PARAMETERS_MOST]:
        name, _, value = part.partition("=")
        name = name.lower()
        if name in _UTM:
            utm[name] = utm.get(name) or clean(unquote_plus(value).strip(), _LABEL_LIMIT)
        elif name in CLICK_IDS and value:
            click_ids.setdefault(name, clean(unquote_plus(value), _CLICK_ID_LIMIT))
    kind = next((name for name in CLICK_IDS if name in click_ids), "")
    return Campaign(**utm, click_id_type=kind, click_id=click_ids.get(kind, ""))


@lru_cache(maxsize=4096)
def referring_domain(referrer: str, page: str) -> str:
    """The referring host without `www.`; empty for none, for the page's own site and for payment providers."""
    host = split_url(referrer).host
    if not host or is_payment_host(host):
        return ""
    own = split_url(page).host
    return "" if own and is_same_site(host, own) else bare_host(host)[:_LABEL_LIMIT]


_PAID = re.compile(r".*cp.*|ppc|retargeting|paid.*")
_SHOPPING_CAMPAIGN = re.compile(r".*(([^a-df-z]|^)shop|shopping).*")
_DISPLAY = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_SOCIAL = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
_EMAIL = frozenset({"email", "e-mail", "e_mail", "e mail"})
_AFFILIATE = frozenset({"affiliate", "affiliates"})
_REFERRAL = frozenset({"referral", "app", "link"})
_NO_MEDIUM = frozenset({"", "(none)", "(not set)"})
_PAID_CHANNELS = {
    "shopping": Channel.PAID_SHOPPING,
    "search": Channel.PAID_SEARCH,
    "social": Channel.PAID_SOCIAL,
    "video": Channel.PAID_VIDEO,
}
_ORGANIC_CHANNELS = {
    "shopping": Channel.ORGANIC_SHOPPING,
    "social": Channel.ORGANIC_SOCIAL,
    "video": Channel.ORGANIC_VIDEO,
    "search": Channel.ORGANIC_SEARCH,
    "assistant": Channel.AI_ASSISTANT,
    "email": Channel.EMAIL,
}


@lru_cache(maxsize=4096)
def find_channel(source: str, medium: str, campaign: str) -> Channel:
    """The channel of a campaign or of a referring host (its host as source, `referral` as medium).

    Source: Google Analytics 4, "Default channel group", the definitions for manual traffic, in their order
    (support.google.com/analytics/answer/9756891), not case-sensitive as there. The lists of sites are ours, and so
    are the assistants and the recognised webmail hosts.
    """
    source, medium, campaign = source.strip().lower(), medium.strip().lower(), campaign.lower()
    category = find_category(source)
    if source in ("", "(direct)", "direct") and medium in _NO_MEDIUM and not campaign:
        return Channel.DIRECT
    if "cross-network" in campaign:
        return Channel.CROSS_NETWORK
    is_shopping = category == "shopping" or _SHOPPING_CAMPAIGN.fullmatch(campaign) is not None
    is_paid = _PAID.fullmatch(medium) is not None
    if is_paid and (is_shopping or category in _PAID_CHANNELS):
        return Channel.PAID_SHOPPING if is_shopping else _PAID_CHANNELS[category]
    if medium in _DISPLAY:
        return Channel.DISPLAY
    if is_paid:
        return Channel.PAID_OTHER
    if is_shopping:
        return Channel.ORGANIC_SHOPPING
    if category == "social" or medium in _SOCIAL:
        return Channel.ORGANIC_SOCIAL
    if category == "video" or "video" in medium:
        return Channel.ORGANIC_VIDEO
    if category == "search" or medium == "organic":
        return Channel.ORGANIC_SEARCH
    return _find_other_channel(source, medium, category)


def _find_other_channel(source: str, medium: str, category: str) -> Channel:
    if source in _EMAIL or medium in _EMAIL:
        return Channel.EMAIL
    if medium in _AFFILIATE:
        return Channel.AFFILIATE
    if category in _ORGANIC_CHANNELS:
        return _ORGANIC_CHANNELS[category]
    if medium in _REFERRAL:
        return Channel.REFERRAL
    if medium == "audio":
        return Channel.AUDIO
    if "sms" in (source, medium):
        return Channel.SMS
    if medium.endswith("push") or "mobile" in medium or "notification" in medium or source == "firebase":
        return Channel.PUSH
    return Channel.UNASSIGNED
