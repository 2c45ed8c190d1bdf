/** The walls between the tag and the page: nothing that either does wrong crosses them. */
import { options } from "./options";
import type { Bag } from "./types";

export const win = window as Window & typeof globalThis & { shopalytic?: any };
export const doc = document;
export const now = (): number => Date.now();
/** How far a moment is from now; a clock that was set back must not stop the tag for a day. */
export const since = (momentMs: number): number => Math.abs(now() - momentMs);

const owns = {}.hasOwnProperty;

export const each = (bag: unknown, visit: (key: string, value: unknown) => void): void => {
  // Not Object.keys: Prototype.js 1.6 replaces it by one that also walks the prototype.
  for (const key in bag as Bag) if (owns.call(bag, key)) visit(key, (bag as Bag)[key]);
};

/** Copies what `from` says; an undefined value says nothing, and erases nothing. */
export const assign = <T extends object>(to: T, from: unknown): T => {
  each(from, (key, value) => {
    if (value !== undefined) (to as Bag)[key] = value;
  });
  return to;
};

export const log = (...words: unknown[]): void => {
  try {
    if (options.debug) console.log("shopalytic", ...words);
  } catch (_) {}
};

/** What a page, its scripts or its browser make fail stays here: an error that leaves the tag breaks a shop. */
export const attempt = <T>(action: () => T): T | undefined => {
  try {
    return action();
  } catch (error) {
    log(error);
    return undefined;
  }
};

export const on = (target: EventTarget, type: string, listener: (event: Event) => void): void => {
  target.addEventListener(type, (event) => attempt(() => listener(event)), true);
};

export const later = (action: () => void, delayMs: number): number =>
  win.setTimeout(() => attempt(action), delayMs);
