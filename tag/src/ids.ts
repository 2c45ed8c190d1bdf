/** Ids that sort by the moment they were made, and short digests. */
import { attempt, now } from "./natives";

let lastMs = 0;

/**
 * A UUIDv7, ascending within a page even in the same millisecond or when the clock steps back.
 *
 * Where the browser has no random source it is a UUIDv8: `Math.random` repeats itself on some devices,
 * and the version tells such ids apart.
 */
export const uuid = (): string => {
  const words = new Uint16Array(5);
  let digits = "";
  for (let i = 0; i < 5; i++) words[i] = Math.random() * 65536;
  const version = attempt(() => crypto.getRandomValues(words)) ? 7 : 8;
  lastMs = Math.max(now(), lastMs + 1);
  for (let i = 0; i < 5; i++) digits += (65536 + words[i]!).toString(16).slice(1);
  return ("0" + lastMs.toString(16) + digits).replace(
    /(.{8})(.{4})(...)(...)(.{12}).*/,
    "$1-$2-" + version + "$3-8$4-$5",
  );
};

/** The moment inside such an id, in milliseconds. */
export const idMs = (id: string): number => parseInt(id.replace("-", "").slice(0, 12), 16);

/** 32 bits in base 36: tells whether something changed, proves nothing. */
export const digest = (text: string): string => {
  let sum = 5381;
  for (let i = 0; i < text.length; i++) sum = (sum * 33 + text.charCodeAt(i)) | 0;
  return sum.toString(36);
};
