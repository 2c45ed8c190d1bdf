/**
 * Types of the Shopalytic tag: of `shopalytic.v1.mjs`, and of the global `shopalytic` that the snippet makes.
 *
 * Beside a copy of the module they are found by themselves. For pages with the snippet:
 * `/// <reference path="shopalytic.v1.d.mts" />`. The reference in words: docs/tag.md.
 */

/** Without a currency sign; as a number, or exactly as a text such as "9.99". */
export type Decimal = number | string;
/** A number is taken and made a text. */
export type Id = string | number;
/** UTC seconds or milliseconds since 1970, ISO 8601, or a `Date`. */
export type Instant = number | string | Date;
/** One id, or typed ones: `{registered: "jon@example.com", card: "77"}`. */
export type CustomerId = Id | { [type: string]: Id };
/** Anything that JSON holds; a `Date` becomes UTC seconds. */
export interface Properties {
  [name: string]: unknown;
}

export interface LineItem extends Properties {
  sku: Id;
  /** For each. */
  price: Decimal;
  qty: number | string;
  name?: string;
  /** The shop's own cost for each. */
  cost?: Decimal;
}

export interface Address extends Properties {
  city?: string;
  zipcode?: string;
  /** ISO 3166 alpha-3. */
  country?: string;
  state?: string;
}

export interface Discount extends Properties {
  code: string;
  value: Decimal;
}

/** What any event may carry and the reports understand. */
export interface CommonProperties extends Properties {
  /** ISO 4217; without it the project's own. */
  currency?: string;
  /** Names a funnel step. */
  page_type?: string;
}

/** The predefined events: their names, and the properties that are checked. Any other name may be tracked too. */
export interface PredefinedEvents {
  account_register: {
    email: string;
    first_name: string;
    last_name: string;
    join_date?: Instant;
  };
  account_update: {
    email?: string;
    first_name?: string;
    last_name?: string;
  };
  cart_add: {
    cart_id: Id;
    sku: Id;
    /** For each. */
    price: Decimal;
    qty: number | string;
    modified_date?: Instant;
  };
  cart_modify: {
    cart_id: Id;
    sku: Id;
    /** The new quantity; 0: removed. */
    qty: number | string;
    /** Only when it changed. */
    price?: Decimal;
    modified_date?: Instant;
  };
  order: {
    order_id: Id;
    /** May equal `order_id`. */
    cart_id: Id;
    /** With tax and shipping, less discounts. */
    total: Decimal;
    /** Products only. */
    subtotal: Decimal;
    line_items: LineItem[];
    order_date?: Instant;
    billing?: Address;
    shipping?: Address;
    total_tax?: Decimal;
    total_shipping?: Decimal;
    payment_type?: string;
    discounts?: Discount[];
    /** Required beside `discounts`. */
    total_discount?: Decimal;
  };
  refund: {
    order_id: Id;
    refund_type: "full" | "partial";
    /** This and the next two are required where `refund_type` is "partial". */
    total_refund?: Decimal;
    subtotal_refund?: Decimal;
    line_items?: LineItem[];
    tax_refund?: Decimal;
    shipping_refund?: Decimal;
    discount_refund?: Decimal;
  };
  shipment: {
    order_id: Id;
    shipment_id: Id;
    /** A carrier's code; any that is not known counts as `custom`. */
    carrier: string;
    tracking_number?: Id;
    date_shipped?: Instant;
    date_delivered?: Instant;
  };
  shipment_update: {
    order_id: Id;
    shipment_id: Id;
    date_shipped: Instant;
    date_delivered: Instant;
  };
  product_view: {
    sku: Id;
    name: string;
    price: Decimal;
    categories?: unknown[];
    logged_in?: boolean;
  };
  page_view: {
    /** This and the referrer are filled in by the tag. */
    url?: string;
    referrer?: string;
    logged_in?: boolean;
    title?: string;
    screen?: string;
    language?: string;
    time_zone?: string;
  };
}

/** One event's outcome as the collector tells it; in the sandbox with everything that is wrong with it. */
export interface Result {
  status?: "accepted" | "rejected";
  message_id?: string;
  error?: unknown;
  at?: string;
  [name: string]: unknown;
}

export interface TrackOptions {
  /** When it happened; without it now. */
  timestamp?: Instant;
  callback?(result: Result): void;
}

export type Consent = "granted" | "pending" | "anonymous" | "denied";
export type FlushMode = "immediate" | "period" | "page_close" | "manual";

/** What `before_send` sees of a message. */
export interface Message {
  type: "track" | "identify" | "alias";
  event?: string;
  message_id: string;
  tracking_id: string;
  user_id?: unknown;
  session_id?: string;
  timestamp: unknown;
  properties: Properties;
  context: Properties;
  source: string;
  library: string;
}

export interface Options {
  disabled?: boolean;
  source?: string;
  debug?: boolean;
  sandbox?: boolean;
  cross_subdomain_cookie?: boolean;
  /** The collector's address. Needed where the tag is part of a bundle. */
  api_host?: string;
  default_properties?: Properties;
  automatic_page_views?: boolean | "query" | "fragment";
  automatic_session_tracking?: boolean;
  /** Seconds without an event. */
  session_timeout?: number;
  flush_mode?: FlushMode;
  /** Seconds between two requests in the mode `period`. */
  flush_period?: number;
  consent?: Consent;
  respect_gpc?: boolean;
  cookie_name?: string;
  max_queue?: number;
  user_id?: CustomerId;
  before_send?(message: Message): Message | null | undefined | false | void;
}

type RequiredNames<T> = { [Name in keyof T]-?: {} extends Pick<T, Name> ? never : Name }[keyof T];
type ArgumentsOf<T> = [RequiredNames<T>] extends [never]
  ? [properties?: T & CommonProperties, options?: TrackOptions]
  : [properties: T & CommonProperties, options?: TrackOptions];

export interface Shopalytic {
  init(token: string, options?: Options): void;
  track<Name extends string>(
    event: Name,
    ...rest: Name extends keyof PredefinedEvents
      ? ArgumentsOf<PredefinedEvents[Name]>
      : [properties?: Properties | null, options?: TrackOptions]
  ): void;
  identify(id: CustomerId, properties?: Properties): void;
  alias(id: CustomerId): void;
  page(properties?: PredefinedEvents["page_view"] & CommonProperties): void;
  payment(properties?: Properties): void;
  setDefaultProperties(properties: Properties): void;
  sessionStart(): void;
  sessionEnd(): void;
  flush(): void;
  /** period: seconds. */
  setFlushMode(mode: FlushMode, period?: number): void;
  getTrackingId(callback: (id: string) => void): void;
  anonymize(): void;
  optIn(): void;
  optOut(): void;
  ready(callback: (tag: Shopalytic) => void): void;
}

declare const shopalytic: Shopalytic;
export default shopalytic;
export const {
  alias, anonymize, flush, getTrackingId, identify, init, optIn, optOut, page, payment, ready, sessionEnd, sessionStart,
  setDefaultProperties, setFlushMode, track,
}: Shopalytic;

declare global {
  interface Window {
    shopalytic: Shopalytic;
  }
  var shopalytic: Shopalytic;
}
