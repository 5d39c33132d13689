/**
 * HTTP message: the least that is needed of a request and a response of `node:http` and `node:http2`, and how they are used.
 *
 * @module
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { Http2Session } from 'node:http2';
import type { EventEmitter } from 'node:events';

import type { HttpProblem } from '../problem.ts';

/** A request, as of `node:http` or `node:http2`. */
export interface IncomingRequest {
  readonly headers: IncomingHttpHeaders;
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersionMajor?: number | undefined;
  readonly socket?: object | null | undefined;
  readonly complete?: boolean | undefined;
  readonly errored?: unknown;
  resume?(): unknown;
}

/** A response, as of `node:http` or `node:http2`. */
export interface OutgoingResponse {
  statusCode: number;
  statusMessage?: string;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly destroyed?: boolean | undefined;
  readonly errored?: unknown;
  shouldKeepAlive?: boolean;
  on(event: 'close', listener: () => void): unknown;
  once(event: 'close' | 'drain', listener: () => void): unknown;
  off(event: 'close' | 'drain', listener: () => void): unknown;
  setHeader(name: string, value: string): unknown;
  hasHeader(name: string): boolean;
  removeHeader(name: string): unknown;
  writeHead(status: number): unknown;
  write(chunk: string | Uint8Array): boolean;
  end(body?: string): unknown;
  destroy?(error?: Error): unknown;
}

/**
 * Whether a request was lost before all of it had come. Its handler may learn of that before its response does, and answer what nobody
 * hears.
 */
export function wasLost({ complete, errored }: IncomingRequest): boolean {
  return complete === false && (errored as { readonly code?: unknown } | null | undefined)?.code === 'ECONNRESET';
}

/** Headers that a handler may have set for an answer that is not given. */
export const headersOfAnother: readonly string[] = [
  'accept-ranges',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-md5',
  'content-range',
  'etag',
  'expires',
  'last-modified',
  'trailer',
  'transfer-encoding',
];

/** Writes `problem` as the whole answer. */
export function writeProblem(request: IncomingRequest, response: OutgoingResponse, problem: HttpProblem): void {
  for (const name of headersOfAnother) response.removeHeader(name);
  response.statusCode = problem.status;
  if (request.httpVersionMajor === 1) response.statusMessage = ''; // then the usual one of the status is sent
  for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
  request.resume?.(); // a body that nobody reads would keep the answer from those who send all of it first
  response.end(problem.body);
}

/** Has the connection end with this answer, where that is a matter of the answer: of HTTP/1.1, before its head is sent. */
export function closeConnection(request: IncomingRequest, response: OutgoingResponse): void {
  if (request.httpVersionMajor === 2) {
    (response as { readonly stream?: { readonly session?: Http2Session } }).stream?.session?.close();
    return;
  }
  if (response.headersSent) return;
  response.shouldKeepAlive = false;
  response.setHeader('connection', 'close');
}

/**
 * Makes a response that was answered for its handler deaf: what the handler still does with it has no effect and throws nothing,
 * so that a callback which comes late does not end the process.
 */
export function makeDeaf(response: OutgoingResponse): void {
  const self = (): OutgoingResponse => response;
  const methods = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader', 'writeHead', 'flushHeaders', 'end'];
  for (const name of methods) override(response, name, self);
  for (const name of ['write', 'writeContinue', 'writeProcessing']) override(response, name, () => true);
}

/** Calls `before` when the head of the response is about to be written, in whatever way that comes about. */
export function beforeHead(response: OutgoingResponse, before: () => void): void {
  const writeHead = (response as unknown as { writeHead: (...args: unknown[]) => unknown }).writeHead;
  override(response, 'writeHead', function (this: unknown, ...args: unknown[]) {
    if (!response.headersSent) before();
    return writeHead.apply(this, args);
  });
}

/** Something that tells when it is closed. */
export type Closable = Pick<EventEmitter, 'once' | 'off'>;

// --- internal ---

function override(response: OutgoingResponse, name: string, value: unknown): void {
  Object.defineProperty(response, name, { value, configurable: true, writable: true });
}
