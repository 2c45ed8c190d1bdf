/** Puts the methods in the place of the snippet's stubs, and carries out the calls that were made before. */
import { init, methods } from "./api";
import { attempt, doc, each, later, log, on, win } from "./natives";
import { options } from "./options";
import { here, moveTo, readTimeZone } from "./place";
import { adopt } from "./queue";
import { getStored } from "./storage";
import { release, sendBeacons } from "./transport";
import type { Call } from "./types";
import { save } from "./visitor";

/** Our snippet's note is a `Call`; that of 2013 is `[method, …arguments]`. */
type Entry = any[];

/** The global: a stub object, the array-like of 2013, or a tag that runs. */
interface Global {
  [method: string]: unknown;
  _q?: { push(entry: Entry): void; forEach?: (visit: (entry: Entry) => void) => void };
  /** Set by the copy of the tag that runs; another copy calls it, and goes. */
  _install?: () => void;
}

let calls: Call[] = [];
let hasBegun = false;
let timer: number | undefined;

const isSetting = (call: Call): boolean => /^(set|opt|ready)/.test(call[0]);

const run = (call: Call): void => {
  const method = methods[call[0]];
  if (!method || (options.consent == "denied" && !isSetting(call))) return log("ignored", call[0]);
  attempt(() => {
    moveTo(call[2]);
    method.apply(0, call[1] as unknown[]);
  });
};

/**
 * The start, each a short task of its own, so that none of them holds the page up; one that gives true waits.
 *
 * Once they are done and no call is left, each call is carried out at once.
 */
const steps: (() => unknown)[] = [
  readTimeZone,
  () => void getStored(options.cookie_name),
  () => {
    const first = calls.filter((call) => call[0] == "init")[0];
    calls = calls.filter((call) => call != first);
    if (first) attempt(() => init(first[1][0], first[1][1], first[2], enter));
    return !first;
  },
  () => {
    calls = calls.filter((call) => !isSetting(call) || run(call));
    const isPending = options.consent == "pending";
    if (isPending) calls = calls.slice(-options.max_queue);
    else adopt();
    return isPending;
  },
];

/** Does the next piece of work; false where there is none now. */
const work = (): unknown => {
  if (steps[0]) return hasBegun && !steps[0]() && steps.shift();
  if (calls[0]) {
    run(calls[0]);
    // Not before: a call that it makes itself comes after those that wait.
    calls.shift();
  }
  return calls[0] || release();
};

const tick = (): void => {
  timer = work() ? later(tick, 0) : 0;
};

const enter = (call: Call, isFirst?: boolean): void => {
  if (!steps[0] && !calls[0]) return run(call);
  if (isFirst) calls.unshift(call);
  else calls.push(call);
  if (hasBegun && !timer) timer = later(tick, 0);
};

const begin = (): void => {
  if (!hasBegun && !(doc as Document & { prerendering?: boolean }).prerendering) {
    hasBegun = true;
    tick();
  }
};

const leave = (): void => {
  begin();
  while (work());
  save(true);
  sendBeacons();
};

/** Takes over the global object itself: pages keep references to it, and to its stubs. */
const install = (): void => {
  const tag: Global = (win.shopalytic = win.shopalytic || {});
  const queue = tag._q;
  const push = (entry: Entry): void =>
    attempt(() => {
      const at = entry[2];
      const isOurs = at && at.ts && typeof entry[1] == "object";
      enter(isOurs ? (entry as Call) : [entry[0], entry.slice(1), here()]);
    });
  tag._q = { push };
  tag._install = install;
  each(methods, (method) => {
    tag[method] = function () {
      push([method, arguments, here()]);
    };
  });
  if (queue && queue.forEach) queue.forEach(push);
};

const start = (): void => {
  const other: Global = win.shopalytic || {};
  if (other._install) return other._install();
  install();
  // Slow first calls, such as to localStorage, wait until the page has nothing better to do.
  // Safari has no such callback; its setTimeout takes the options for no delay.
  const idle = (win.requestIdleCallback || setTimeout) as typeof requestIdleCallback;
  idle(() => attempt(begin), { timeout: 1000 });
  on(doc, "prerenderingchange", begin);
  on(win, "pagehide", leave);
  on(doc, "visibilitychange", () => {
    if (doc.hidden) leave();
  });
};

// Where stubs of every method stand there, they note calls a little longer: a task less long.
if (win.shopalytic && win.shopalytic.ready) later(start, 0);
else attempt(start);
