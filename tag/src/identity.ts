/** Who the visitor is to the shop. Saying it again costs nothing. */
import { digest } from "./ids";
import { encode } from "./json";
import { meet, record } from "./messages";
import { attempt, each, log } from "./natives";
import { mayStore, options } from "./options";
import { getStored, store, unstore } from "./storage";
import { isSilent } from "./transport";
import type { Bag } from "./types";
import { Field, refreshVisitor, save, userField, visitor } from "./visitor";

/** Digests of what the collector was told, by property: the values stay out of the browser's storage. */
let known: Bag | undefined;

const knownKey = (): string => options.cookie_name + ".p";

/** Text, an object of typed ids, or undefined for what names nobody. A visitor without a lasting id gets no name. */
const nameOf = (id: any): unknown =>
  id == null || id === "" || !mayStore() ? log("no id", id) : typeof id == "object" ? id : "" + id;

export const identify = (id: unknown, properties: unknown): void => {
  const name = nameOf(id);
  if (!name) return;
  const user = userField(typeof name == "object" ? encode(name) : (name as string));
  meet();
  let isNews = visitor[Field.User] != user;
  known = known || attempt(() => JSON.parse(getStored(knownKey())!)) || {};
  each(properties, (property, value) => {
    const sum = digest(user + encode(value));
    isNews = isNews || known![property] != sum;
    known![property] = sum;
  });
  if (!isNews) return;
  // Where nothing is sent the collector still has to hear it later.
  if (!isSilent()) {
    visitor[Field.User] = user;
    store(knownKey(), encode(known));
  }
  record("identify", properties, undefined, name);
  save(true);
};

/** The collector did not take this message: what an `identify` told has to be told again. */
export const forgetTold = (json: string): void => {
  if (/^{"type":"i/.test(json)) {
    attempt(() => {
      refreshVisitor();
      visitor[Field.User] = "";
      known = {};
      unstore(knownKey());
      save(true);
    });
  }
};

export const alias = (id: unknown): void => {
  const name = nameOf(id);
  if (name) record("alias", 0, undefined, name);
};
