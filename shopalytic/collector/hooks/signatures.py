"""Whether a notification comes from whom it says."""

from __future__ import annotations

import base64
import hashlib
import hmac


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """signature: base64 of the raw body's HMAC-SHA256, as Shopify and WooCommerce send it."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(digest), signature.strip().encode("utf-8", "replace"))


def is_bearer(secret: str, authorization: str) -> bool:
    """authorization: `Bearer <the secret>`."""
    scheme, _, said = authorization.strip().partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        said.strip().encode("utf-8", "replace"), secret.encode()
    )
