/**
 * Admin client: the API as a command speaks to it.
 *
 * Invariants
 *  (1) The token goes to the API only, never unencrypted to another machine unless somebody insists, and is in no message.
 *  (2) Whatever the other side answers, the outcome is its answer or a CommandError with an exit code.
 *  (3) Where a change may have been made without an answer, the error says so.
 *
 * @module
 */

import { type JsonSchema, messageOf } from '@holdfast/core';

import { isLoopbackHost } from '../loopback.ts';
import { CommandError, exitCodes, usageError } from './command-error.ts';
import { type CommandLine, readTime } from './command-line.ts';
import type { CommandWorld } from './command-world.ts';

/** A client of one API. */
export interface AdminClient {
  readonly url: string;
  /** Asks, and returns the JSON of the answer. */
  ask(method: string, path: string, body?: JsonSchema): Promise<Record<string, unknown>>;
  /** Opens the stream of events. */
  open(lastEventId: string | undefined, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** Makes the client that a command line asks for. Throws a CommandError where address or token are no good. */
export function adminClient({ options }: Pick<CommandLine, 'options'>, world: CommandWorld): AdminClient {
  const url = urlOf(String(options['url'] ?? world.env['HOLDFAST_URL'] ?? DEFAULT_URL), options['insecure'] === true);
  const token = tokenOf(options['token-file'], world);
  const timeoutMs = readTime('timeout', String(options['timeout'] ?? '10s'));
  const call: Call = { url, token, timeoutMs, world };
  return {
    url,
    ask: (method, path, body) => send(call, { method, path, body }, (response) => jsonOf(call, response)),
    open: (lastEventId, signal) => {
      const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
      return send(call, { method: 'GET', path: '/events', headers, signal }, ({ body }) => {
        if (body === null) throw unreached(call, 'it sent no stream');
        return body;
      });
    },
  };
}

// --- internal ---

const DEFAULT_URL = 'http://127.0.0.1:9090';

interface Call {
  readonly url: string;
  readonly token: string;
  readonly timeoutMs: number;
  readonly world: CommandWorld;
}

interface Question {
  readonly method: string;
  readonly path: string;
  readonly body?: JsonSchema | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

function urlOf(text: string, isInsecure: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || hasMore(url))
    throw usageError(
      '--url must be an http or https address without a user, a password, a query or a #, and so must HOLDFAST_URL',
    );
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (url.protocol === 'http:' && !isLoopbackHost(host) && !isInsecure)
    throw usageError(`the token would go to ${host} unencrypted: use https, a tunnel, or --insecure`); // (1)
  return url.href.replace(/\/$/, '');
}

/** Whether an address has parts that a path cannot follow, or that would be shown in messages. */
function hasMore({ username, password, search, hash }: URL): boolean {
  return [username, password, search, hash].some((part) => part !== '');
}

function tokenOf(file: string | boolean | undefined, world: CommandWorld): string {
  const path = typeof file === 'string' ? file : world.env['HOLDFAST_TOKEN_FILE'];
  const isFile = typeof file === 'string' || (path !== undefined && !world.env['HOLDFAST_TOKEN']);
  const token = (isFile && path !== undefined ? readToken(path, world) : (world.env['HOLDFAST_TOKEN'] ?? '')).trim();
  if (token === '')
    throw new CommandError(exitCodes.denied, 'no token: set HOLDFAST_TOKEN, or name a file with --token-file');
  if (/[^\u0021-\u007e]/.test(token)) throw usageError('the token must be one word of printable ASCII'); // (1): without it
  return token;
}

function readToken(path: string, world: CommandWorld): string {
  try {
    const mode = world.fileMode(path);
    if (mode !== undefined && (mode & 0o077) !== 0) world.warn(`${path} can be read by others: chmod 600 ${path}`);
    return world.readFile(path);
  } catch (error) {
    throw usageError(`--token-file cannot be read: ${messageOf(error)}`);
  }
}

/** Asks, and has `read` read the answer; both together within the time that there is. */
async function send<T>(
  call: Call,
  { method, path, body, headers, signal }: Question,
  read: (response: Response) => T | Promise<T>,
): Promise<T> {
  const { url, token, timeoutMs, world } = call;
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const timer = world.clock.setTimer(stop, timeoutMs);
  signal?.addEventListener('abort', stop);
  try {
    const response = await world.fetch(url + path, {
      method,
      headers: { ...headers, Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) },
      redirect: 'error', // (1)
      signal: controller.signal,
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw await problemOf(call, response);
    return await read(response);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw failureOf(call, error, { isLate: controller.signal.aborted, isChange: method !== 'GET' });
  } finally {
    timer.cancel();
  }
}

async function jsonOf(call: Call, response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  const value = parsed(text);
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw unreached(call, 'what answers there is no Holdfast admin API');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the API refuses, with its own words; what is no problem of the API, is no API. */
async function problemOf(call: Call, response: Response): Promise<CommandError> {
  const { status } = response;
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') === true;
  if (!isProblem) return unreached(call, `it answered ${status}, as no Holdfast admin API does`);
  const { detail, code, mayHaveChanged } = await jsonOf(call, response);
  const exitCode = mayHaveChanged === true ? exitCodes.unconfirmed : exitCodeOf(status);
  return new CommandError(exitCode, String(detail), String(code));
}

function exitCodeOf(status: number): number {
  if (status === 500) return exitCodes.unreached;
  return DENIED.has(status) ? exitCodes.denied : exitCodes.refused;
}

const DENIED: ReadonlySet<number> = new Set([401, 403, 421]);

function unreached({ url }: Call, why: string): CommandError {
  return new CommandError(exitCodes.unreached, `${url}: ${why}`);
}

/** What a request without an answer has come to. */
function failureOf(
  call: Call,
  error: unknown,
  { isLate, isChange }: { readonly isLate: boolean; readonly isChange: boolean },
): CommandError {
  const why = isLate ? `no answer within ${call.timeoutMs} ms` : reasonOf(error);
  return isChange && (isLate || isBrokenOff(error)) ? unconfirmed(call, why) : unreached(call, why); // (2) (3)
}

function unconfirmed({ url }: Call, why: string): CommandError {
  const advice = 'it may have been done all the same: look before you try again';
  return new CommandError(exitCodes.unconfirmed, `${url}: ${why}; ${advice}`);
}

/** Whether a connection broke that may have carried the request. */
function isBrokenOff(error: unknown): boolean {
  const { code } = ((error as { cause?: unknown }).cause ?? {}) as { code?: unknown };
  return BROKEN_OFF.has(code);
}

const BROKEN_OFF: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** Why a fetch failed: what it wraps says more than it does. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const { code } = (cause ?? {}) as { code?: unknown };
  if (BROKEN_OFF.has(code)) return `${String(code)}: the connection broke before the answer came`;
  return typeof code === 'string' ? `${code}: nobody answers there` : messageOf(cause ?? error);
}
