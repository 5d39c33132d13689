/**
 * Hop book: what the services have told of their hops, by trace.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import type { Hop } from '../contract/hop.ts';
import { sleep } from './waiting.ts';

/** The layers that an order goes through before it is answered, from the outside in. */
export const layersOfRequest: readonly string[] = Object.freeze(['gateway', 'orders', 'inventory', 'sql']);

/** What was told. */
export class HopBook {
  readonly #byTrace = new Map<string, Hop[]>();

  add(hop: Hop): void {
    const hops = this.#byTrace.get(hop.traceId);
    if (hops === undefined) this.#byTrace.set(hop.traceId, [hop]);
    else hops.push(hop);
  }

  /** The hops of a trace, in the order in which they ended. */
  of(traceId: string): readonly Hop[] {
    return this.#byTrace.get(traceId) ?? [];
  }

  /** Waits until all of `layers` have told of a trace, at most so long. Returns its hops, whatever has come. */
  async complete(traceId: string, layers: readonly string[], { context, ms }: HopWait): Promise<readonly Hop[]> {
    const until = performance.now() + ms;
    while (performance.now() < until) {
      const hops = this.of(traceId);
      if (layers.every((layer) => hops.some((hop) => hop.layer === layer))) break;
      await sleep(2, context);
    }
    return this.of(traceId);
  }

  /** Forgets all: a new act begins. */
  clear(): void {
    this.#byTrace.clear();
  }
}

/** How long to wait. */
export interface HopWait {
  readonly context: Context;
  /** Milliseconds. */
  readonly ms: number;
}
