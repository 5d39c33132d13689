/**
 * Loopback: which addresses and names stand for this machine and no other.
 *
 * Invariants
 *  (1) A name that somebody else could make point here is not one of them: only literal addresses and `localhost` are.
 *
 * Source: RFC 1122 section 3.2.1.3 (127.0.0.0/8), RFC 4291 section 2.5.3 (::1), RFC 6761 section 6.3 (localhost).
 *
 * @module
 */

import { isIP } from 'node:net';

/** Whether `host` is a loopback address, or the name that always is one. */
export function isLoopbackHost(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true;
  const address = host.toLowerCase().replace(/^::ffff:(?=127\.)/, '');
  return isIP(address) === 4 ? address.startsWith('127.') : address === '::1';
}

/** Whether the Host header of a request names this machine, with or without a port. Undefined does not. */
export function isLoopbackAuthority(header: string | undefined): boolean {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::\d{1,5})?$/.exec(header ?? '');
  const host = match?.[1] ?? match?.[2];
  return host !== undefined && isLoopbackHost(host);
}

/** Whether the other end of a socket is on this machine. A socket without an address is a local one of another kind. */
export function isLoopbackPeer(address: string | undefined): boolean {
  return address === undefined || isLoopbackHost(address);
}
