/**
 * The tag as an ES module: the same tag, which takes over `window.shopalytic` as the script does.
 *
 * A module that is loaded beside the script, or twice, gives the tag that runs already.
 */
import "./replay";
import { comeFrom } from "./transport";
import { win } from "./natives";

type Method = (...args: unknown[]) => void;

// In a bundle the address is that of the shop's own file: there `api_host` says where to send.
if (/\.mjs(\?|$)/.test(import.meta.url)) comeFrom(import.meta.url);

const shopalytic = win.shopalytic as Record<string, Method>;

export default shopalytic;
export const {
  alias, anonymize, flush, getTrackingId, identify, init, optIn, optOut, page, payment, ready, sessionEnd, sessionStart,
  setDefaultProperties, setFlushMode, track,
} = shopalytic;
