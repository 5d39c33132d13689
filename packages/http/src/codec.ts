/**
 * HTTP codec: what of a context travels in the headers of HTTP, in both directions.
 *
 *   Context ── inject ──► x-request-timeout, x-request-id, traceparent, x-context-… ── extract ──► Context of the next service
 *
 * It is the codec of `@holdfast/context` with defaults for HTTP: the time left travels, not an instant, and a request without
 * an id gets one. One codec may serve servers and clients of a service at the same time.
 *
 * @module
 */

import {
  type ContextCodec,
  type ContextCodecOptions,
  contextCodecDefaults,
  createContextCodec,
} from '@holdfast/context';

/** Options of {@link createHttpCodec}. Omitted ones take {@link httpCodecDefaults}. */
export interface HttpCodecOptions extends Omit<ContextCodecOptions, 'transit' | 'requestId'> {
  /**
   * `continue` the caller's id, `start` one where there is none, or `ignore` ids: what is in `x-request-id`.
   * @defaultValue 'start'
   */
  readonly requestId?: 'continue' | 'start' | 'ignore';
}

/** What {@link createHttpCodec} does otherwise than the codec of `@holdfast/context`. */
export const httpCodecDefaults: Required<Omit<HttpCodecOptions, 'schema'>> = Object.freeze({
  ...withoutTransit(),
  requestId: 'start',
});

/**
 * Creates what carries a context over HTTP. By default that is the deadline, the trace and the id of the request; a request that
 * comes without an id gets one. Values travel only if the `schema` declares them, and `accept` or `send` names them.
 *
 * @throws ConfigError when an option is not valid.
 *
 * @example
 * ```ts
 * const codec = createHttpCodec({ schema, accept: ['region'], send: ['region'] });
 * ```
 */
export function createHttpCodec(options: HttpCodecOptions = {}): ContextCodec {
  const { requestId = httpCodecDefaults.requestId } = options;
  return createContextCodec({ ...options, requestId });
}

// --- internal ---

function withoutTransit(): Required<Omit<HttpCodecOptions, 'schema'>> {
  const { transit: _transit, ...defaults } = contextCodecDefaults;
  return defaults;
}
