/** Who the visitor is to the shop. Saying it again costs nothing. */
import { digest } from "./ids";
import { encode } from "./json";
import { meet, record } from "./messages";
import { attempt, each, log } from "./natives";
import { mayStore, options } from "./options";
import { getStored, store } from "./storage";
import type { Bag } from "./types";
import { Field, save, userField } from "./visitor";

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
  const visitor = meet();
  let isNews = visitor[Field.User] != user;
  known = known || attempt(() => JSON.parse(getStored(key)!)) || {};
  each(properties, (property, value) => {
    const sum = digest(user + encode(value));
    isNews = isNews || known![property] != sum;
    known![property] = sum;
  });
  if (!isNews) return;
  // Where nothing is sent the collector still has to hear it later.
  if (!options.disabled) {
    visitor[Field.User] = user;
    store(key, encode(known));
  }
  record("identify", "", properties, undefined, name);
  save(true);
}

export function alias(id: unknown): void {
  const name = nameOf(id);
  if (name) record("alias", "", 0, undefined, name);
}
