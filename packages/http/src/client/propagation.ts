/**
 * Propagation: which origins are told what is in the context: the time left, the trace, the id and the values that `send` names.
 *
 * Invariants
 *  (1) An origin that is not trusted is told nothing: by default that is every one but the origin that the caller called.
 *
 * @module
 */

import type { ContextCodec } from '@holdfast/context';
import { ConfigError, type Context, askHook } from '@holdfast/core';

import { createHttpCodec } from '../codec.ts';

/** What decides who is told. */
export interface PropagationOptions {
  /** What carries the context. By default the deadline, the trace and the id of the request: `createHttpCodec()`. */
  readonly codec?: Pick<ContextCodec, 'inject'>;
  /**
   * The origins that are told what is in the context, `https://orders.internal`, or a function that says which. By default the one
   * that is called, and none that it redirects to.
   */
  readonly propagateTo?: readonly string[] | ((origin: string) => boolean);
}

/** Where a request goes. */
interface Hop {
  readonly origin: string;
  /** The origin that the caller called, of which the others are redirects. */
  readonly calledOrigin: string;
}

/** Writes what of a context may go to an origin. */
export interface Propagation {
  /** Whether an origin is told. */
  isTrusted(hop: Hop): boolean;
  /** Writes into headers, which are changed, what `hop` may be told. */
  inject<H extends object>(context: Context, headers: H, hop: Hop): H;
}

/**
 * Creates what writes contexts into headers.
 *
 * @throws ConfigError when an option is not valid.
 */
export function createPropagation(place: string, { codec, propagateTo }: PropagationOptions): Propagation {
  const carrier = codec ?? createHttpCodec();
  if (typeof carrier.inject !== 'function') throw new ConfigError(`${place}.codec`, 'a codec', codec);
  const trusts = trustOf(place, propagateTo);
  const isTrusted = (hop: Hop): boolean => trusts?.(hop.origin) ?? hop.origin === hop.calledOrigin; // (1)
  return {
    isTrusted,
    inject: (context, headers, hop) => (isTrusted(hop) ? carrier.inject(context, headers) : headers),
  };
}

/** Headers that are for one origin only. */
export const credentialHeaders: readonly string[] = ['authorization', 'cookie', 'proxy-authorization', 'host'];

// --- internal ---

function trustOf(
  place: string,
  propagateTo: PropagationOptions['propagateTo'],
): ((origin: string) => boolean) | undefined {
  if (propagateTo === undefined) return undefined;
  if (typeof propagateTo === 'function')
    return (origin) =>
      askHook(
        'propagateTo',
        place,
        () => propagateTo(origin),
        () => false,
      );
  const option = `${place}.propagateTo`;
  if (!Array.isArray(propagateTo)) throw new ConfigError(option, 'an array of origins, or a function', propagateTo);
  const origins = new Set((propagateTo as readonly unknown[]).map((origin) => originIn(option, origin)));
  return (origin) => origins.has(origin);
}

function originIn(option: string, text: unknown): string {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url !== undefined && url.origin !== 'null' && url.href === `${url.origin}/`;
  if (!isOrigin) throw new ConfigError(option, 'origins, as https://orders.internal', text);
  return url.origin;
}
