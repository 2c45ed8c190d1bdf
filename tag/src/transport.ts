/** From the queue to the collector: one request in flight, retries with a growing pause, beacons at the end. */
import { encode } from "./json";
import { attempt, doc, later, log, now, on, since, win } from "./natives";
import { forgetTold } from "./identity";
import { options } from "./options";
import { forgetLost, isUrgent, items, lease, lost, putUrgentFirst, remove, Time } from "./queue";
import type { Item } from "./queue";
import { domain, forgetVisitor, Trace } from "./visitor";

const enum Limit {
  /** Without the few bytes around the messages. Browsers share 64 KB of keepalive among a whole page. */
  RequestBytes = 16000,
  /** So long the first request waits for the page's `load` event, and for its own calls until then. */
  PatienceMs = 5000,
  TimeoutMs = 10000,
  RetryAfterSeconds = 3600,
}

/** The folder that the tag came from is the collector, unless `api_host` says otherwise. */
const script = doc.currentScript as HTMLScriptElement | null;
let host = script ? script.src : "";
let token = "";
let isStopped = false;
let batchMax = 100;
let tries = 0;
let inFlight: Item[] | undefined;
let isMore = false;
let flushTimer = 0;
let pauseTimer = 0;
let isHeld = true;
let isPatient = true;

/** A module's own address, where it is not part of a shop's bundle. */
export const comeFrom = (address: string): void => {
  host = address;
};

/** Without a token, or without an address, nothing is ever sent. */
export const connect = (projectToken: unknown): void => {
  token = projectToken as string;
  host = (options.api_host ? options.api_host + "/" : host).replace(/\/+[^/]*$/, "");
  if (!token) stop("project token");
  if (!host) stop("api_host");
  // After the page's own listeners: what they track goes along.
  const go = (): void => {
    isPatient = false;
    wake();
  };
  on(win, "load", go);
  later(go, Limit.PatienceMs);
};

/** Said once, even without `debug`: a shop whose events go nowhere has to learn why. */
const stop = (missing: string): void => {
  if (!isStopped) console.error("shopalytic: no valid " + missing);
  isStopped = true;
};

export const isSilent = (): boolean => isStopped || options.disabled;

/** The next messages that nobody is sending, at most one request full of them. */
const takeBatch = (): Item[] => {
  let bytes = 0;
  let count = 0;
  return items.filter((item) => {
    if (since(item.triedMs!) < Time.LeaseMs) return false;
    // Three for any letter beyond ASCII: enough for all of them, since a rarer one of four bytes is two units.
    bytes += item.json.replace(/[^ -~]/g, "...").length;
    return !count++ || (bytes < Limit.RequestBytes && count <= batchMax);
  });
};

/** A collector on the shop's own host sets the cookie again, and has to know its domain. */
const address = (batch: Item[]): string =>
  host + "/" + (batch.length > 1 ? "batch" : batch[0]!.json.split('"')[3]) +
  (domain != null && !host.indexOf(location.origin) ? "?d=" + domain : "");

const body = (batch: Item[]): string => {
  const texts = batch.map((item) => item.json);
  return (
    encode({ token, sent_at: now(), sandbox: !!options.sandbox || undefined, dropped: lost || undefined }).slice(0, -1) + "," +
    (texts.length > 1 ? '"events":[' + texts + "]}" : texts[0]!.slice(1))
  );
};

/** Sends when the mode says so; what the same moment tracked goes in one request. */
export const wake = (item?: Item): void => {
  const mode = options.flush_mode;
  const isOrdered = item && isUrgent(item);
  const isNow = isOrdered || mode == "immediate";
  // While the page still loads, its own page_view may come, and complete the automatic one.
  if (isHeld || (!isOrdered && isPatient && doc.readyState != "complete")) return;
  if (isNow) clearTimeout(flushTimer);
  if (isNow || (mode == "period" && !flushTimer)) flushTimer = later(flush, isNow ? 0 : options.flush_period * 1000);
};

/** The start is done: what it queued may go, in one request. */
export const release = (): void => {
  isHeld = false;
  wake(items.filter(isUrgent)[0]);
};

export const flush = (): void => {
  flushTimer = 0;
  const batch = takeBatch();
  // What is asked for while a request is out goes with the next one.
  isMore = !!inFlight || items.length > batch.length;
  if (inFlight || pauseTimer || isSilent() || !batch.length) return;
  const text = body(batch);
  const url = address(batch);
  const told = lost;

  const request = new XMLHttpRequest();
  const answered = (): void => {
    const status = request.status;
    const answer = attempt(() => JSON.parse(request.responseText)) || {};
    inFlight = undefined;
    // A first-party collector's answer has just set the cookie again that the request carried.
    if (options.consent == "denied") forgetVisitor(Trace.Refused);
    log("answered", status, request.responseText);
    const isTooMuch = status == 413 && batch.length > 1;
    if (isTooMuch) batchMax = batch.length >> 1;
    if (isTooMuch || /^(0|408|429|5..)$/.test(status as never)) {
      batch.forEach((item) => (item.triedMs = 0));
      if (!isTooMuch) {
        // Where it may not read the header, a browser complains in the console: so only where one is expected.
        const asked = status > 428 && +request.getResponseHeader("retry-after")!;
        const growing = Math.min(600, Math.pow(2, tries++)) * (0.5 + Math.random() / 2);
        pauseTimer = later(resume, Math.min(Limit.RetryAfterSeconds, asked || growing) * 1000);
      }
    } else {
      tries = 0;
      forgetLost(told);
      if (status == 401) stop("project token");
      batch.forEach((item, i) => {
        const result = (answer.results || [answer])[i] || {};
        remove(item);
        if (status > 299 || result.status == "rejected") forgetTold(item.json);
        if (item.callback) attempt(() => item.callback!(result));
      });
    }
    // What came meanwhile waits as the mode says, unless it never waits.
    if (isMore || isTooMuch) flush();
    else release();
  };

  // Not fetch, which is no surer and needs this beside it. Cookies go to the shop's own host alone.
  request.open("POST", url);
  request.timeout = Limit.TimeoutMs;
  request.onloadend = () => attempt(answered);
  request.send(text);
  // After all that may fail: what nobody sends must not seem to be on its way.
  inFlight = batch;
  batch.forEach(lease);
  log("sent", text);
};

/** Ends a pause between two tries. */
export const resume = (): void => {
  clearTimeout(pauseTimer);
  pauseTimer = 0;
  flush();
};

/** The page may be gone in a moment: what nobody carries yet goes as beacons, orders first. */
export const sendBeacons = (): void => {
  if (isSilent() || options.flush_mode == "manual") return;
  // The browser drops a request together with its page. Where it came through, the server drops the repeat.
  // Once: `pagehide` follows `visibilitychange`.
  inFlight = (inFlight && inFlight.forEach((item) => (item.triedMs = 0))) as undefined;
  putUrgentFirst();
  let batch: Item[];
  // A page has 64 KB on their way when it is left, for everybody: of these, three requests are ours.
  let room = 3;
  // Where the browser takes no more, the rest stays stored. A beacon proves nothing: no answer, no removal.
  while (room-- && (batch = takeBatch())[0] && navigator.sendBeacon(address(batch), body(batch))) batch.forEach(lease);
  later(flush, Time.LeaseMs);
};
