/**
 * Loopback: which addresses and names stand for this machine and no other.
 *
 * Invariants
 *  (1) A name that somebody else could make point here is not one of them: only literal addresses and `localhost` are.
 *  (2) A peer without an address is not on this machine, unless it came by a pipe: a socket also loses its address when
 *      its peer resets it, wherever that is.
 *
 * Source: RFC 1122 section 3.2.1.3 (127.0.0.0/8), RFC 4291 section 2.5.3 (::1), RFC 6761 section 6.3 (localhost).
 *
 * @module
 */

import { type Server, type Socket, isIP } from 'node:net';

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

/** Whether the other end of a socket that a server has accepted is on this machine. */
export function isLoopbackPeer(socket: Socket): boolean {
  const { remoteAddress } = socket;
  return remoteAddress === undefined ? isPipe(socket) : isLoopbackHost(remoteAddress); // (2)
}

// --- internal ---

/** Whether a server listens on a Unix domain socket or a Windows pipe: the address of such a one is its path. */
function isPipe({ server }: AcceptedSocket): boolean {
  return typeof server?.address() === 'string';
}

/** Node sets `server` on each socket that a server accepts. A server that has been closed has no address any more. */
type AcceptedSocket = Socket & { readonly server?: Pick<Server, 'address'> };
