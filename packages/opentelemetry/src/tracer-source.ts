/**
 * Tracer source: the tracer that spans are made with, asked for at each call, or none while no SDK is registered.
 *
 * The API gives everybody a tracer, also where no SDK is: one whose spans are objects that do nothing. Its provider tells
 * whether there is more behind it, and what is behind it may come after this was set up, and go.
 *
 * Invariants
 *  (1) Where no SDK is registered there is no tracer, so that nothing is made for a call.
 *  (2) A provider that was handed in is the only one that is asked.
 *  (3) What a provider throws is reported, and there is no tracer.
 *
 * @module
 */

import { reportHookError } from '@holdfast/core';
import { ProxyTracerProvider, type Tracer, type TracerProvider, trace } from '@opentelemetry/api';

/** Finds the tracer of now. */
export class TracerSource {
  readonly #handedIn: TracerProvider | undefined;
  #provider: TracerProvider | undefined;
  #tracer: Tracer | undefined;

  constructor(handedIn: TracerProvider | undefined) {
    this.#handedIn = handedIn;
  }

  /** The tracer of now; undefined where no SDK is registered. */
  tracer(): Tracer | undefined {
    const provider = this.#handedIn ?? registeredProvider();
    if (provider === this.#provider) return this.#tracer;
    this.#provider = provider;
    try {
      this.#tracer = provider?.getTracer(INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION);
    } catch (error) {
      reportHookError('opentelemetry.getTracer', error); // (3)
      this.#tracer = undefined;
    }
    return this.#tracer;
  }
}

/** Under which spans and metrics are known to belong to us. */
export const INSTRUMENTATION_NAME = '@holdfast/opentelemetry';

/** The version of that. */
export const INSTRUMENTATION_VERSION = '0.1.0';

// --- internal ---

/** What the API's provider tells of what is behind it. */
interface Proxy {
  getDelegate?(): TracerProvider;
}

/** The provider of the SDK that is registered; undefined where none is. */
function registeredProvider(): TracerProvider | undefined {
  const provider = trace.getTracerProvider();
  const proxy = provider as Proxy;
  if (typeof proxy.getDelegate !== 'function') return provider;
  const delegate = proxy.getDelegate();
  return delegate === noDelegate() ? undefined : delegate; // (1)
}

let known: TracerProvider | undefined;

/** What stands behind the API's provider where nothing was registered: the same object for all of them. */
function noDelegate(): TracerProvider {
  known ??= new ProxyTracerProvider().getDelegate();
  return known;
}
