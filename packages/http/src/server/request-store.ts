/**
 * Request store: which context a request has, for whoever holds the request.
 *
 * Invariants
 *  (1) Nothing here keeps a request, or a context, alive.
 *  (2) What replaces a context of a request derives from it, and has its end: deadline and cancellation cannot get lost.
 *
 * @module
 */

import { type Context, type ContextKey, contextKey, isContext } from '@holdfast/core';

import { fieldOf } from '../field-of.ts';
import { MissingRequestContextError } from './request-error.ts';

/** Any object that stands for a request: of node:http, a framework's, or a Fetch `Request`. */
export type RequestLike = object;

/**
 * Returns the context of `request`: with the values that middleware has added so far.
 *
 * @throws MissingRequestContextError where it has none: `request` did not pass the middleware that makes it, or is something else.
 *
 * @example
 * ```ts
 * const rows = await database.read(contextOf(request), 'select sku from stock');
 * ```
 */
export function contextOf(request: RequestLike): Context {
  const entry = entryOf(request);
  if (entry === undefined)
    throw new MissingRequestContextError(
      'nothing has made one for it; is the middleware in place, before this handler, and is this the request?',
    );
  return entry.context;
}

/** Returns whether `request` has a context. Never throws. */
export function hasContext(request: unknown): boolean {
  return entryOf(request) !== undefined;
}

/**
 * Replaces the context of `request`, for all handlers that come after, by what `derive` makes of it: with the user, the tenant, the
 * region. Those who hold the one before keep it: a context never changes. Returns the new one.
 *
 * @throws MissingRequestContextError where `request` has none.
 * @throws TypeError when what `derive` returns does not derive from the context that it was given, or has lost its end, as after
 * `withoutCancel()`.
 *
 * @example
 * ```ts
 * extendContext(request, (context) => context.withValue(user, claims.sub));
 * ```
 */
export function extendContext(request: RequestLike, derive: (context: Context) => Context): Context {
  const before = contextOf(request);
  const after = derive(before);
  requireDerived(before, after); // (2)
  const entry = entryOf(request);
  if (entry !== undefined) entry.context = after;
  return after;
}

/** Where one request has its context. */
export interface StoreEntry {
  context: Context;
}

/** Marks contexts as those of one request. */
export const requestMark: ContextKey<object> = contextKey<object>('the mark of the request');

/** Notes `entry` for an object that stands for a request. */
export function storeEntry(request: RequestLike, entry: StoreEntry): void {
  entries.set(request, entry); // (1)
}

/** Returns the entry of a request, or of what a framework has made of it; undefined where there is none. */
export function entryOf(request: unknown): StoreEntry | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  return entries.get(request) ?? entries.get(field(request, 'raw')) ?? entries.get(field(request, 'req'));
}

/**
 * Checks what has become of the context of a request.
 *
 * @throws TypeError when it is none, is of another request, or has lost its end.
 */
export function requireDerived(before: Context, after: unknown): asserts after is Context {
  if (!isContext(after))
    throw new TypeError(`the context of a request must be replaced by a context, got ${typeof after}`);
  const isSame = after.value(requestMark) === before.value(requestMark);
  if (!isSame) throw new TypeError('the context of a request must be replaced by one that is derived from it');
  if (after.deadline > before.deadline || (before.cancelled && !after.cancelled))
    throw new TypeError('the context of a request must keep its end: do not use withoutCancel() here');
}

// --- internal ---

const entries = new WeakMap<object, StoreEntry>();

/** What frameworks put the original request under; an object that is nobody's request where there is nothing. */
function field(request: object, name: 'raw' | 'req'): object {
  const value = fieldOf(request, name);
  return typeof value === 'object' && value !== null ? value : request;
}
