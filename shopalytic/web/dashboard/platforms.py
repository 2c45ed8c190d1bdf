"""The platforms whose webhooks are taken, as the settings page names them."""

from __future__ import annotations

from typing import NamedTuple


class Platform(NamedTuple):
    """name: as in `/hooks/<name>/…`. about: where the address belongs. topic: whether it says what is told."""

    name: str
    title: str
    about: str
    topic: bool = False


PLATFORMS = (
    Platform(
        "shopify", "Shopify", "Settings → Notifications → Webhooks. The signing secret is Shopify's own."
    ),
    Platform("woocommerce", "WooCommerce", "Settings → Advanced → Webhooks, as delivery URL and secret."),
    Platform("magento", "Magento, Adobe Commerce", "With the signing secret as a bearer.", topic=True),
    Platform(
        "shipping", "Delivery dates", "From a carrier or a warehouse, with the signing secret as a bearer."
    ),
)
