/**
 * Call context: from what a handler of grpc-js is given to the context of the call.
 *
 * @module
 */

import type { Metadata } from '@grpc/grpc-js';
import type { Context } from '@holdfast/core';

/** A call, as handlers of grpc-js get it: unary, or of any kind of stream. */
export interface HandledCall {
  readonly metadata: Metadata;
}

/**
 * Returns the context of a call: its deadline, its values, and its end.
 *
 * @throws TypeError when the call has none: the server was made without the interceptor of `createGrpcServing`.
 */
export function contextOf(call: HandledCall): Context {
  const context = contextOfCall(call);
  if (context !== undefined) return context;
  throw new TypeError(
    'this call has no context: make the server with `interceptors: [serving.interceptor]`, serving being of createGrpcServing',
  );
}

/** Notes the context of a call under what of it handlers get; interceptors nearer to them may replace the metadata. */
export function noteContext(metadata: Metadata, intercepting: object, context: Context): void {
  contexts.set(metadata, context);
  contexts.set(intercepting, context);
}

// --- internal ---

/** As above; undefined where there is none. */
function contextOfCall(call: HandledCall): Context | undefined {
  const { metadata, call: inner } = (call ?? {}) as { readonly metadata?: object; readonly call?: Layer };
  const found = metadata === undefined ? undefined : contexts.get(metadata);
  if (found !== undefined) return found;
  for (let layer = inner; typeof layer === 'object' && layer !== null; layer = layer.nextCall) {
    const own = contexts.get(layer);
    if (own !== undefined) return own;
  }
  return undefined;
}

/** A call of grpc-js, which has the one inside it. */
interface Layer {
  readonly nextCall?: Layer;
}

const contexts = new WeakMap<object, Context>();
