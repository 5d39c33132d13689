/**
 * Page origin: whether a request comes from a web page of somebody else.
 *
 * There is no cookie that a browser would add by itself, so such a request has no token of its own. It is refused all the same,
 * before anything else is looked at: a page that got hold of a token must not be able to use it from elsewhere.
 *
 * Invariants
 *  (1) A browser says where a request comes from, in `Sec-Fetch-Site` or `Origin`; what says neither is no browser.
 *  (2) An origin is this one only if it has the authority that the request was sent to.
 *
 * Source: Fetch Metadata Request Headers, W3C, https://www.w3.org/TR/fetch-metadata/.
 *
 * @module
 */

import type { IncomingHttpHeaders } from 'node:http';

/** Whether a browser says that a page of another origin sent the request. */
export function isOfAnotherPage({ origin, host, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true; // (1)
  return origin !== undefined && authorityOf(origin) !== host?.toLowerCase(); // (2)
}

// --- internal ---

function authorityOf(origin: string): string | undefined {
  return /^https?:\/\/([^/?#@\s]+)$/i.exec(origin)?.[1]?.toLowerCase();
}
