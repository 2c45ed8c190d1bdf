/**
 * The messages that wait for an answer, each in its own localStorage key.
 *
 * One key per message: tabs that wrote one common list would overwrite each other's events.
 * A stored value is the 13 digits of its last attempt, then the message's JSON text.
 */
import { forgetTold } from "./identity";
import { idMs } from "./ids";
import { attempt, later, log, now, since } from "./natives";
import { mayStore, options } from "./options";
import { getStored, store, storedKeys, unstore } from "./storage";
import { wake } from "./transport";
import type { Result } from "./types";

export interface Item {
  id: string;
  json: string;
  /** The last attempt of this page; 0: one that failed. A message of which there was one may have arrived. */
  triedMs?: number;
  callback?: ((result: Result) => void) | undefined;
}

/** An enumeration is written into the code as its numbers. */
export const enum Time {
  /** So long after an attempt nobody tries again: no answer has come yet, or none can. */
  LeaseMs = 30000,
  LifeMs = 7 * 86400000,
}

export let items: Item[] = [];

/** Messages given up that the collector was not told of yet. */
export let lost = 0;

/** How many the last look took over: they were within the limit, and this page's own must not push them out. */
let adopted = 0;

export const forgetLost = (told: number): void => {
  lost -= told;
};

const storageKey = (id: string): string => options.cookie_name + ".q." + id;

const keep = (item: Item): void => {
  if (mayStore()) store(storageKey(item.id), now() + item.json);
};

/** Notes an attempt, for this page and for the others. */
export const lease = (item: Item): void => {
  item.triedMs = now();
  keep(item);
};

/** What never waits: money, and who somebody is. */
export const isUrgent = (item: Item): boolean =>
  /^{"type":"([ai]|track","event":"(order|refund)")/.test(item.json);

/** The message of this id that nobody has sent yet, nor can have taken over. */
export const findUnsent = (id: string): Item | undefined =>
  items.filter((item) => item.id == id && item.triedMs == null && since(idMs(id)) < Time.LeaseMs)[0];

/** Takes a message in, in the place of an unsent one with the same id. */
export const enqueue = (id: string, json: string, callback?: (result: Result) => void): Item => {
  let item = findUnsent(id);
  log("queued", json);
  if (!item) items.push((item = { id } as Item));
  item.json = json;
  item.callback = callback;
  keep(item);
  if (items.length > options.max_queue + adopted) giveUp(items[0]!);
  return item;
};

export const remove = (item: Item): void => {
  items = items.filter((other) => other != item);
  unstore(storageKey(item.id));
};

const giveUp = (item: Item): void => {
  remove(item);
  forgetTold(item.json);
  lost++;
};

/** Takes over what pages that are gone have left, then sends it; comes back while there is any of others. */
export const adopt = (): void => {
  const keys = mayStore() ? storedKeys(storageKey("")) : [];
  const others = keys.filter((key) => !items.some((item) => key == storageKey(item.id)));
  if (!others[0]) return;
  later(adopt, Time.LeaseMs);
  // Two tabs that start together would both take them. The lock outlasts the moment until the other sees the leases.
  const take = (lock: unknown): unknown => {
    if (!lock) return;
    adopted = 0;
    others.forEach((key, i) => {
      const id = key.slice(storageKey("").length);
      const value = getStored(key);
      // Another page may have delivered it in this very moment.
      if (!value) return;
      const json = value.slice(13);
      if (json[0] != "{" || since(idMs(id)) > Time.LifeMs || i < others.length - options.max_queue) giveUp({ id, json } as Item);
      else if (since(+value.slice(0, 13)) > Time.LeaseMs) {
        adopted++;
        enqueue(id, json);
      }
    });
    wake();
    return new Promise((done) => later(done as () => void, 1000));
  };
  // Plain http has no locks, and the server drops what comes twice.
  if (!attempt(() => navigator.locks.request(storageKey(""), { ifAvailable: true }, take).catch(log))) take(1);
};

/** Orders and identities first: who leaves the page may leave little room. */
export const putUrgentFirst = (): void => {
  items = items.filter(isUrgent).concat(items.filter((item) => !isUrgent(item)));
};

export const eraseQueue = (): void => {
  items = [];
  storedKeys(storageKey("")).forEach(unstore);
};
