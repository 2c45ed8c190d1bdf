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
  const doc = document;
  const script = doc.createElement("script");
  // Of this order, the words take the fewest bytes.
  for (const method of "page payment sessionStart setDefaultProperties alias flush optOut optIn setFlushMode ready identify init sessionEnd anonymize track getTrackingId".split(" ")) {
    tag[method] = (...args: unknown[]) =>
      tag._q.push([method, args, { url: location.href, title: doc.title, ts: +new Date() }]);
  }
  script.src = "__SHOPALYTIC_HOST__/shopalytic.v1.js";
  // A strict policy lets no script in without the page's nonce.
  script.nonce = ((doc.currentScript as HTMLScriptElement | null) || script).nonce;
  doc.head.append(script);
  (tag as unknown as { init(token: string): void }).init("__SHOPALYTIC_TOKEN__");
}
