"""Who sends visitors: search engines, networks, shopping and video sites, assistants, payment providers.

A site is known by the label before its public suffix (`google` in www.google.co.uk), which is also what people write
into `utm_source`, or by its whole host where that label is ambiguous.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

Category = Literal["search", "social", "shopping", "video", "email", "assistant", ""]

_LABELS: dict[Category, str] = {
    "search": """
        google bing yahoo duckduckgo ecosia qwant startpage yandex baidu naver seznam sogou daum aol ask lycos
        brave mojeek swisscows metager rambler ekoru lilo presearch kagi coccoc haosou dogpile searchencrypt
        onet virgilio centrum adwords googleads microsoftads bingads
    """,
    "social": """
        facebook instagram threads twitter x linkedin lnkd pinterest pin reddit tiktok snapchat tumblr vk vkontakte ok
        odnoklassniki weibo wechat weixin qq whatsapp telegram messenger discord mastodon bluesky bsky xing line
        kakaotalk quora nextdoor medium flickr meetup disqus livejournal ycombinator fb ig meta linkin linktr
        skype viber slack
    """,
    "shopping": """
        amazon ebay etsy walmart alibaba aliexpress shopping shopzilla pricegrabber bizrate nextag shopping-com idealo
        billiger geizhals kelkoo pricerunner twenga ciao guenstiger preisvergleich heureka zbozi ceneo skroutz trovaprezzi
        leguide mercadolibre mercadolivre rakuten flipkart shopee lazada googleshopping allegro bol
        cdiscount otto kaufland wish temu zalando
    """,
    "video": "youtube vimeo dailymotion twitch netflix hulu disneyplus rutube youku iqiyi bilibili wistia utube",
    "assistant": "chatgpt openai perplexity claude copilot gemini bard deepseek mistral poe grok phind doubao",
    "email": "outlook hotmail gmx protonmail gmail zoho fastmail tutanota roundcube superhuman",
}
_BY_LABEL: dict[str, Category] = {label: kind for kind, text in _LABELS.items() for label in text.split()}

_HOSTS: dict[str, Category] = {
    "t.co": "social",
    "lm.facebook.com": "social",
    "youtu.be": "video",
    "gemini.google.com": "assistant",
    "bard.google.com": "assistant",
    "copilot.microsoft.com": "assistant",
    "chat.mistral.ai": "assistant",
    "mail.google.com": "email",
    "com.google.android.gm": "email",
    "com.google.android.googlequicksearchbox": "search",
    "com.google.android.youtube": "video",
    "com.linkedin.android": "social",
    "com.facebook.katana": "social",
    "com.instagram.android": "social",
    "com.pinterest": "social",
    "com.reddit.frontpage": "social",
    "org.telegram.messenger": "social",
    "outlook.live.com": "email",
    "outlook.office.com": "email",
    "outlook.office365.com": "email",
    "mail.yahoo.com": "email",
    "mail.aol.com": "email",
    "mail.ru": "email",
    "e.mail.ru": "email",
    "mail.proton.me": "email",
    "shopping.google.com": "shopping",
    "shopping.yahoo.com": "shopping",
    "search.brave.com": "search",
    "old.reddit.com": "social",
    "plus.google.com": "social",
    "groups.google.com": "social",
    "sites.google.com": "",
    "docs.google.com": "",
    "drive.google.com": "",
    "accounts.google.com": "",
    "news.google.com": "",
    "translate.google.com": "",
    "login.yahoo.com": "",
    "news.yahoo.com": "",
    "cloud.yandex.com": "",
}

_PAYMENT_DOMAINS = frozenset(
    """
    paypal.com paypalobjects.com paypal.me stripe.com stripe.network klarna.com klarna.net klarnacdn.net sofort.com
    adyen.com mollie.com mollie.nl worldpay.com sagepay.com opayo.co.uk opayo.eu cybersource.com authorize.net
    braintreegateway.com braintreepayments.com squareup.com square.link 2checkout.com verifone.com checkout.com
    amazonpay.com payments.amazon.com pay.amazon.com pay.google.com payments.google.com applepay.apple.com
    afterpay.com clearpay.co.uk clearpay.com affirm.com laybuy.com sezzle.com zip.co quadpay.com scalapay.com alma.eu
    getalma.eu oney.io oney.com billie.io ratepay.com riverty.com unzer.com heidelpay.com computop.com
    computop-paygate.com payone.com pay1.de concardis.com wirecard.com novalnet.de micropayment.de giropay.de
    paydirekt.de wero-wallet.eu buckaroo.nl multisafepay.com pay.nl icepay.com ingenico.com ogone.com six-payment.com
    saferpay.com datatrans.com datatrans.biz postfinance.ch twint.ch bambora.com nets.eu easy.dibspayment.eu
    dibspayment.com quickpay.net epay.dk reepay.com vipps.no mobilepay.dk swish.nu trustly.com tink.com
    przelewy24.pl payu.com payu.pl tpay.com dotpay.pl blikmobile.pl gopay.com gopay.cz comgate.cz thepay.cz
    barion.com simplepay.hu otpsimple.hu euplatesc.ro mobilpay.ro netopia-payments.com redsys.es sermepa.es bizum.es
    nexi.it satispay.com sella.it monetaweb.com mercadopago.com pagseguro.com.br ebanx.com paytm.in razorpay.com
    ccavenue.com payu.in billdesk.com alipay.com tenpay.com unionpay.com yookassa.ru yoomoney.ru robokassa.ru
    cloudpayments.ru skrill.com neteller.com paysafecard.com paysafe.com wise.com gocardless.com coinbase.com
    bitpay.com coingate.com paymentsense.com sumup.com izettle.com moneris.com bluesnap.com dlocal.com rapyd.net
    fastspring.com paddle.com ideal.nl bancontact.com bancontact.net payconiq.com arcot.com cardinalcommerce.com
    3dsecure.io securesuite.co.uk securesuite.net rsa3dsauth.com rsa3dsauth.co.uk verifiedbyvisa.com
    visa.com mastercard.com americanexpress.com securecode.com modirum.com wlp-acs.com netcetera.com
    netcetera-payment.ch entersekt.com shop.app tabby.ai tamara.co
    """.split()  # noqa: SIM905
)
_PAYMENT_LABELS = frozenset(
    "3ds 3dsecure 3d-secure 3ds2 acs acs1 acs2 acs3ds secure3d secureacs threedsecure".split()  # noqa: SIM905
)
"""Host labels that banks name their 3-D-Secure pages by; no list of all banks' hosts is complete."""

