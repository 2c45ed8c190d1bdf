/** Who the visitor is to the shop. Saying it again costs nothing. */
import { digest } from "./ids";
import { encode } from "./json";
import { meet, record } from "./messages";
import { attempt, each, log } from "./natives";
import { mayStore, options } from "./options";
import { getStored, store } from "./storage";
import { isSilent } from "./transport";
import type { Bag } from "./types";
import { Field, save, userField, visitor } from "./visitor";

/** Digests of what the collector was told, by property: the values stay out of the browser's storage. */
let known: Bag | undefined;

/** Text, an object of typed ids, or undefined for what names nobody. A visitor without a lasting id gets no name. */
const nameOf = (id: any): unknown =>
  id == null || id === "" || !mayStore() ? log("no id", id) : typeof id == "object" ? id : "" + id;

export function identify(id: unknown, properties: unknown): void {
  const name = nameOf(id);
  if (!name) return;
  const user = userField(typeof name == "object" ? encode(name) : (name as string));
  const key = options.cookie_name + ".p";
  meet();
  let isNews = visitor[Field.User] != user;
  known = known || attempt(() => JSON.parse(getStored(key)!)) || {};
  each(properties, (property, value) => {
    const sum = digest(user + encode(value));
    isNews = isNews || known![property] != sum;
    known![property] = sum;
  });
  if (!isNews) return;
  // Where nothing is sent the collector still has to hear it later.
  if (!isSilent()) {
    visitor[Field.User] = user;
    store(key, encode(known));
  }
  record("", properties, undefined, name, "identify");
  save(true);
}

export function alias(id: unknown): void {
  const name = nameOf(id);
  if (name) record("", 0, undefined, name, "alias");
}
