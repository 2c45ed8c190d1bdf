/** JSON text without `toJSON`: Prototype.js gives arrays and dates one that turns them into text twice. */
import { each } from "./natives";

export const stringify = JSON.stringify;

const NODES_MAX = 5000;
const DEPTH_MAX = 12;
let nodesLeft = 0;

function write(value: unknown, depth: number): string | undefined {
  if (typeof value == "bigint") value = "" + value;
  // No toJSON is asked for a primitive; undefined and functions give undefined.
  if (!value || typeof value != "object") return stringify(value);
  // A page may hand over a DOM node or a framework's object, whose graph has no end.
  if (depth > DEPTH_MAX || nodesLeft-- < 0) return "null";
  // Not instanceof: a Date may come from another frame.
  if ((value as Date).getTime) return stringify(Math.floor(+value / 1000));
  const parts: string[] = [];
  if (Array.isArray(value)) {
    value.forEach((item) => parts.push(write(item, depth + 1) || "null"));
    return "[" + parts + "]";
  }
  each(value, (key, item) => {
    const text = write(item, depth + 1);
    if (text) parts.push(stringify(key) + ":" + text);
  });
  return "{" + parts + "}";
}

/** A `Date` becomes UTC seconds; functions and undefined are left out; endless graphs are cut. */
export function encode(value: unknown): string {
  nodesLeft = NODES_MAX;
  return write(value, 0)!;
}
