"""The demo shop: what a shop's developer does with the snippet, on ordinary server-rendered pages."""

from __future__ import annotations

import secrets
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask, abort, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from shopalytic.demo.people import People
from shopalytic.demo.products import CATEGORIES, FREE_SHIPPING_FROM, PRODUCTS, Product, shipping_of
from shopalytic.settings import resource_dir

QTY_LIMIT = 99
PASSWORD_LENGTH_MIN = 6


def create_shop(folder: Path, *, snippet: str, secret_key: str) -> Flask:
    """The shop as a Flask application. folder: for its accounts. snippet: what its pages load the tag with."""
    shop = Flask(
        "shopalytic.demo",
        static_folder=str(resource_dir("static") / "demo"),
        template_folder=str(resource_dir("templates") / "demo"),
    )
    shop.config.update(
        SECRET_KEY=f"demo {secret_key}",
        SESSION_COOKIE_NAME="demo_shop",
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=30 * 24 * 3600,
    )
    people = People(folder / "demo-shop.db")

    @shop.before_request
    def load_account() -> None:
        session.permanent = True
        g.account = people.find(session["account_id"]) if "account_id" in session else None

    @shop.context_processor
    def put_shop() -> dict[str, Any]:
        return {
            "snippet": snippet,
            "account": g.get("account"),
            "cart_count": sum(session.get("cart", {}).values()),
            "calls": session.pop("calls", []),
            "categories": CATEGORIES,
        }

    shop.add_url_rule("/", "home", home)
    shop.add_url_rule("/product/<sku>", "product", product)
    shop.add_url_rule("/cart", "cart", cart)
    shop.add_url_rule("/cart", "change_cart", change_cart, methods=["POST"])
    shop.add_url_rule("/checkout", "checkout", checkout)
    shop.add_url_rule("/checkout", "place_order", lambda: place_order(people), methods=["POST"])
    shop.add_url_rule("/thank-you/<order_id>", "thank_you", thank_you)
    shop.add_url_rule("/register", "register", lambda: register(people), methods=["GET", "POST"])
    shop.add_url_rule("/sign-in", "sign_in", lambda: sign_in(people), methods=["GET", "POST"])
    shop.add_url_rule("/sign-out", "sign_out", sign_out, methods=["POST"])
    shop.register_error_handler(404, lambda error: (render_template("missing.html"), 404))
    return shop


def call_on_next_page(method: str, *arguments: Any) -> None:
    """Have the next page call `shopalytic.<method>(…)`: where a form was sent, no page was there to do it."""
    session["calls"] = [*session.get("calls", []), [method, *arguments]]


def home() -> ResponseReturnValue:
    category = request.args.get("category", "")
    shown = [item for item in PRODUCTS.values() if not category or item.category == category]
    return render_template("home.html", products=shown, category=category)


def product(sku: str) -> ResponseReturnValue:
    item = PRODUCTS.get(sku) or abort(404)
    others = [other for other in PRODUCTS.values() if other.category == item.category and other != item]
    return render_template("product.html", product=item, others=others[:4])


def cart() -> ResponseReturnValue:
    return render_template("cart.html", **read_cart())


def read_cart() -> dict[str, Any]:
    """lines: [(product, qty, sum)]; subtotal, shipping and total in GBP."""
    lines: list[tuple[Product, int, Decimal]] = [
        (PRODUCTS[sku], qty, PRODUCTS[sku].price * qty)
        for sku, qty in session.get("cart", {}).items()
        if sku in PRODUCTS
    ]
    subtotal = sum((amount for _, _, amount in lines), Decimal("0.00"))
    shipping = shipping_of(subtotal)
    return {
        "lines": lines,
        "subtotal": subtotal,
        "shipping": shipping,
        "total": subtotal + shipping,
        "free_from": FREE_SHIPPING_FROM,
    }


