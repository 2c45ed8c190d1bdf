from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopalytic.pipeline.campaign import (
    CLICK_IDS,
    NO_CAMPAIGN,
    Campaign,
    Channel,
    find_channel,
    parse_campaign,
    referring_domain,
)
from shopalytic.pipeline.sources import is_payment_host, is_same_site, site_of

PAGE = "https://www.shop.example/basket"


@pytest.mark.parametrize(
    ("query", "campaign"),
    [
        ("", NO_CAMPAIGN),
        ("q=chair&page=2", NO_CAMPAIGN),
        (
            "utm_source=News&utm_medium=e%2Dmail&utm_campaign=Spring+Sale&utm_term=a&utm_content=%C3%BC",
            Campaign("News", "e-mail", "Spring Sale", "a", "ü"),
        ),
        ("x=1&UTM_Source=a;utm_medium=b", Campaign("a", "b")),
        ("utm_source=first&utm_source=second", Campaign("first")),
        ("utm_source=&utm_source=second", Campaign("second")),
        ("utm_source", Campaign()),
        ("utm_source=%ff%zz&utm_medium=%00", Campaign("\ufffd%zz", "\ufffd")),
        ("gclid=Abc_1&q=x", Campaign(click_id_type="gclid", click_id="Abc_1")),
        ("fbclid=f&gclid=g", Campaign(click_id_type="gclid", click_id="g")),
        ("GCLID=x&ScCid=y", Campaign(click_id_type="gclid", click_id="x")),
        ("utm_source=" + "s" * 300, Campaign("s" * 255)),
    ],
)
def test_campaign_parameters_are_read_from_the_query(query: str, campaign: Campaign) -> None:
    assert parse_campaign(query) == campaign


@pytest.mark.parametrize("name", CLICK_IDS)
def test_every_click_id_is_found(name: str) -> None:
    assert parse_campaign(f"a=b&{name}=id-1") == Campaign(click_id_type=name, click_id="id-1")


@given(st.text(alphabet="utm_sourcegclid=&;%+0fé\0", max_size=60))
def test_no_query_is_too_strange(query: str) -> None:
    for value in parse_campaign(query):
        assert "\0" not in value
        value.encode()


@pytest.mark.parametrize(
    ("referrer", "domain"),
    [
        ("", ""),
        ("https://www.google.co.uk/search", "google.co.uk"),
        ("https://blog.example.org/post", "blog.example.org"),
        ("https://www.shop.example/", ""),
        ("https://shop.example/list", ""),
        ("https://help.shop.example/", ""),
        ("https://www.paypal.com/checkoutnow", ""),
        ("https://checkout.stripe.com/c/pay", ""),
        ("https://pay.klarna.com/", ""),
        ("https://acs.somebank.example/3ds", ""),
        ("https://3ds.bank.example/", ""),
        ("https://live.adyen.com/hpp", ""),
        ("https://www.mollie.com/checkout", ""),
        ("https://www.sofort.com/payment", ""),
        ("https://mypaypal.com.evil.example/", "mypaypal.com.evil.example"),
        ("about:blank", ""),
        ("nonsense", ""),
    ],
)
def test_neither_the_own_site_nor_a_payment_provider_refers(referrer: str, domain: str) -> None:
    assert referring_domain(referrer, PAGE) == domain


@pytest.mark.parametrize(
    ("host", "other", "same"),
    [
        ("shop.example", "www.shop.example", True),
        ("a.shop.co.uk", "b.shop.co.uk", True),
        ("a.co.uk", "b.co.uk", False),
        ("one.myshopify.com", "two.myshopify.com", False),
        ("localhost", "localhost", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("example.com", "example.org", False),
    ],
)
def test_subdomains_of_one_owner_are_one_site(host: str, other: str, same: bool) -> None:
    assert is_same_site(host, other) is same


def test_a_site_is_never_the_public_suffix_alone() -> None:
    assert [site_of(host) for host in ("a.b.shop.com.au", "shop.com", "co.uk")] == [
        "shop.com.au",
        "shop.com",
        "co.uk",
    ]


def test_a_shop_named_like_a_provider_is_no_provider() -> None:
    assert not is_payment_host("notpaypal.com")
    assert not is_payment_host("stripes.example")


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "channel"),
    [
        ("", "", "", Channel.DIRECT),
        ("(direct)", "(none)", "", Channel.DIRECT),
        ("google", "cpc", "2024 cross-network", Channel.CROSS_NETWORK),
        ("google", "cpc", "", Channel.PAID_SEARCH),
        ("Google", "CPC", "", Channel.PAID_SEARCH),
        ("bing", "ppc", "", Channel.PAID_SEARCH),
        ("google", "cpm", "", Channel.PAID_SEARCH),
        ("google", "cpc", "shopping de", Channel.PAID_SHOPPING),
        ("google", "cpc", "workshop", Channel.PAID_SEARCH),
        ("idealo", "cpc", "", Channel.PAID_SHOPPING),
        ("facebook", "paid_social", "", Channel.PAID_SOCIAL),
        ("instagram", "retargeting", "", Channel.PAID_SOCIAL),
        ("youtube", "paidvideo", "", Channel.PAID_VIDEO),
        ("criteo", "display", "", Channel.DISPLAY),
        ("criteo", "cpm", "", Channel.DISPLAY),
        ("partner", "cpc", "", Channel.PAID_OTHER),
        ("idealo.de", "referral", "", Channel.ORGANIC_SHOPPING),
        ("news", "shelf", "shop spring", Channel.ORGANIC_SHOPPING),
        ("m.facebook.com", "referral", "", Channel.ORGANIC_SOCIAL),
        ("t.co", "referral", "", Channel.ORGANIC_SOCIAL),
        ("x.com", "referral", "", Channel.ORGANIC_SOCIAL),
        ("any", "social-media", "", Channel.ORGANIC_SOCIAL),
        ("youtu.be", "referral", "", Channel.ORGANIC_VIDEO),
        ("any", "video-ad", "", Channel.ORGANIC_VIDEO),
        ("google.co.uk", "referral", "", Channel.ORGANIC_SEARCH),
        ("duckduckgo.com", "referral", "", Channel.ORGANIC_SEARCH),
        ("any", "organic", "", Channel.ORGANIC_SEARCH),
        ("chatgpt.com", "referral", "", Channel.AI_ASSISTANT),
        ("gemini.google.com", "referral", "", Channel.AI_ASSISTANT),
        ("newsletter", "email", "", Channel.EMAIL),
        ("e-mail", "x", "", Channel.EMAIL),
        ("mail.google.com", "referral", "", Channel.EMAIL),
        ("awin", "affiliate", "", Channel.AFFILIATE),
        ("blog.example.org", "referral", "", Channel.REFERRAL),
        ("x.org", "referral", "", Channel.REFERRAL),
        ("docs.google.com", "referral", "", Channel.REFERRAL),
        ("podcast", "audio", "", Channel.AUDIO),
        ("sms", "", "", Channel.SMS),
        ("app", "web-push", "", Channel.PUSH),
        ("firebase", "x", "", Channel.PUSH),
        ("partner", "our-own-word", "", Channel.UNASSIGNED),
    ],
)
def test_the_channel_is_the_default_channel_groups(
    source: str, medium: str, campaign: str, channel: Channel
) -> None:
    assert find_channel(source, medium, campaign) == channel
