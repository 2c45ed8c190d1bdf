"""What a browser is told so that nobody else can use a signed-in user's pages."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, current_app, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect

from shopalytic.web.dashboard.refusals import refuse

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # After signing out, the browser's back button must not show what was there.
    "Cache-Control": "no-store",
}


class DashboardSessions(SecureCookieSessionInterface):
    """The cookie is Secure wherever the request came over https, not only where the settings say so."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return super().get_cookie_secure(app) or request.is_secure


def make_safe(app: Flask) -> None:
    """Once per application. Its blueprints are guarded by `guard`; the collector's doors stay as they are."""
    app.session_interface = DashboardSessions()
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    # A page may stay open for days; its token ends with the session.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    CSRFProtect(app)


def guard(blueprint: Blueprint) -> Blueprint:
    """Its forms need a token of the session, its answers carry HEADERS, its errors are pages.

    Call it before any other hook is added: a form without its token must not learn whether a project is there.
    """
    blueprint.before_request(_check_form)
    blueprint.after_request(_put_headers)
    blueprint.register_error_handler(Exception, refuse)
    return blueprint


def _check_form() -> None:
    csrf: CSRFProtect = current_app.extensions["csrf"]
    csrf.protect()


def _put_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
