/**
 * Context codec: carries the deadline, the criticality, the trace and the declared values of a request over a border.
 *
 * ```
 *   Context ── inject ──► carrier ~~~ HTTP, gRPC, a queue ~~~► carrier ── extract ──► Context of the next service
 *                                                            parent ──────┘
 * ```
 *
 * Invariants
 *  (1) The context that is extracted ends no later than its parent, and no later than the caller's context would.
 *  (2) Only what `send` names leaves, and only what `accept` names enters.
 *  (3) No carrier makes `extract` throw, and no value makes `inject` throw; what cannot be carried is left out and counted.
 *
 * @module
 */

import { type CancellableContext, Context, requireContext } from '@holdfast/core';

import { type CarrierReader, type CarrierWriter, clearCarrier, readCarrier, writeCarrier } from './carrier.ts';
import { type CodecSettings, type ContextCodecOptions, resolveCodecOptions } from './codec-options.ts';
import { type DropCounts, Drops } from './drops.ts';
import { InboundCodec } from './inbound-codec.ts';
import { OutboundCodec } from './outbound-codec.ts';

/** What carries a context over borders. It holds counts only: one codec may serve any number of requests. */
export interface ContextCodec {
  /**
   * Writes what of `context` may leave into `carrier`, and returns it. What is in there under the prefix, as in headers that
   * are passed on, is taken out first; a time that is left in there is kept where it is shorter than the context's, and
   * replaced where it is longer. `write` is for carriers that need a way of their own.
   *
   * @throws TypeError when `context` is no context or `carrier` no object, or an array without `write`; and what the carrier
   * throws, if it cannot be written.
   */
  inject<C extends object>(context: Context, carrier: C, write?: CarrierWriter<C>): C;
  /**
   * Derives from `parent` the context of the request that came with `carrier`: with the values, the trace and the criticality
   * that are accepted, and with the caller's deadline if that is earlier than the parent's. Cancel it when the request is
   * over. Never throws because of `carrier`; whatever it is, it adds nothing at worst.
   *
   * @throws TypeError when `parent` is no context.
   */
  extract<C>(carrier: C, parent?: Context, read?: CarrierReader<C>): CancellableContext;
  /** Bytes of the names and values that `inject` would send of `context`. */
  sizeOf(context: Context): number;
  /** What was left out since the codec was made. */
  readonly dropped: { readonly in: DropCounts; readonly out: DropCounts };
}

/**
 * Creates a codec. By default it carries the deadline, the trace and the id of requests, and no value in either direction.
 *
 * @throws ConfigError when an option is not valid.
 *
 * @example
 * ```ts
 * const codec = createContextCodec({ schema, accept: ['region'], send: 'all' });
 * const request = codec.extract(incoming.headers, Context.background.withTimeout(5000));
 * const headers = codec.inject(request, {});
 * ```
 */
export function createContextCodec(options: ContextCodecOptions = {}): ContextCodec {
  const settings: CodecSettings = resolveCodecOptions(options);
  const [dropsIn, dropsOut] = [new Drops(), new Drops()];
  const inbound = new InboundCodec(settings, dropsIn);
  const outbound = new OutboundCodec(settings, dropsOut);

  return Object.freeze({
    inject<C extends object>(context: Context, carrier: C, write?: CarrierWriter<C>): C {
      requireContext('inject', context);
      requireCarrier(carrier, write !== undefined);
      const headers = outbound.headersOf(context, carrier);
      const names = new Set(headers.map(([name]) => name));
      clearCarrier(carrier, (lower, name) => outbound.isOwn(lower) || (lower !== name && names.has(lower)));
      for (const [name, text] of headers) (write ?? writeCarrier)(carrier, name, text);
      return carrier;
    },
    extract<C>(carrier: C, parent: Context = Context.background, read?: CarrierReader<C>): CancellableContext {
      requireContext('extract', parent);
      return inbound.derive(parent, readCarrier(carrier, inbound.names, read));
    },
    sizeOf: (context: Context): number => outbound.sizeOf(context),
    dropped: Object.freeze({ in: dropsIn, out: dropsOut }),
  });
}

// --- internal ---

function requireCarrier(carrier: unknown, hasWriter: boolean): void {
  if (typeof carrier !== 'object' || carrier === null)
    throw new TypeError(`inject needs a carrier, got ${carrier === null ? 'null' : typeof carrier}`);
  if (Array.isArray(carrier) && !hasWriter)
    throw new TypeError(
      'inject needs a carrier with names, got an array; hand in an object, or a function that writes',
    );
}
