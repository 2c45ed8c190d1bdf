/** From the queue to the collector: one request in flight, retries with a growing pause, beacons at the end. */
import { stringify } from "./json";
import { attempt, doc, later, log, now, since, win } from "./natives";
import { options } from "./options";
import { forgetLost, isGone, isUrgent, items, LEASE_MS, lease, lost, putUrgentFirst, remove } from "./queue";
import type { Item } from "./queue";
import { domain, forgetVisitor, REFUSED } from "./visitor";

/** In characters, of which most shops' take one byte. Browsers share 64 KB of keepalive among a whole page. */
const REQUEST_LENGTH_MAX = 16000;
const TIMEOUT_MS = 10000;
const HOUR_SECONDS = 3600;

const fetchNow = win.fetch;

/** The folder that the tag came from is the collector, unless `api_host` says otherwise. */
const script = doc.currentScript as HTMLScriptElement | null;
let host = script ? script.src : "";
let token = "";
let isStopped = false;
let batchMax = 100;
let tries = 0;
let inFlight: Item[] | undefined;
let isKeptAlive = false;
let isMore = false;
let flushTimer = 0;
let pauseTimer = 0;

/** Without a token nothing is ever sent. */
export function connect(projectToken: unknown): void {
  token = projectToken as string;
  host = (options.api_host ? options.api_host + "/" : host).replace(/\/+[^/]*$/, "");
  if (!token) stop();
}

/** Said once, even without `debug`: a shop whose events go nowhere has to learn why. */
function stop(): void {
  if (!isStopped) console.error("shopalytic: no valid project token");
  isStopped = true;
}

export const isSilent = (): boolean => isStopped || options.disabled;

/** The next messages that nobody is sending, at most one request full of them. */
function takeBatch(): Item[] {
  const batch: Item[] = [];
  let length = 0;
  items.forEach((item) => {
    if (since(item.triedMs) < LEASE_MS) return;
    if (isGone(item)) return remove(item);
    length += item.json.length;
    if (!batch.length || (length < REQUEST_LENGTH_MAX && batch.length < batchMax)) batch.push(item);
  });
  return batch;
}

/** A collector on the shop's own host sets the cookie again, and has to know its domain. */
const address = (batch: Item[]): string =>
  host + "/" + (batch.length > 1 ? "batch" : batch[0]!.json.split('"')[3]) +
  (domain != null && !host.indexOf(location.origin) ? "?d=" + domain : "");

function body(batch: Item[]): string {
  const texts = batch.map((item) => item.json);
  return (
    '{"token":' + stringify(token) + ',"sent_at":' + now() + (options.sandbox ? ',"sandbox":true' : "") +
    (lost ? ',"dropped":' + lost : "") + "," +
    (texts.length > 1 ? '"events":[' + texts + "]}" : texts[0]!.slice(1))
  );
}

/** Sends when the mode says so; what the same moment tracked goes in one request. */
export function wake(item?: Item): void {
  const mode = options.flush_mode;
  const isOrdered = item && isUrgent(item);
  const isNow = isOrdered || mode == "immediate";
  // While the page still loads, its own page_view may come, and complete the automatic one.
  if (isOrdered || doc.readyState != "loading") {
    if (isNow) clearTimeout(flushTimer);
    if (isNow || (mode == "period" && !flushTimer)) {
      flushTimer = later(flush, isNow ? 0 : options.flush_period * 1000);
    }
  }
}

export function flush(): void {
  flushTimer = 0;
  const batch = takeBatch();
  // What is asked for while a request is out goes with the next one.
  isMore = !!inFlight || items.length > batch.length;
  if (inFlight || pauseTimer || isSilent() || !batch.length) return;
  const text = body(batch);
  const url = address(batch);

  const answered = (status: number, answer?: string, retryAfter?: string | null): void => {
    // Late answers are of no use any more.
    if (inFlight != batch) return;
    clearTimeout(timer);
    inFlight = undefined;
    // A first-party collector's answer has just set the cookie again that the request carried.
    if (options.consent == "denied") forgetVisitor(REFUSED);
    log("answered", status, answer);
    const isTooMuch = status == 413 && batch.length > 1;
    if (isTooMuch) batchMax = batch.length >> 1;
    if (isTooMuch || /^(0|408|429|5..)$/.test(status as never)) {
      batch.forEach((item) => (item.triedMs = 0));
      if (!isTooMuch) {
        const growing = Math.min(600, Math.pow(2, tries++)) * (0.5 + Math.random() / 2);
        pauseTimer = later(resume, Math.min(HOUR_SECONDS, +retryAfter! || growing) * 1000);
      }
    } else {
      const parsed = attempt(() => JSON.parse(answer!)) || {};
      tries = 0;
      forgetLost();
      if (status == 401) stop();
      batch.forEach((item, i) => {
        remove(item);
        if (item.callback) attempt(() => item.callback!((parsed.results || [parsed])[i]));
      });
    }
    // What came meanwhile waits as the mode says, unless it never waits.
    if (isMore || isTooMuch) flush();
    else wake(items.filter(isUrgent)[0]);
  };
  const failed = (): void => answered(0);
  const timer = later(failed, TIMEOUT_MS);
  const sendPlainly = (): void => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.onloadend = () =>
      attempt(() =>
        // Where it may not read the header, a browser complains in the console: so only where one is expected.
        answered(request.status, request.responseText, request.status > 428 ? request.getResponseHeader("retry-after") : ""),
      );
    request.send(text);
  };

  inFlight = batch;
  batch.forEach(lease);
  log("sent", text);
  // A retry goes the other way: a used-up keepalive quota, or a script that patched `fetch`, may be what failed.
  isKeptAlive = !tries;
  if (
    !isKeptAlive ||
    !attempt(() =>
      fetchNow
        // "same-origin": cookies only where the collector is a path of the shop's own host.
        .call(win, url, { method: "POST", body: text, keepalive: true, credentials: "same-origin" })
        .then((response) =>
          response.text().then((answer) => answered(response.status, answer, response.headers.get("retry-after"))),
        )
        .catch(failed),
    )
  ) {
    isKeptAlive = false;
    sendPlainly();
  }
}

/** Ends a pause between two tries. */
export function resume(): void {
  clearTimeout(pauseTimer);
  pauseTimer = 0;
  flush();
}

/** The page may be gone in a moment: what nobody carries yet goes as beacons, orders first. */
export function sendBeacons(): void {
  if (isSilent() || options.flush_mode == "manual") return;
  // The browser drops a request without keepalive together with its page.
  if (inFlight && !isKeptAlive) inFlight.forEach((item) => (item.triedMs = 0));
  putUrgentFirst();
  let batch: Item[];
  // Where the browser takes no more, the rest stays stored. A beacon proves nothing: no answer, no removal.
  while ((batch = takeBatch())[0] && navigator.sendBeacon(address(batch), body(batch))) batch.forEach(lease);
  later(flush, LEASE_MS);
}
