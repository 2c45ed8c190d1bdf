/** Cookies as texts: all values of a name, and the widest domain that the browser lets us write to. */
import { attempt, doc } from "./natives";

/** Browsers cap at 400 days. */
const LIFE_SECONDS = 395 * 86400;

/** All values: the same name may stand there twice, once for the host and once for its domain. */
export function readCookies(name: string): string[] {
  const values: string[] = [];
  attempt(() => {
    doc.cookie.split("; ").forEach((pair) => pair.indexOf(name + "=") || values.push(pair.slice(name.length + 1)));
  });
  return values;
}

/** value: "" deletes the cookie. domain: "" for this host alone. */
export function writeCookie(name: string, value: string, domain: string): void {
  attempt(() => {
    doc.cookie =
      name + "=" + value + ";path=/;max-age=" + (value ? LIFE_SECONDS : 0) + ";samesite=lax" +
      (domain && ";domain=" + domain) + (location.protocol == "https:" ? ";secure" : "");
  });
}

/**
 * The widest domain a probe cookie is accepted on; "" on an IP address, on localhost, and where cookies are refused.
 *
 * Only the browser knows that co.uk is nobody's own.
 */
export function findWidestDomain(name: string): string {
  const labels = location.hostname.split(".");
  if (/^[\d.]+$|:/.test(location.hostname)) return "";
  for (let i = labels.length - 2; i >= 0; i--) {
    const domain = labels.slice(i).join(".");
    writeCookie(name + "_d", "1", domain);
    const accepted = readCookies(name + "_d").length;
    writeCookie(name + "_d", "", domain);
    if (accepted) return domain;
  }
  return "";
}
