/** Where the visitor is: address, page before, title, and what the browser tells of itself. */
import { attempt, doc, now } from "./natives";
import { options } from "./options";
import type { CallPlace, Context } from "./types";

/** What looks like a secret in a query is nobody's statistics. */
const scrub = (address: string): string =>
  address.replace(/([?&#][^=&#]*(token|passw|e-?mail|secret|key)[^=&#]*=)[^&#]*/gi, "$1-");

/** The place of the call that is being carried out, and when it was made. */
export let context = { url: "" } as Context;
export let calledMs = 0;

let timeZone: string | undefined;

/** Slow at its first call in a process: a task of its own, once the page has nothing better to do. */
export const readTimeZone = (): void => {
  timeZone = attempt(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
};

export const here = (): CallPlace => ({ url: location.href, title: doc.title, ts: now() });

/** The part of an address whose change makes a new page. */
export const pageKey = (address: string): string => {
  const kind = options.automatic_page_views;
  return kind == "fragment" ? address : address.split(kind == "query" ? "#" : /[?#]/)[0]!;
};

/** Global Privacy Control: this browser asks not to be tracked. */
export const hasPrivacySignal = (): boolean =>
  !!(navigator as Navigator & { globalPrivacyControl?: boolean }).globalPrivacyControl;

/** To be called for each call in the order in which they were made: the page before becomes the referrer. */
export const moveTo = (at: CallPlace): void => {
  const url = scrub(at.url);
  calledMs = at.ts;
  context = {
    url,
    referrer: !context.url ? scrub(doc.referrer) : pageKey(url) != pageKey(context.url) ? context.url : context.referrer,
    title: at.url == location.href ? doc.title : at.title,
    screen: screen.width + "x" + screen.height,
    language: navigator.language,
    time_zone: timeZone,
    gpc: hasPrivacySignal(),
  };
};
