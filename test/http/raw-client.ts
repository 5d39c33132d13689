/**
 * Raw client: requests over sockets of its own, so that they can be left at any point, in any way.
 *
 * @module
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** How a client leaves. */
export type Leaving = 'destroy' | 'reset' | 'half close';

/** A request that was sent, or a part of it. */
export interface SentRequest {
  /** Resolves when something was answered. */
  readonly answered: Promise<string>;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<unknown>;
  /** Reads nothing from now on. */
  pause(): void;
  leave(how: Leaving): void;
}

/** Sends `parts` as they are on a connection of its own. */
export async function sendRaw(port: number, ...parts: readonly string[]): Promise<SentRequest> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  for (const part of parts) socket.write(part);
  return {
    answered: firstData(socket),
    closed: new Promise((resolve) => socket.on('close', resolve)),
    pause: () => socket.pause(),
    leave: (how) => leave(socket, how),
  };
}

/** The head of a POST with a JSON body of `length` bytes. */
export function postHead(path: string, length: number): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
}

/** A GET. */
export function getHead(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`;
}

// --- internal ---

async function firstData(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}

function leave(socket: Socket, how: Leaving): void {
  if (how === 'half close') socket.end();
  else if (how === 'reset') socket.resetAndDestroy();
  else socket.destroy();
}
