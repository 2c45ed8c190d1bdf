/** Ids that sort by the moment they were made, and short digests. */
import { attempt, now } from "./natives";

let lastMs = 0;
let counter = 0;

const hex = (value: number, digits: number): string => ("00000000000" + value.toString(16)).slice(-digits);

/**
 * A UUIDv7, ascending within a page even in the same millisecond or when the clock steps back.
 *
 * Where the browser has no random source it is a UUIDv8: `Math.random` repeats itself on some devices,
 * and the version tells such ids apart.
 */
export function uuid(): string {
  const words = new Uint16Array(4);
  const strong = attempt(() => crypto.getRandomValues(words));
  if (!strong) for (let i = 0; i < 4; i++) words[i] = Math.random() * 65536;
  counter = now() > lastMs ? 0 : counter + 1;
  lastMs = Math.max(now(), lastMs);
  const time = hex(lastMs, 12);
  let random = "";
  for (let i = 0; i < 4; i++) random += hex(words[i]!, 4);
  return (
    time.slice(0, 8) + "-" + time.slice(8) + "-" + (strong ? 7 : 8) + hex(counter, 3) + "-8" +
    random.slice(0, 3) + "-" + random.slice(4)
  );
}

/** The moment inside such an id, in milliseconds. */
export const idMs = (id: string): number => parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

/** 32 bits in base 36: tells whether something changed, proves nothing. */
export function digest(text: string): string {
  let sum = 5381;
  for (let i = 0; i < text.length; i++) sum = (sum * 33 + text.charCodeAt(i)) | 0;
  return sum.toString(36);
}
