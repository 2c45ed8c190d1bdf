/** Where the visitor is: address, page before, title, and what the browser tells of itself. */
import { attempt, doc, now } from "./natives";
import { options } from "./options";
import type { Bag, CallPlace, Place } from "./types";

/** Where the call that is being carried out was made. */
export let place = { url: "", referrer: doc.referrer } as Place;

let timeZone: string | undefined;

export const here = (): CallPlace => ({ url: location.href, title: doc.title, ts: now() });

/** The part of an address whose change makes a new page. */
export function pageKey(address: string): string {
  const kind = options.automatic_page_views;
  return kind == "fragment" ? address : address.split(kind == "query" ? "#" : /[?#]/)[0]!;
}

/** To be called for each call in the order in which they were made: the page before becomes the referrer. */
export function moveTo(at: CallPlace): void {
  place = {
    url: at.url,
    referrer: place.url && pageKey(at.url) != pageKey(place.url) ? place.url : place.referrer,
    title: at.url == location.href ? doc.title : at.title,
    ts: at.ts,
  };
}

/** What looks like a secret in a query is nobody's statistics. */
export const scrub = (address: string): string =>
  address.replace(/([?&#][^=&#]*(token|passw|e-?mail|secret|key)[^=&#]*=)[^&#]*/gi, "$1-");

/** Global Privacy Control: this browser asks not to be tracked. */
export const hasPrivacySignal = (): boolean =>
  !!(navigator as Navigator & { globalPrivacyControl?: boolean }).globalPrivacyControl;

export function describePlace(): Bag {
  // Slow at its first call, so never before the tag's idle start.
  timeZone = timeZone || attempt(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
  return {
    url: scrub(place.url),
    referrer: scrub(place.referrer),
    title: place.title,
    screen: screen.width + "x" + screen.height,
    language: navigator.language,
    time_zone: timeZone,
    gpc: hasPrivacySignal(),
  };
}