_SECOND_LEVEL = frozenset("ac co com edu gov net or org ne go gob gen ltd plc me nom info".split())  # noqa: SIM905
_SHARED_SUFFIXES = frozenset(
    """
    myshopify.com github.io gitlab.io netlify.app vercel.app web.app firebaseapp.com pages.dev workers.dev
    herokuapp.com azurewebsites.net cloudfront.net blogspot.com wordpress.com wixsite.com squarespace.com
    weebly.com bigcartel.com mybigcommerce.com shopware.store jimdosite.com webflow.io myshoplaza.com
    """.split()  # noqa: SIM905
)
"""Under these every name is somebody else's."""


@lru_cache(maxsize=4096)
def site_of(host: str) -> str:
    """The part of a host name that one owner has: `shop.example` of `www.shop.example`.

    By rule of thumb, without the public suffix list: two labels, three below `co.uk` and its like and below the
    hosting services that give names away.
    """
    labels = host.split(".")
    if len(labels) <= 2 or host.startswith("[") or labels[-1].isdigit():
        return host
    size = 3 if len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    if ".".join(labels[-2:]) in _SHARED_SUFFIXES:
        size = 3
    return ".".join(labels[-size:])


def bare_host(host: str) -> str:
    """Without a leading `www.`."""
    return host[4:] if host.startswith("www.") else host


def is_same_site(host: str, other: str) -> bool:
    return host == other or site_of(host) == site_of(other)


@lru_cache(maxsize=4096)
def is_payment_host(host: str) -> bool:
    """Whether visitors come from here because they paid: never a source of traffic."""
    labels = host.split(".")
    if not _PAYMENT_LABELS.isdisjoint(labels[:-1]):
        return True
    return any(".".join(labels[at:]) in _PAYMENT_DOMAINS for at in range(len(labels) - 1))


@lru_cache(maxsize=4096)
def find_category(source: str) -> Category:
    """What kind of site a `utm_source` or a referring host is; empty where it is none of these."""
    source = bare_host(source.strip().lower())
    if source in _HOSTS:
        return _HOSTS[source]
    if "." not in source:
        return _BY_LABEL.get(source, "")
    label = site_of(source).partition(".")[0]
    # One letter is a common name below many suffixes: x.com is the network, x.org is not.
    if len(label) <= 4 and source not in _SHORT_HOSTS and site_of(source) not in _SHORT_HOSTS:
        return ""
    return _BY_LABEL.get(label, "")


_SHORT_HOSTS = frozenset(
    """
    bing.com ask.com aol.com daum.net lilo.org kagi.com onet.pl x.com vk.com ok.ru qq.com fb.com
    pin.it line.me ebay.com ebay.de ebay.co.uk ebay.fr ebay.it ebay.es ebay.com.au ebay.at ebay.ch ebay.ca ebay.pl
    ebay.nl ebay.ie ebay.be etsy.com bol.com wish.com temu.com otto.de ciao.de poe.com grok.com xing.com gmx.net
    gmx.de gmx.at gmx.ch gmx.com zoho.com hulu.com fb.me meta.com
    """.split()  # noqa: SIM905
)
