/**
 * Response: how answers are sent, also to a request that is still being sent itself.
 *
 * Closing a connection with unread bytes in it resets it, and the client may never see the answer. So an answer that
 * comes before the request has ended is written at once, and the connection closed when the rest has come, within limits.
 *
 * Invariants
 *  (1) Every answer says that it is not to be sniffed or framed, nor read by pages of others; and none is to be stored, but
 *      files whose names change with what is in them.
 *  (2) A connection whose request was not read to its end serves no other.
 *  (3) Waiting for such an end is limited, in bytes and in time.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Clock } from '@holdfast/core';

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly type?: 'application/json' | 'application/problem+json';
  readonly headers?: Readonly<Record<string, string>>;
}

/** What every answer says about itself. */
const GUARDS: Readonly<Record<string, string>> = Object.freeze({
  'Cache-Control': 'no-store', // (1)
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
});

/** Headers of a stream of events. */
export const STREAM_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  ...GUARDS,
  'Content-Type': 'text/event-stream',
  'X-Accel-Buffering': 'no', // a proxy must pass on what it gets
});

/** Sends `answer`; nothing that the client does can make it throw. */
export function send(response: ServerResponse, { status, body, type, headers }: Answer, clock: Clock): void {
  const { req: request } = response;
  if (response.headersSent || response.destroyed) return;
  const payload = `${JSON.stringify(body)}\n`;
  const isUnfinished = hasBody(request) && !request.complete;
  response.on('error', ignore);
  response.writeHead(status, {
    'Content-Type': type ?? 'application/json',
    'Content-Length': Buffer.byteLength(payload),
    ...GUARDS,
    ...(isUnfinished ? { Connection: 'close' } : {}), // (2)
    ...headers,
  });
  if (!isUnfinished || status === 408) {
    response.end(payload); // what did not come in time is not waited for any longer
    return;
  }
  response.write(payload);
  drain(request, clock, () => response.end());
}

/** Sends bytes as they are; nothing that the client does can make it throw. `headers` win over what every answer says. */
export function sendFile(
  response: ServerResponse,
  { status, bytes, headers }: { readonly status: number; readonly bytes: Buffer; readonly headers: Answer['headers'] },
): void {
  if (response.headersSent || response.destroyed) return;
  const isUnfinished = hasBody(response.req) && !response.req.complete;
  response.on('error', ignore);
  const closing = isUnfinished ? { Connection: 'close' } : {}; // (2)
  response.writeHead(status, { ...GUARDS, 'Content-Length': bytes.length, ...closing, ...headers }).end(bytes);
}

// --- internal ---

const MAX_DRAINED_BYTES = 1_048_576;
const MAX_DRAIN_MS = 1000;

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Reads what is left of `request` and drops it, then calls `done` once. */
function drain(request: IncomingMessage, clock: Clock, done: () => void): void {
  let drainedBytes = 0;
  const onData = (chunk: Buffer): void => {
    drainedBytes += chunk.length;
    if (drainedBytes > MAX_DRAINED_BYTES) stop(); // (3)
  };
  const timer = clock.setTimer(() => stop(), MAX_DRAIN_MS); // (3)
  const stop = (): void => {
    timer.cancel();
    request.off('data', onData).off('end', stop).off('close', stop);
    done();
  };
  request.on('error', ignore);
  if (request.destroyed) stop();
  else request.on('data', onData).on('end', stop).on('close', stop);
}

function ignore(): void {}