def change_cart() -> ResponseReturnValue:
    """Add `add` to the quantity of a product, or set it to `qty`; 0 removes it."""
    item = PRODUCTS.get(request.form.get("sku", "")) or abort(404)
    items = dict(session.get("cart", {}))
    before = items.get(item.sku, 0)
    added = request.form.get("add", type=int)
    wanted = before + added if added is not None else request.form.get("qty", before, type=int)
    qty = max(0, min(QTY_LIMIT, wanted))
    cart_id = session.setdefault("cart_id", f"cart-{secrets.token_hex(6)}")
    if qty > before and before == 0:
        facts = {"cart_id": cart_id, "sku": item.sku, "price": str(item.price), "qty": qty}
        call_on_next_page("track", "cart_add", facts)
    elif qty != before:
        call_on_next_page("track", "cart_modify", {"cart_id": cart_id, "sku": item.sku, "qty": qty})
    items[item.sku] = qty
    session["cart"] = {sku: number for sku, number in items.items() if number}
    return redirect(url_for("cart"))


def checkout() -> ResponseReturnValue:
    if not session.get("cart"):
        return redirect(url_for("cart"))
    return render_template("checkout.html", **read_cart())


def place_order(people: People) -> ResponseReturnValue:
    """Order what is in the cart; the form sent twice places one order, since the cart is empty then."""
    if not session.get("cart"):
        return redirect(session.get("last_order_url") or url_for("cart"))
    order_id = people.next_order_id()
    seen = read_cart()
    session["order"] = {
        "order_id": order_id,
        "cart_id": session.pop("cart_id", order_id),
        "total": str(seen["total"]),
        "subtotal": str(seen["subtotal"]),
        "total_shipping": str(seen["shipping"]),
        "payment_type": "invoice",
        "currency": "GBP",
        "shipping": {
            "city": request.form.get("city", ""),
            "zipcode": request.form.get("zipcode", ""),
            "country": "GBR",
        },
        "line_items": [
            {"sku": item.sku, "name": item.name, "price": str(item.price), "qty": qty, "cost": str(item.cost)}
            for item, qty, _ in seen["lines"]
        ],
    }
    session["cart"] = {}
    session["last_order_url"] = url_for("thank_you", order_id=order_id)
    return redirect(session["last_order_url"])


def thank_you(order_id: str) -> ResponseReturnValue:
    order = session.get("order")
    if not order or order["order_id"] != order_id:
        abort(404)
    return render_template("thank_you.html", order=order)


def register(people: People) -> ResponseReturnValue:
    form = {
        name: request.form.get(name, "").strip() for name in ("email", "first_name", "last_name", "password")
    }
    if request.method == "GET":
        return render_template("register.html", form=form)
    problem = _check_registration(form)
    account = (
        None
        if problem
        else people.register(form["email"].lower(), form["first_name"], form["last_name"], form["password"])
    )
    if account is None:
        flash(problem or "This e-mail address has an account already. Sign in instead.")
        return render_template("register.html", form=form), 422
    session["account_id"] = account.id
    facts = {"email": account.email, "first_name": account.first_name, "last_name": account.last_name}
    call_on_next_page("track", "account_register", facts)
    return redirect(url_for("home"))


def _check_registration(form: dict[str, str]) -> str:
    if "@" not in form["email"]:
        return "Please give an e-mail address."
    if not form["first_name"] or not form["last_name"]:
        return "Please give your first and last name."
    if len(form["password"]) < PASSWORD_LENGTH_MIN:
        return f"The password needs {PASSWORD_LENGTH_MIN} characters or more."
    return ""


def sign_in(people: People) -> ResponseReturnValue:
    if request.method == "GET":
        return render_template("sign_in.html", email="")
    email = request.form.get("email", "").strip().lower()
    account = people.sign_in(email, request.form.get("password", ""))
    if account is None:
        flash("E-mail address or password is wrong.")
        return render_template("sign_in.html", email=email), 422
    session["account_id"] = account.id
    return redirect(url_for("home"))


def sign_out() -> ResponseReturnValue:
    session.clear()
    call_on_next_page("anonymize")
    return redirect(url_for("home"))
