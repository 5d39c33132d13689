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
 *  (4) An SDK that is registered with this copy of the API is found by the next call: the provider that the API hands out gets
 *      it behind itself. One that is registered with another copy, or after the API was reset, is found a few calls later: to
 *      look where all copies meet takes longer than all the rest that a call without an SDK costs.
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
  /** The provider that the API hands out, found without anything behind it; and how often it may be asked again in its place. */
  #idle: Proxy | undefined;
  #looksLeft = 0;

  constructor(handedIn: TracerProvider | undefined) {
    this.#handedIn = handedIn;
  }

  /** Whether there is a tracer: to be asked at the start of each call, also of those of a service without an SDK. */
  isThere(): boolean {
    if (this.#handedIn !== undefined) return true;
    const idle = this.#idle;
    if (idle !== undefined && this.#looksLeft-- > 0 && idle.getDelegate?.() === noDelegate()) return false; // (4)
    const tracer = this.tracer();
    this.#idle = tracer === undefined ? (trace.getTracerProvider() as Proxy) : undefined;
    this.#looksLeft = LOOKS;
    return tracer !== undefined;
  }

  /** The tracer of now; undefined where no SDK is registered. */
  tracer(): Tracer | undefined {
    try {
      const provider = this.#handedIn ?? registeredProvider();
      if (provider === this.#provider) return this.#tracer;
      this.#provider = provider;
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

/** How many calls in a row may pass before somebody else's copy of the API is asked. */
const LOOKS = 16;

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
