/** The options of `init`, in one object that lives as long as the page, and what depends on them. */
import type { Options } from "./types";

export const options = {
  source: "web",
  cross_subdomain_cookie: true,
  automatic_page_views: true,
  automatic_session_tracking: true,
  session_timeout: 1800,
  flush_mode: "immediate",
  flush_period: 30,
  consent: "granted",
  cookie_name: "_sha",
  max_queue: 200,
} as Options;

/** Only a visitor who agreed leaves anything behind in the browser. */
export const mayStore = (): boolean => options.consent == "granted";
