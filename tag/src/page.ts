/** Page views: one when the page is first seen, one at each navigation inside it, none twice. */
import { record, put } from "./messages";
import { assign, doc, later, on, win } from "./natives";
import { options } from "./options";
import { context, here, pageKey } from "./place";
import { findUnsent } from "./queue";
import type { CallPlace, Enter, Message, TrackOptions } from "./types";

/** The page whose view is recorded, and the automatic message that an explicit call may still complete. */
let viewed = "";
let automatic: Message | false | undefined;

/**
 * A page's own first `page_view` completes the automatic one instead of adding a second.
 *
 * Where that one has gone out already, what the page says follows as `page_view_update`: the same message id again
 * would be dropped as a repeat, and a second page view would count twice.
 * isAgain: the page came back from the back-forward cache.
 */
export const viewPage = (properties?: unknown, extra?: TrackOptions, isAutomatic?: boolean, isAgain?: boolean): void => {
  const key = pageKey(context.url);
  const first = automatic;
  if (key == viewed && !isAgain && (isAutomatic || first)) {
    if (!isAutomatic && first) {
      automatic = false;
      if (findUnsent(first.message_id)) {
        assign(first.properties, properties);
        put(first, extra || {});
      } else if (properties || extra) {
        record("page_view_update", assign({ page_view_id: first.message_id }, properties), extra);
      }
    }
    return;
  }
  viewed = key;
  const message = record("page_view", assign({ url: context.url, referrer: context.referrer }, properties), extra);
  automatic = isAutomatic && message;
};

/** at: where `init` was called, which may be a page that the visitor has left since. */
export const watchPages = (at: CallPlace, enter: Enter): void => {
  let checked = "";
  const check = (at: CallPlace, isFirst?: boolean, isAgain?: boolean): void => {
    const key = pageKey(at.url);
    // A page that nobody has seen yet is not viewed.
    if (doc.hidden || (key == checked && !isAgain)) return;
    checked = key;
    enter(["_view", [isAgain], at], isFirst);
  };
  const checkHere = (): void => check(here());
  // In the next task: title and a following replaceState have settled by then.
  const checkSoon = (): unknown => later(checkHere, 0);
  if (!options.automatic_page_views) return;
  check(at, true);
  checkSoon();
  on(doc, "visibilitychange", checkHere);
  on(win, "popstate", checkSoon);
  on(win, "pageshow", (event) => {
    if ((event as PageTransitionEvent).persisted) check(here(), false, true);
  });
  (["pushState", "replaceState"] as const).forEach((name) => {
    const original = history[name];
    history[name] = function (this: History) {
      const result = original.apply(this, arguments as unknown as Parameters<typeof original>);
      checkSoon();
      return result;
    };
  });
};
