"""What is added to an event: named steps, in order. Each takes values and gives values."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from shopalytic.events.event import Drop, Event
from shopalytic.events.parse import Parsed
from shopalytic.events.urls import split_url
from shopalytic.pipeline.agent import parse_agent
from shopalytic.pipeline.campaign import (
    CLICK_IDS,
    NO_CAMPAIGN,
    Channel,
    find_channel,
    parse_campaign,
    referring_domain,
)
from shopalytic.pipeline.place import Place

MAIL_PROXY = re.compile(r"GoogleImageProxy|YahooMailProxy")
LANGUAGE_LIMIT = 35
"""The longest language tag that RFC 5646 has software be ready for."""


class StepContext(msgspec.Struct):
    """What the steps look things up in, and what the message's request said.

    The worker makes one with its `place`; `process` fills in the rest for each message.
    """

    place: Place | None = None
    user_agent: str = ""
    accept_language: str = ""
    ip: str = ""
    country: str = ""
    """As the collector found it, where it hands on no address."""
    is_agent_named: bool = False
    """A server named the visitor's agent, so that it is not the server's own."""


Step = Callable[[Event, StepContext], Event | Drop]


def put_agent(event: Event, context: StepContext) -> Event:
    """Device, browser, system and the bot mark.

    A program that sends from a server or an app (no page, or an HTTP library's name) is not a bot: marked as one, a
    shop's own orders would be missing from its reports. Nor is a mail provider's server that fetches an e-mail's
    images when their reader opens it; of his own device it says nothing.
    """
    agent = parse_agent(context.user_agent)
    if agent.is_sender and event.door != "pixel":
        return event
    if event.door == "pixel" and MAIL_PROXY.search(context.user_agent):
        return event
    event.device = agent.device
    event.browser = agent.browser
    event.browser_version = agent.browser_version
    event.os = agent.os
    event.os_version = agent.os_version
    event.is_bot = agent.is_crawler and bool(event.url or context.is_agent_named or event.door == "pixel")
    return event


def put_language(event: Event, context: StepContext) -> Event:
    """The first language that the browser asks for, where the client names none."""
    if not event.language and context.accept_language:
        first = context.accept_language.partition(",")[0].partition(";")[0].strip()
        if first != "*":
            event.language = first.replace("\0", "")[:LANGUAGE_LIMIT]
    return event


def put_campaign(event: Event, context: StepContext) -> Event:
    """UTM parameters and the click id of the page's address; what the client said in the context stands."""
    campaign = parse_campaign(split_url(event.url).query) if event.url else NO_CAMPAIGN
    if campaign is NO_CAMPAIGN:
        return event
    event.utm_source = event.utm_source or campaign.utm_source
    event.utm_medium = event.utm_medium or campaign.utm_medium
    event.utm_campaign = event.utm_campaign or campaign.utm_campaign
    event.utm_term = event.utm_term or campaign.utm_term
    event.utm_content = event.utm_content or campaign.utm_content
    event.click_id_type = campaign.click_id_type
    event.click_id = campaign.click_id
    return event


def put_referrer(event: Event, context: StepContext) -> Event:
    if event.referrer:
        event.referrer_domain = referring_domain(event.referrer, event.url)
    return event


def put_channel(event: Event, context: StepContext) -> Event:
    """By the campaign where there is one, else by the referring site.

    Stays empty on a page reached from the shop's own or from a payment provider's, and where there is no page:
    neither says where the visitor came from.
    """
    if event.utm_source or event.utm_medium or event.utm_campaign or event.click_id_type:
        source, medium = CLICK_IDS.get(event.click_id_type, ("", ""))
        if not (source or event.utm_source or event.utm_medium) and event.referrer_domain:
            source, medium = event.referrer_domain, "referral"
        channel = find_channel(event.utm_source or source, event.utm_medium or medium, event.utm_campaign)
        event.channel = channel.value
    elif event.referrer_domain:
        event.channel = find_channel(event.referrer_domain, "referral", "").value
    elif event.url and not event.referrer:
        event.channel = Channel.DIRECT.value
    return event


def put_place(event: Event, context: StepContext) -> Event:
    """Country, as ISO 3166 alpha-2, where a country database is configured."""
    is_readers_own = event.door != "pixel" or not MAIL_PROXY.search(context.user_agent)
    if context.ip and context.place is not None and is_readers_own:
        event.country = context.place.find_country(context.ip)
    elif context.country and is_readers_own:
        event.country = context.country
    return event


STEPS: tuple[Step, ...] = (put_agent, put_language, put_campaign, put_referrer, put_channel, put_place)


def process(parsed: Parsed, context: StepContext) -> Event | Drop:
    """Run all steps on the message's event, which they change in place. A Drop ends it."""
    own = StepContext(
        context.place,
        parsed.user_agent,
        parsed.accept_language,
        parsed.ip,
        parsed.country,
        parsed.is_agent_named,
    )
    event = parsed.event
    for step in STEPS:
        result = step(event, own)
        if isinstance(result, Drop):
            return result
        event = result
    return event
