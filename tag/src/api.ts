/** The public methods. `replay` calls each inside a wall: what one throws stays in the tag. */
import { alias, identify } from "./identity";
import { endSession, meet, record } from "./messages";
import { assign, later, on, win } from "./natives";
import { mayStore, options } from "./options";
import { viewPage, watchPages } from "./page";
import { hasPrivacySignal } from "./place";
import { adopt, eraseQueue } from "./queue";
import { connect, flush, resume, wake } from "./transport";
import type { Bag, CallPlace, Consent, Enter, FlushMode, TrackOptions } from "./types";
import { Field, forgetVisitor, hasRefused, leaveVisitor, refreshVisitor, save, Trace, visitor } from "./visitor";

/** at: where the page called it. enter: takes the calls that the tag makes by itself. */
export const init = (token: unknown, given: unknown, at: CallPlace, enter: Enter): void => {
  assign(options, given);
  connect(token);
  if (options.consent == "denied") erase(Trace.None);
  if (options.respect_gpc && hasPrivacySignal() && mayStore()) options.consent = "anonymous";
  if (options.user_id) enter(["identify", [options.user_id], at], true);
  on(win, "online", resume);
  // Last: where a page has frozen its history, this ends in an error.
  watchPages(at, enter);
};

const erase = (trace: Trace): void => {
  eraseQueue();
  forgetVisitor(trace);
};

/** Those that begin with `set`, `opt` or `ready` are carried out in every state, and before calls that wait. */
export const methods: Record<string, (...args: any[]) => void> = {
  /** The first is the start's. Another is ignored, as what is no method is, and `debug` says so. */
  init: 0 as never,
  /** The tag's own automatic page view. */
  _view(isAgain?: boolean) {
    viewPage(0, undefined, true, isAgain);
  },
  identify,
  alias,
  track(event: unknown, properties: unknown, extra?: TrackOptions) {
    if (event == "page_view") viewPage(properties, extra);
    else if (event) record("" + event, properties, extra);
  },
  page(properties) {
    viewPage(properties);
  },
  payment(properties) {
    record("payment", properties);
  },
  sessionStart() {
    meet(true);
  },
  sessionEnd() {
    refreshVisitor();
    endSession();
    save(true);
  },
  flush,
  getTrackingId(callback: (id: string) => void) {
    refreshVisitor();
    save();
    callback(visitor[Field.TrackingId]);
  },
  anonymize() {
    refreshVisitor();
    endSession();
    // The request comes last: an answer that sets the old visitor's cookie again would undo this.
    forgetVisitor(Trace.None);
    meet();
    flush();
  },
  setDefaultProperties(properties: Bag) {
    options.default_properties = properties;
  },
  setFlushMode(mode: FlushMode, periodSeconds?: number) {
    assign(options, { flush_mode: mode, flush_period: periodSeconds });
    wake();
  },
  optIn() {
    if (hasRefused()) forgetVisitor(Trace.None);
    // Who came before without a lasting id must not replace the one whom the browser already knows.
    else if (!mayStore()) leaveVisitor();
    options.consent = "granted" as Consent;
    adopt();
  },
  optOut() {
    options.consent = "denied";
    erase(Trace.Refused);
  },
  ready(callback: (tag: unknown) => void) {
    // Later: a call that it makes must not overtake those that wait.
    later(() => callback(win.shopalytic), 0);
  },
};
