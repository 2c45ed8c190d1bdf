"""An event without the person: what stays counts as before, what could lead back to somebody is gone. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from shopalytic.events import column
from shopalytic.events.catalogue import PERSONAL
from shopalytic.events.event import Event
from shopalytic.events.urls import split_url

NAMES = frozenset(
    """
    email emailaddress mail useremail customeremail contactemail phone phonenumber mobile mobilephone mobilenumber tel
    telephone cell fax firstname lastname fullname surname givenname familyname middlename username nickname displayname
    customername recipient addressee address address1 address2 addressline1 addressline2 street street1 street2
    streetaddress housenumber zip zipcode postcode postalcode birthday birthdate dateofbirth dob gender sex ip ipaddress
    useragent userid customerid uid registered login password iban bic vatid vatnumber taxid ssn passport cardnumber
    cardholder signature photo avatar company giftmessage trackingnumber trackingnumer trackingurl deviceid advertisingid
    idfa idfv gaid fingerprint latitude longitude lat lon lng facebookid cookie cookieid pushtoken
    googlepushnotificationid applepushnotificationid anonymousid trackingid visitorid clientid sessionid
    """.split()  # noqa: SIM905
)
"""Names of properties that say who somebody is, in lower case, letters and digits alone."""
OBJECTS = frozenset({"customer", "user", "person", "buyer", "contact", "profile", "traits", "owner"})
ADDRESSES = frozenset(
    {"billing", "shipping", "billingaddress", "shippingaddress", "delivery", "deliveryaddress"}
)
"""Of an address the country alone stays."""
KEPT_OF_ADDRESS = frozenset({"country", "countrycode"})

SOMEBODYS = re.compile(
    r"(billing|shipping|delivery|customer|buyer|recipient|user|contact|account|invoice).*"
    r"(name|address|city|street|zip|zipcode|postcode|postalcode|state)|"
    r".+(email|emailaddress|firstname|lastname|fullname|phone|phonenumber|street|zipcode|postcode|birthday|birthdate"
    r"|dateofbirth|ipaddress|username)"
)
"""Names made of two: whose it is, and what."""

EMAIL = re.compile(r"[^@\s<>\"',;:()/=&?]+@[^@\s<>\"',;:()/=&?]+\.[^@\s<>\"',;:()/=&?]{2,}")
PHONE = re.compile(r"(\+|00|0|\()[0-9][0-9 ().\-/]{5,24}")
PHONE_DIGITS = (8, 15)
CONTAINED_LENGTH = 5
"""A known value at least so long is looked for inside texts; a shorter one only as the whole of one."""
NOBODY = "anonymised"

_NO = object()


class Known:
    """What is known of the person, to be found wherever it was sent: ids, e-mail addresses, names.

    ids: also looked for as numbers. Case makes no difference.
    """

    def __init__(self, values: Iterable[str]) -> None:
        texts = {value.strip().lower() for value in values} - {""}
        self.exact = frozenset(texts)
        self._long = tuple(sorted(text for text in texts if len(text) >= CONTAINED_LENGTH))

    def is_in(self, text: str) -> bool:
        lower = text.strip().lower()
        return lower in self.exact or any(value in lower for value in self._long)


def names_person(text: str, known: Known) -> bool:
    """Whether the text holds an e-mail address, is a telephone number, or names the person otherwise."""
    return known.is_in(text) or find_email(text) is not None or is_phone(text)


def find_email(text: str) -> str | None:
    found = EMAIL.search(text) if "@" in text else None
    return found[0] if found else None


def is_phone(text: str) -> bool:
    """By its form alone: digits that begin with `+`, `0` or a bracket. An article number begins otherwise."""
    text = text.strip()
    least, most = PHONE_DIGITS
    return PHONE.fullmatch(text) is not None and least <= sum(map(str.isdigit, text)) <= most


def strip_event(event: Event, customer_id: str, mark: Callable[[str], str], known: Known) -> Event:
    """The event as one of nobody's. Money, articles, times, order numbers and where it came from stay.

    customer_id: the surrogate that it stands under from now on. mark: gives the surrogate of an id, the same for the
    same id, so that visits, sessions and carts count as before.
    """
    return msgspec.structs.replace(
        event,
        message_id=mark(event.message_id) if names_person(event.message_id, known) else event.message_id,
        origin_id=customer_id,
        customer_id=customer_id,
        tracking_id=mark(event.tracking_id) if event.tracking_id else "",
        session_id=mark(event.session_id) if event.session_id else "",
        cart_id=mark(event.cart_id) if event.cart_id else "",
        user_ids={name: mark(_compared(name, value)) for name, value in event.user_ids.items()},
        url=strip_url(event.url, known),
        path=_strip_path(event.path, known),
        title="" if names_person(event.title, known) else event.title,
        referrer=strip_url(event.referrer, known),
        utm_source=_unless_personal(event.utm_source, known),
        utm_medium=_unless_personal(event.utm_medium, known),
        utm_campaign=_unless_personal(event.utm_campaign, known),
        utm_term=_unless_personal(event.utm_term, known),
        utm_content=_unless_personal(event.utm_content, known),
        click_id="",
        ip="",
        properties=_strip_column(event, known),
    )


def strip_url(url: str, known: Known) -> str:
    """Without its query, its fragment, a name and password in it, and parts of its path that name the person."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    if not parts.scheme or not host:
        return _strip_path(split_url(url).path, known)
    return f"{parts.scheme}://{host}{_strip_path(parts.path, known)}"


