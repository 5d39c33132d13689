/**
 * Send stream: long answers that end when nobody takes them any more: streams of chunks, and server-sent events.
 *
 * Source: HTML Living Standard, "Server-sent events", WHATWG, https://html.spec.whatwg.org/multipage/server-sent-events.html.
 * Deviation: none.
 *
 * @module
 */

import { callHook, type Context, inRange, requireContext } from '@holdfast/core';

import type { OutgoingResponse } from './http-message.ts';
import { flow, resolveStreamOptions, type StreamEnding, type StreamOptions, type StreamSource } from './stream-flow.ts';

/** One event: a text, or an object with its parts. What of `data` is no text is sent as JSON. */
export type ServerSentEvent = string | EventParts;

/** The parts of an event. */
export interface EventParts {
  readonly data: unknown;
  /** Its type; `message` by default. */
  readonly event?: string;
  /** Its id, with which a client that comes back says where it was. */
  readonly id?: string;
  /** After what time a client that was cut off is to come back. Milliseconds. */
  readonly retryMs?: number;
}

/** A comment, which is nothing to whoever reads. */
export const HEARTBEAT = ':\n\n';

/** Options of {@link sendEvents}. */
export interface EventStreamOptions extends StreamOptions {
  /**
   * How often a comment is sent, so that nobody between takes the connection for dead. It does not count as something that moves.
   * Milliseconds, 1 to Infinity; 15 000 by default; Infinity sends none.
   */
  readonly heartbeatMs?: number;
}

/** The headers of an event stream. */
export const eventStreamHeaders: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
});

/**
 * Sends what `source` gives as the body of `response`, and ends it. Set the head before. When the context ends (the client goes, the
 * server closes), or a limit passes, the source is stopped: its context ends, and its `finally` runs.
 *
 * @throws what the source throws; then the response was begun, and is to be broken off.
 */
export async function sendStream(
  context: Context,
  response: OutgoingResponse,
  source: StreamSource<string | Uint8Array>,
  options: StreamOptions = {},
): Promise<StreamEnding> {
  requireContext('sendStream', context);
  const give = (chunk: string | Uint8Array): Promise<void> | undefined => write(response, chunk);
  const ending = await flow(context, { source, give, options: resolveStreamOptions(options) });
  if (!response.writableEnded && response.destroyed !== true) response.end();
  return ending;
}

/**
 * Sends what `source` gives as server-sent events, and ends `response`. As {@link sendStream}, with the head.
 *
 * @throws what the source throws; then the response was begun, and is to be broken off.
 *
 * @example
 * ```ts
 * await sendEvents(context, response, async function* (context) {
 *   for await (const price of prices(context)) yield { event: 'price', data: price };
 * });
 * ```
 */
export async function sendEvents(
  context: Context,
  response: OutgoingResponse,
  source: StreamSource<ServerSentEvent>,
  options: EventStreamOptions = {},
): Promise<StreamEnding> {
  requireContext('sendEvents', context);
  const { heartbeatMs, limits } = resolveEventOptions(options);
  for (const [name, value] of Object.entries(eventStreamHeaders)) response.setHeader(name, value);
  response.write(HEARTBEAT); // so that the client hears at once that it is open
  const stop = beat(heartbeatMs, limits, () => void (response.writableEnded || response.write(HEARTBEAT)));
  try {
    const give = (event: ServerSentEvent): Promise<void> | undefined => write(response, formatEvent(event));
    const ending = await flow(context, { source, give, options: limits });
    if (!response.writableEnded && response.destroyed !== true) response.end();
    return ending;
  } finally {
    stop();
  }
}

/** Writes an event as it goes over the wire. */
export function formatEvent(event: ServerSentEvent): string {
  const { data, event: type, id, retryMs }: EventParts = typeof event === 'string' ? { data: event } : event;
  const text = typeof data === 'string' ? data : (JSON.stringify(data) ?? '');
  const lines = text.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  const head = [
    ...(id === undefined ? [] : [`id: ${oneLine(id)}\n`]),
    ...(type === undefined ? [] : [`event: ${oneLine(type)}\n`]),
    ...(retryMs === undefined ? [] : [`retry: ${Math.max(0, Math.round(retryMs))}\n`]),
  ];
  return `${head.join('')}${lines.join('')}\n`;
}

/** Checks and completes options. */
export function resolveEventOptions(options: EventStreamOptions): {
  readonly heartbeatMs: number;
  readonly limits: Required<StreamOptions>;
} {
  const { heartbeatMs = 15_000, ...rest } = options;
  inRange('stream.heartbeatMs', heartbeatMs, [1, Infinity]);
  return { heartbeatMs, limits: resolveStreamOptions(rest) };
}

/** Calls `send` again and again, until what it returns is called. */
export function beat(everyMs: number, { clock }: Required<StreamOptions>, send: () => void): () => void {
  if (everyMs === Infinity) return () => {};
  let timer = clock.setTimer(tick, everyMs);
  function tick(): void {
    callHook('heartbeat', undefined, send);
    timer = clock.setTimer(tick, everyMs);
  }
  return () => timer.cancel();
}

// --- internal ---

/** Takes out what would begin another field. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\0]/g, ' ');
}

/** Writes, and promises the moment in which there is room again; undefined where there is. */
function write(response: OutgoingResponse, chunk: string | Uint8Array): Promise<void> | undefined {
  if (response.writableEnded || response.destroyed === true) return undefined;
  if (response.write(chunk)) return undefined;
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}
