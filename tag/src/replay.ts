/** Puts the methods in the place of the snippet's stubs, and carries out the calls that were made before. */
import { init, methods } from "./api";
import { attempt, doc, each, log, on, win } from "./natives";
import { options } from "./options";
import { here, moveTo } from "./place";
import { adopt } from "./queue";
import { sendBeacons, wake } from "./transport";
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

const enum Phase {
  Loaded,
  Idle,
  Started,
  Live,
}

const page = win as unknown as { shopalytic?: Global };

let calls: Call[] = [];
let phase = Phase.Loaded as Phase;

const isSetting = (call: Call): boolean => /^(set|opt|ready)/.test(call[0]);

function run(call: Call): void {
  const method = methods[call[0]];
  if (!method || (options.consent == "denied" && !isSetting(call))) return log("ignored", call[0]);
  attempt(() => {
    moveTo(call[2]);
    method.apply(0, call[1] as unknown[]);
  });
}

/** Calls wait for the idle start, for `init`, and while consent is pending; from then on each runs at once. */
function drain(): void {
  if (phase == Phase.Idle) {
    const first = calls.filter((call) => call[0] == "init")[0];
    if (!first) return;
    phase = Phase.Started;
    attempt(() => init(first[1][0], first[1][1], first[2], enter));
  }
  if (phase == Phase.Started) {
    calls = calls.filter((call) => !isSetting(call) || run(call));
    if (options.consent == "pending") {
      calls = calls.slice(-options.max_queue);
    } else {
      phase = Phase.Live;
      adopt(wake);
      calls.forEach(run);
    }
  }
}

function enter(call: Call, isFirst?: boolean): void {
  if (phase == Phase.Live) run(call);
  else if (isFirst) calls.unshift(call);
  else {
    calls.push(call);
    drain();
  }
}

function begin(): void {
  if (phase == Phase.Loaded && !(doc as Document & { prerendering?: boolean }).prerendering) {
    phase = Phase.Idle;
    drain();
  }
}

function leave(): void {
  begin();
  save(true);
  sendBeacons();
}

/** Takes over the global object itself: pages keep references to it, and to its stubs. */
function install(): void {
  const tag = (page.shopalytic = page.shopalytic || {});
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
}

attempt(() => {
  if (page.shopalytic && page.shopalytic._install) return page.shopalytic._install();
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
});