def strip_properties(properties: dict[str, Any], known: Known) -> dict[str, Any]:
    """Those that name nobody, at any depth."""
    kept = {}
    for name, value in properties.items():
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        if is_personal(name) or plain in OBJECTS or names_person(name, known):
            continue
        if plain in ADDRESSES:
            value = _keep_country(value)
        stripped = _strip(value, known)
        if stripped is not _NO:
            kept[name] = stripped
    return kept


def is_personal(name: str) -> bool:
    """Whether a property of this name says who somebody is, as `email`, `billing.first_name` or `customer_name` do."""
    last = re.sub(r"[^a-z0-9]", "", re.split(r"[.\[\]/]", name.lower())[-1])
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return last in NAMES or plain in NAMES or SOMEBODYS.fullmatch(plain) is not None


def personal_texts(value: Any) -> set[str]:
    """E-mail addresses and telephone numbers in a value, at any depth."""
    if isinstance(value, str):
        email = find_email(value)
        return {email} if email else {value.strip()} if is_phone(value) else set()
    if isinstance(value, dict):
        return {text for item in value.values() for text in personal_texts(item)}
    if isinstance(value, list):
        return {text for item in value for text in personal_texts(item)}
    return set()


def _strip_column(event: Event, known: Known) -> dict[str, Any]:
    """The context's rest goes as a whole: nobody knows what is in it, and no report reads it."""
    if event.event in PERSONAL:
        left: dict[str, Any] = {}
    else:
        kept = strip_properties(column.merge(event.properties), known)
        if not event.sku:
            # Beside no article a `name` may be anybody's.
            kept.pop("name", None)
        left = column.split(kept)
    if column.EVENT in event.properties:
        left[column.EVENT] = event.properties[column.EVENT]
    return left


def _compared(id_type: str, sent: str) -> str:
    """An id in the form in which it is the same one however it was written."""
    return sent.strip().lower() if id_type == "email" else sent.strip()


def _strip(value: Any, known: Known) -> Any:
    if isinstance(value, str):
        if value.startswith(("http://", "https://")):
            return strip_url(value, known)
        return _NO if names_person(value, known) else value
    if isinstance(value, dict):
        return strip_properties(value, known)
    if isinstance(value, list):
        return [kept for item in value if (kept := _strip(item, known)) is not _NO]
    if isinstance(value, int) and not isinstance(value, bool) and len(str(value)) >= CONTAINED_LENGTH:
        return _NO if str(value) in known.exact else value
    return value


def _keep_country(value: Any) -> Any:
    if not isinstance(value, dict):
        return {}
    return {
        name: item
        for name, item in value.items()
        if re.sub(r"[^a-z]", "", name.lower()) in KEPT_OF_ADDRESS and isinstance(item, str)
    }


def _strip_path(path: str, known: Known) -> str:
    return "/".join(NOBODY if names_person(unquote(part), known) else part for part in path.split("/"))


def _unless_personal(text: str, known: Known) -> str:
    return "" if names_person(text, known) else text
