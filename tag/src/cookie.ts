/** Cookies as texts: all values of a name, and the widest domain that the browser lets us write to. */
import { attempt, doc } from "./natives";

const enum Time {
  /** Browsers cap at 400 days. */
  LifeSeconds = 395 * 86400,
}

/** All values: the same name may stand there twice, once for the host and once for its domain. */
export const readCookies = (name: string): string[] => {
  const values: string[] = [];
  attempt(() => {
    doc.cookie.split("; ").forEach((pair) => pair.indexOf(name + "=") || values.push(pair.slice(name.length + 1)));
  });
  return values;
};

/** value: "" deletes the cookie. domain: "" for this host alone. */
export const writeCookie = (name: string, value: string, domain: string): void => {
  attempt(() => {
    doc.cookie =
      name + "=" + value + ";path=/;max-age=" + (value ? Time.LifeSeconds : 0) + ";samesite=lax" +
      (domain && ";domain=" + domain) + (location.protocol == "https:" ? ";secure" : "");
  });
};

/**
 * The widest domain a probe cookie is accepted on; "" on an IP address, on localhost, and where cookies are refused.
 *
 * Only the browser knows that co.uk is nobody's own.
 */
export const findWidestDomain = (name: string): string => {
  const labels = location.hostname.split(".");
  // An IPv4 address; one of IPv6 has no dot. A top-level domain ends in a letter.
  if (/\d$/.test(location.hostname)) return "";
  for (let i = labels.length - 2; i >= 0; i--) {
    const domain = labels.slice(i).join(".");
    writeCookie(name + "_d", "1", domain);
    const accepted = readCookies(name + "_d").length;
    writeCookie(name + "_d", "", domain);
    if (accepted) return domain;
  }
  return "";
};
