/**
 * What a shop pastes into the head of its pages: stubs that note each call, and the tag's own script element.
 *
 * __SHOPALYTIC_HOST__ (the folder of the tag's file, without an end slash) and __SHOPALYTIC_TOKEN__ are replaced
 * where the snippet is handed out. A template that is included twice brings it twice: the second does nothing.
 */
interface Window {
  shopalytic?: Stub;
}

interface Stub {
  [method: string]: unknown;
  _q: unknown[];
}

// A block, since it leaves no names in the page; the build wraps no function around it.
if (!window.shopalytic) {
  const tag: Stub = (window.shopalytic = { _q: [] });
  const script = document.createElement("script");
  // Of this order, the words take the fewest bytes.
  for (const method of "identify payment ready page optOut sessionEnd alias getTrackingId anonymize track init sessionStart setDefaultProperties flush setFlushMode optIn".split(" ")) {
    tag[method] = (...args: unknown[]) =>
      tag._q.push([method, args, { url: document.URL, title: document.title, ts: +new Date() }]);
  }
  script.src = "__SHOPALYTIC_HOST__/shopalytic.v1.js";
  // A strict policy lets no script in without the page's nonce.
  script.nonce = ((document.currentScript as HTMLScriptElement | null) || script).nonce;
  // Later: with what it takes to begin the request, this would be a long task on a slow phone.
  setTimeout(() => document.head.append(script));
  (tag as unknown as { init(token: string): void }).init("__SHOPALYTIC_TOKEN__");
}
