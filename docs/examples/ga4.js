/*
 * Forwards Google Analytics 4's e-commerce events to Shopalytic: whatever the page gives to gtag() or pushes to the data
 * layer. Put it after the snippet, before or after Google's own script. What the page was told before is forwarded too.
 *
 * window.shopalyticCartId: the cart's id, where the page knows it; GA4's events do not name one.
 */
(function (window) {
  "use strict";

  var EVENTS = {
    view_item: "product_view",
    add_to_cart: "cart_add",
    remove_from_cart: "cart_modify",
    begin_checkout: "checkout",
    add_payment_info: "payment",
    purchase: "order",
    refund: "refund",
    sign_up: "account_register",
    search: "search"
  };
  // Forwarded under their own names, which reports know as little as Shopalytic's checks do.
  var KEPT = [
    "view_item_list", "select_item", "view_promotion", "select_promotion", "view_cart", "add_to_wishlist",
    "add_shipping_info", "login", "share", "generate_lead"
  ];
  var ITEM = { item_id: "sku", item_name: "name", price: "price", quantity: "qty" };
  var PARAMETERS = {
    transaction_id: "order_id",
    tax: "total_tax",
    shipping: "total_shipping",
    search_term: "query"
  };
  var REFUND = { transaction_id: "order_id", tax: "tax_refund", shipping: "shipping_refund" };
  var ACCOUNT = ["email", "first_name", "last_name"];

  function rename(from, names) {
    var to = {};
    Object.keys(from || {}).forEach(function (name) {
      if (name !== "items" && from[name] != null) to[names[name] || name] = from[name];
    });
    return to;
  }

  // Tenths of a cent and below are the sums' own noise.
  function money(value) {
    return String(Math.round(value * 1000) / 1000);
  }

  function line(item) {
    var renamed = rename(item, ITEM);
    renamed.sku = String(renamed.sku != null ? renamed.sku : renamed.name);
    renamed.qty = +renamed.qty || 1;
    return renamed;
  }

  function sum(lines) {
    return lines.reduce(function (total, one) {
      return total + (+one.price || 0) * one.qty;
    }, 0);
  }

  // GA4's own id of the browser: any id will do, as long as two visitors do not share a cart.
  function cartId() {
    var found = /(?:^|; )_ga=GA\d+\.\d+\.([\d.]+)/.exec(window.document.cookie);
    return String(window.shopalyticCartId || (found ? "ga-" + found[1] : "unknown"));
  }

  function product(name, item, currency) {
    var one = line(item), quantity = one.qty, categories = [];
    if (currency) one.currency = currency;
    if (name === "product_view") {
      ["", 2, 3, 4, 5].forEach(function (number) {
        var category = "item_category" + number;
        if (one[category] != null) categories.push(one[category]);
        delete one[category];
      });
      if (categories.length) one.categories = categories;
      delete one.qty;
      return one;
    }
    one.cart_id = cartId();
    // Google says how many were removed, not how many are left: taken for the whole line.
    if (name === "cart_modify") {
      one.quantity = quantity;
      one.qty = 0;
      delete one.price;
    }
    return one;
  }

  function order(data, lines) {
    var told = rename(data, PARAMETERS), subtotal = sum(lines);
    var value = data.value == null ? subtotal : +data.value, rest = (+data.tax || 0) + (+data.shipping || 0);
    // Google asks for the products alone; many shops send what was paid.
    told.total = money(Math.abs(value - subtotal) < 0.005 ? subtotal + rest : value);
    told.subtotal = money(subtotal);
    told.cart_id = String(window.shopalyticCartId || data.transaction_id);
    told.line_items = lines;
    return told;
  }

  function refund(data, lines) {
    var told = rename(data, REFUND);
    told.refund_type = lines.length ? "partial" : "full";
    if (lines.length) {
      var subtotal = sum(lines), rest = (+data.tax || 0) + (+data.shipping || 0);
      told.total_refund = money(subtotal + rest);
      told.subtotal_refund = money(subtotal);
      told.line_items = lines;
    }
    return told;
  }

  /* One event of GA4's as Shopalytic's: a list of [name, properties]. */
  function translate(event, data) {
    var name = EVENTS[event], items = Array.isArray(data.items) ? data.items : [], lines = items.map(line);
    switch (name) {
      case "product_view":
      case "cart_add":
      case "cart_modify":
        return items.map(function (item) {
          return [name, product(name, item, data.currency)];
        });
      case "order":
        return [[name, order(data, lines)]];
      case "refund":
        return [[name, refund(data, lines)]];
      case "account_register":
        // Without them it is no account_register; GA4's own event has none of them.
        var isWhole = ACCOUNT.every(function (property) {
          return data[property];
        });
        return [[isWhole ? name : event, rename(data, PARAMETERS)]];
      default:
        var told = rename(data, name ? PARAMETERS : {});
        if (lines.length) told.line_items = lines;
        return [[name || event, told]];
    }
  }

  function identify(data) {
    var id = data && data.user_id;
    if (id) window.shopalytic.identify(String(id));
  }

  /* An entry of the data layer: an object, or what gtag() was called with. */
  function take(entry) {
    if (!entry || typeof entry !== "object") return;
    var isCall = typeof entry[0] === "string", event = isCall ? entry[1] : entry.event;
    if (isCall && (entry[0] === "config" || entry[0] === "set")) {
      identify(entry[0] === "set" && typeof entry[1] === "object" ? entry[1] : entry[2]);
    } else if (isCall && entry[0] === "consent" && entry[1] === "update" && entry[2]) {
      if (entry[2].analytics_storage === "granted") window.shopalytic.optIn();
      if (entry[2].analytics_storage === "denied") window.shopalytic.optOut();
    } else if (!isCall || entry[0] === "event") {
      if (!isCall) identify(entry);
      if (EVENTS[event] || KEPT.indexOf(event) >= 0) {
        var data = isCall ? entry[2] : entry.ecommerce || entry;
        translate(event, data || {}).forEach(function (told) {
          delete told[1].event;
          window.shopalytic.track(told[0], told[1]);
        });
      }
    }
  }

  // Nothing of this may ever break the page or what Google's script is told.
  function tryTo(entry) {
    try {
      take(entry);
    } catch (error) {
      if (window.console) console.error("shopalytic: a GA4 event could not be forwarded", error);
    }
  }

  var layer = (window.dataLayer = window.dataLayer || []);
  if (layer.isForwarded || !window.shopalytic) return;
  layer.isForwarded = true;
  var push = layer.push;
  layer.push = function () {
    var result = push.apply(layer, arguments);
    Array.prototype.forEach.call(arguments, tryTo);
    return result;
  };
  Array.prototype.slice.call(layer).forEach(tryTo);
})(window);
