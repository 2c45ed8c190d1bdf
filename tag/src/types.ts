/** The public contract's shapes: what a page hands in, and what goes over the wire. */

export type Bag = Record<string, unknown>;
export type Kind = "track" | "identify" | "alias";
export type Consent = "granted" | "pending" | "anonymous" | "denied";
export type FlushMode = "immediate" | "period" | "page_close" | "manual";

/** What the snippet notes of the page at each call, so that a later replay is not misattributed. */
export interface CallPlace {
  url: string;
  title: string;
  /** Milliseconds since 1970, by the visitor's clock. */
  ts: number;
}

/** A call's page as the tag understands it: the referrer is the page before, single-page views included. */
export interface Context {
  url: string;
  referrer: string;
  title: string;
  screen: string;
  language: string;
  time_zone: string | undefined;
  gpc: boolean;
}

export type Call = [method: string, args: ArrayLike<unknown>, at: CallPlace];

/** isFirst: carried out before the calls that wait. */
export type Enter = (call: Call, isFirst?: boolean) => void;

/** One message's outcome as the collector tells it. */
export interface Result {
  status?: string;
  error?: unknown;
  at?: string;
}

export interface TrackOptions {
  timestamp?: unknown;
  callback?: (result: Result) => void;
}

export interface Message {
  /** First in the JSON text: a stored message's door is read from there. */
  type: Kind;
  event?: string | undefined;
  message_id: string;
  tracking_id: string;
  user_id?: unknown;
  session_id?: string | undefined;
  timestamp: unknown;
  properties: Bag;
  context: Context;
  source: string;
  library: string;
}

export interface Options {
  disabled: boolean;
  source: string;
  debug: boolean;
  sandbox: boolean;
  cross_subdomain_cookie: boolean;
  api_host: string;
  default_properties: Bag;
  /** true: a new page is a new path; "query" and "fragment" look at more of the address. */
  automatic_page_views: boolean | "query" | "fragment";
  automatic_session_tracking: boolean;
  /** Seconds without an event. */
  session_timeout: number;
  flush_mode: FlushMode;
  /** Seconds between two requests in the mode `period`. */
  flush_period: number;
  consent: Consent;
  respect_gpc: boolean;
  cookie_name: string;
  /** Events kept while there is no answer; the oldest go first. */
  max_queue: number;
  user_id?: unknown;
  /** Sees a copy of each message before it is queued; gives the message to send, or nothing to drop it. */
  before_send?: (message: Message) => Message | null | undefined | false;
}
