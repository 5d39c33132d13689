/**
 * Fetch options: what {@link createFetch} can be told.
 *
 * @module
 */

import { ConfigError, type Policy, integerInRange, isFunction, withKnown } from '@holdfast/core';

import { checkCallLimits } from '../client/call-limits.ts';
import { type Propagation, type PropagationOptions, createPropagation } from '../client/propagation.ts';

/** A function of the shape of `fetch`. */
export type FetchLike = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Options of {@link createFetch}. Omitted ones take {@link createFetchDefaults}. */
export interface CreateFetchOptions extends PropagationOptions {
  /** What sends. By default the global `fetch`, as it is at the time of the call. */
  readonly fetch?: FetchLike;
  /** What relative URLs are resolved against: `https://orders.internal`. */
  readonly baseUrl?: string | URL;
  /** What each call goes through: a pipeline, as {@link httpPolicies} makes one. By default none. */
  readonly policy?: Policy<unknown>;
  /**
   * Bound of a whole call, with its tries and its body, beside that of the context. Milliseconds, 1 to Infinity; Infinity leaves
   * it to the context. @defaultValue Infinity
   */
  readonly timeoutMs?: number;
  /** Time that a request needs to be of use: with less left, none is sent. Milliseconds, 0 to 600 000. @defaultValue 1 */
  readonly minTimeLeftMs?: number;
  /** Redirects that are followed. Integer, 0 to 20; 0 follows none. @defaultValue 10 */
  readonly maxRedirects?: number;
}

/** Every default of {@link createFetch}, in one place. */
export const createFetchDefaults: {
  readonly timeoutMs: number;
  readonly minTimeLeftMs: number;
  readonly maxRedirects: number;
} = Object.freeze({ timeoutMs: Infinity, minTimeLeftMs: 1, maxRedirects: 10 });

/** Options that are complete and valid. */
export interface FetchSettings {
  /** Undefined for the global one. */
  readonly fetch: FetchLike | undefined;
  readonly baseUrl: URL | undefined;
  readonly policy: Policy<unknown> | undefined;
  readonly propagation: Propagation;
  readonly timeoutMs: number;
  readonly minTimeLeftMs: number;
  readonly maxRedirects: number;
}

/**
 * Checks and completes options.
 *
 * @throws ConfigError when one is not valid.
 */
export function resolveFetchOptions(options: CreateFetchOptions): FetchSettings {
  const { codec, propagateTo, ...resolved } = withKnown('createFetch', createFetchDefaults, options, optional);
  if (resolved.fetch !== undefined) isFunction('createFetch.fetch', resolved.fetch);
  checkCallLimits('createFetch', resolved);
  integerInRange('createFetch.maxRedirects', resolved.maxRedirects, [0, 20]);
  return {
    ...resolved,
    fetch: resolved.fetch,
    policy: resolved.policy,
    baseUrl: baseOf(resolved.baseUrl),
    propagation: createPropagation('createFetch', {
      ...(codec !== undefined && { codec }),
      ...(propagateTo !== undefined && { propagateTo }),
    }),
  };
}

// --- internal ---

const optional = ['fetch', 'baseUrl', 'policy', 'codec', 'propagateTo'];

function baseOf(baseUrl: string | URL | undefined): URL | undefined {
  if (baseUrl === undefined) return undefined;
  if (!URL.canParse(String(baseUrl))) throw new ConfigError('createFetch.baseUrl', 'an absolute URL', baseUrl);
  return new URL(String(baseUrl));
}
