/**
 * The messages that wait for an answer, each in its own localStorage key.
 *
 * One key per message: tabs that wrote one common list would overwrite each other's events.
 * A stored value is the 13 digits of its last attempt, then the message's JSON text.
 */
import { idMs } from "./ids";
import { later, log, now, since } from "./natives";
import { mayStore, options } from "./options";
import { getStored, store, storedKeys, unstore } from "./storage";
import type { Result } from "./types";

export interface Item {
  id: string;
  json: string;
  /** The last attempt of this page; 0: none, or one that failed. */
  triedMs: number;
  isStored?: boolean | undefined;
  callback?: ((result: Result) => void) | undefined;
}

/** So long after an attempt nobody tries again: no answer has come yet, or none can. */
export const LEASE_MS = 30000;
const LIFE_MS = 7 * 86400000;

export let items: Item[] = [];

/** Messages given up since the collector was last told. */
export let lost = 0;

/** How many the last look took over: they were within the limit, and this page's own must not push them out. */
let adopted = 0;

export const forgetLost = (): void => {
  lost = 0;
};

const storageKey = (id: string): string => options.cookie_name + ".q." + id;

/** Notes an attempt, for this page and for the others. */
export function lease(item: Item): void {
  item.triedMs = now();
  item.isStored = mayStore() && store(storageKey(item.id), now() + item.json);
}

/** What never waits: money, and who somebody is. */
export const isUrgent = (item: Item): boolean =>
  /^{"type":"([ai]|track","event":"(order|refund)")/.test(item.json);

/** Takes a message in, in the place of one with the same id that nobody is sending. */
export function enqueue(id: string, json: string, callback?: (result: Result) => void): Item {
  let item = items.filter((other) => other.id == id && !other.triedMs)[0];
  log("queued", json);
  if (!item) items.push((item = { id, callback } as Item));
  item.json = json;
  item.callback = callback;
  lease(item);
  item.triedMs = 0;
  if (items.length > options.max_queue + adopted) giveUp(items[0]!);
  return item;
}

/** True where another page delivered it meanwhile; only an old one can have been taken over. */
export const isGone = (item: Item): boolean | undefined =>
  item.isStored! && since(idMs(item.id)) > LEASE_MS && getStored(storageKey(item.id)) === null;

export function remove(item: Item): void {
  items = items.filter((other) => other != item);
  unstore(storageKey(item.id));
}

function giveUp(item: Item): void {
  remove(item);
  lost++;
}

/** Takes over what pages that are gone have left, then calls `found`; comes back for what is too young yet. */
export function adopt(found: () => void): void {
  if (!mayStore()) return;
  const keys = storedKeys(storageKey(""));
  let isComingBack = false;
  adopted = 0;
  keys.forEach((key, i) => {
    const id = key.slice(storageKey("").length);
    const value = getStored(key);
    // Another page may have delivered it in this very moment.
    if (!value) return;
    const json = value.slice(13);
    if (json[0] != "{" || since(idMs(id)) > LIFE_MS || i < keys.length - options.max_queue) giveUp({ id } as Item);
    else if (since(+value.slice(0, 13)) < LEASE_MS) isComingBack = true;
    else if (!items.some((other) => other.id == id)) {
      adopted++;
      enqueue(id, json);
    }
  });
  found();
  if (isComingBack) later(() => adopt(found), LEASE_MS);
}

/** Orders and identities first: who leaves the page may leave little room. */
export function putUrgentFirst(): void {
  items = items.filter(isUrgent).concat(items.filter((item) => !isUrgent(item)));
}

export function eraseQueue(): void {
  items = [];
  storedKeys(storageKey("")).forEach(unstore);
}
