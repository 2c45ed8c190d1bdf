/** The visitor of this browser and the open session, kept in one cookie of under 250 bytes. */
import { findWidestDomain, readCookies, writeCookie } from "./cookie";
import { digest, uuid } from "./ids";
import { now, since } from "./natives";
import { mayStore, options } from "./options";
import { getStored, store, unstore } from "./storage";

/** The cookie's fields, with dots between them. */
export const enum Field {
  Version,
  TrackingId,
  CreatedMs,
  /** Empty: no open session. */
  SessionId,
  StartedMs,
  SeenMs,
  /** Messages made so far. */
  Count,
  /** The last identified id as `userField` writes it; empty: nobody. */
  User,
  /** How many there are. */
  Fields,
}

const enum Time {
  WriteEveryMs = 5000,
}

/** As they stand in the cookie: what was read there is text, numbers too. */
export type Visitor = any[];

/** The cookie's whole value where the visitor said no. */
export const enum Trace {
  None = "",
  Refused = "0",
}

/** Nobody until `refreshVisitor` has been called once. */
export let visitor: Visitor;

/** The cookie's domain, once one was written; "" for this host alone. */
export let domain: string | undefined;
let savedMs = 0;

/** An id as the cookie holds it; a long one as a digest, since the cookie stays under 250 bytes. */
export const userField = (id: string): string => {
  const field = encodeURIComponent(id).replace(/\./g, "%2E");
  return field.length > 100 ? "~" + digest(id) : field;
};

export const hasRefused = (): boolean => readCookies(options.cookie_name).indexOf(Trace.Refused) >= 0;

const write = (value: string): void => {
  if (domain == null) domain = options.cross_subdomain_cookie ? findWidestDomain(options.cookie_name) : "";
  writeCookie(options.cookie_name, value, domain);
};

/** Writes at most every 5 s, unless something changed that the next page must know. */
export const save = (isForced?: boolean): void => {
  if (visitor && mayStore() && (isForced || since(savedMs) > Time.WriteEveryMs)) {
    const value = visitor.join(".");
    savedMs = now();
    write(value);
    store(options.cookie_name, value);
  }
};

/**
 * Sets this browser's visitor, a new one where there is none. Other tabs write too, so the cookie is read each time.
 *
 * Throws where the visitor has said no, be it in another tab.
 */
export const refreshVisitor = (): void => {
  const values = readCookies(options.cookie_name);
  if (values.indexOf(Trace.Refused) >= 0) throw (options.consent = "denied");
  if (mayStore()) {
    // The cookie wins over its copy; of two cookies, and of ours and theirs, the one with the last event.
    (values[0] ? values : [getStored(options.cookie_name) || ""]).forEach((value) => {
      const found = value.split(".");
      if (found.length == Field.Fields && (!visitor || +found[Field.SeenMs]! > visitor[Field.SeenMs])) visitor = found;
    });
  }
  visitor = visitor || [1, uuid(), now(), "", 0, 0, 0, ""];
};

/** The next event's visitor is again the one that the browser holds. */
export const leaveVisitor = (): void => {
  visitor = undefined as never;
};

/** Forgets who this was, here and in the browser. trace: what stays in the cookie. */
export const forgetVisitor = (trace: Trace): void => {
  const name = options.cookie_name;
  leaveVisitor();
  unstore(name);
  unstore(name + ".p");
  // One may be left from before the shop changed `cross_subdomain_cookie`.
  writeCookie(name, "", "");
  write(trace);
};
