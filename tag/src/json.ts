/** JSON text without `toJSON`: Prototype.js gives arrays and dates one that turns them into text twice. */

const stringify = JSON.stringify;

const enum Limit {
  Nodes = 5000,
  Depth = 12,
}

/** A `Date` becomes UTC seconds, a bigint text; functions and undefined are left out; endless graphs are cut. */
export const encode = (root: unknown): string => {
  let nodesLeft = Limit.Nodes as number;
  const open: unknown[] = [];
  return stringify(root, function (this: any, key: string) {
    // Not the value that is handed over: a toJSON has been at it.
    const value = this[key];
    if (typeof value == "bigint") return "" + value;
    if (!value || typeof value != "object") return value;
    // Not instanceof: a Date may come from another frame.
    if (value.getTime) return Math.floor(+value / 1000);
    while (open[0] && open[0] != this) open.shift();
    // A page may hand over a DOM node or a framework's object, whose graph has no end.
    if (open.length > Limit.Depth || open.indexOf(value) >= 0 || nodesLeft-- < 0) return null;
    open.unshift(value);
    return value;
  });
};
