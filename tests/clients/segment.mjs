// Sends one call of each type with Segment's client for Node, and prints what it was answered.
import { Analytics } from "@segment/analytics-node";

const { HOST: host, TOKEN: writeKey } = process.env;
const analytics = new Analytics({ writeKey, host, flushAt: 3, maxRetries: 0 });
const statuses = [];
const errors = [];
analytics.on("http_response", (response) => statuses.push(response.status));
analytics.on("error", (error) => errors.push(String(error.reason)));

const visitor = { anonymousId: "node-visitor" };
analytics.page({ ...visitor, name: "Home", properties: { url: "https://shop.example/node" } });
analytics.track({ ...visitor, event: "Product Added", properties: { product_id: "N-1", price: 4.95, quantity: 2, cart_id: "n-c" } });
analytics.identify({ ...visitor, userId: "node-user", traits: { firstName: "Nora" } });
analytics.screen({ userId: "node-user", name: "Basket" });
analytics.group({ userId: "node-user", groupId: "node-group", traits: { name: "Initech" } });
analytics.alias({ userId: "node-further-id", previousId: "node-visitor" });
analytics.track({
  userId: "node-user",
  event: "Order Completed",
  context: { ip: "192.0.2.9", userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 Safari/604.1" },
  properties: { order_id: "node-order", total: 30.25, subtotal: 25, currency: "EUR", products: [{ product_id: "N-1", price: 12.5, quantity: 2 }] },
});
await analytics.closeAndFlush();
console.log(JSON.stringify({ statuses, errors }));
