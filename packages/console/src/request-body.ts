/**
 * Request body: a JSON object that came over the wire, within limits of size and time.
 *
 * Invariants
 *  (1) No more than `MAX_BODY_BYTES` are kept, whatever the headers say.
 *  (2) A body that is not there in time is given up, also if it trickles in.
 *  (3) Nothing that a client sends is an error of ours: it is a problem with a status from 400 to 499.
 *
 * @module
 */

import type { IncomingMessage } from 'node:http';

import type { Clock } from '@holdfast/core';

import { Problem } from './api/problem.ts';

/** The longest body that is read: 16 KiB. */
const MAX_BODY_BYTES = 16_384;

/** How long a body may take. */
export interface BodyDeadline {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** The client went away before it had sent its request. There is nobody to answer. */
export class ClientGone extends Error {}

/**
 * Reads the body of `request` as a JSON object.
 *
 * @throws Problem when it is no JSON object (400), late (408), too large (413) or of another type (415).
 * @throws ClientGone when the connection ends first.
 */
export async function readJsonObject(
  request: IncomingMessage,
  deadline: BodyDeadline,
): Promise<Readonly<Record<string, unknown>>> {
  checkType(request.headers['content-type'], request.headers['content-encoding']);
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const { body } = request as { readonly body?: unknown };
  if (request.readableEnded && body !== undefined) return requireObject(body); // a framework has read and parsed it
  if (request.readableEnded) throw new Error('the body was read by somebody else before the admin handler was called');
  return parseObject(await readBytes(request, deadline));
}

// --- internal ---

function checkType(type: string | undefined, encoding: string | undefined): void {
  const [mediaType, ...parameters] = (type ?? '').split(';').map((part) => part.trim().toLowerCase());
  const isJson = mediaType === 'application/json' && parameters.every((one) => /^(charset="?utf-8"?)?$/.test(one));
  if (!isJson) throw new Problem(415, 'the body must be application/json in UTF-8', { code: 'NOT_JSON' });
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    throw new Problem(415, 'the body must not be compressed', { code: 'NOT_JSON' }, { 'Accept-Encoding': 'identity' });
}

function readBytes(request: IncomingMessage, { clock, timeoutMs }: BodyDeadline): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) settle(() => reject(tooLarge())); // (1)
      else chunks.push(chunk);
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const onGone = (): void => settle(() => reject(new ClientGone()));
    const timer = clock.setTimer(() => settle(() => reject(late(timeoutMs))), timeoutMs); // (2)
    const settle = (report: () => void): void => {
      timer.cancel();
      request.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone);
      request.on('error', ignore); // a connection that breaks later must not throw
      report();
    };
    request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
  });
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    const what = bytes.length === 0 ? 'it is empty' : 'it is not valid JSON';
    throw new Problem(400, `the body must be a JSON object; ${what}`, { code: 'INVALID_BODY' });
  }
  return requireObject(value);
}

function requireObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Problem(400, 'the body must be a JSON object', { code: 'INVALID_BODY' });
  return value as Readonly<Record<string, unknown>>;
}

function ignore(): void {}

function tooLarge(): Problem {
  return new Problem(413, `the body must be at most ${MAX_BODY_BYTES} bytes`, { code: 'BODY_TOO_LARGE' });
}

function late(timeoutMs: number): Problem {
  return new Problem(408, `the body must arrive within ${timeoutMs} ms`, { code: 'BODY_LATE' });
}
