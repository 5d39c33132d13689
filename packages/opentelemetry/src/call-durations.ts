/**
 * Call durations: how long the calls of each pipeline of a registry took, in a histogram.
 *
 * Invariants
 *  (1) Where not all calls are measured, one that is counts for those that it stands for.
 *  (2) After each collection the next calls are measured one by one again.
 *
 * @module
 */

import type { AttachedMeter, MeasuredCall, NamedPolicy, Pipeline, Registry } from '@holdfast/core';
import type { Attributes, Histogram } from '@opentelemetry/api';

/** The meters of one registry's pipelines. */
export class CallDurations {
  readonly #attached = new Map<NamedPolicy<unknown>, AttachedMeter>();
  readonly #stop: () => void;

  constructor(registry: Registry, histogram: Histogram) {
    this.#stop = registry.watch({
      added: (policy) => this.#attach(policy, histogram),
      removed: (policy) => this.#detach(policy),
    });
  }

  /** A collection has been made. */
  renew(): void {
    for (const meter of this.#attached.values()) meter.renew(); // (2)
  }

  /** Ends it all. */
  close(): void {
    this.#stop();
    for (const policy of this.#attached.keys()) this.#detach(policy);
  }

  // --- internal ---

  #attach(policy: NamedPolicy<unknown>, histogram: Histogram): void {
    const { kind, meterWith } = policy as Partial<Pipeline<unknown>>;
    if (kind !== 'pipeline' || typeof meterWith !== 'function') return;
    const { name } = policy;
    const byOutcome = Object.fromEntries(
      (['success', 'failure', 'rejected', 'cancelled'] as const).map((outcome) => [outcome, { name, outcome }]),
    );
    const record = ({ outcome, durationMs, callCount }: MeasuredCall): void => {
      const attributes = byOutcome[outcome] as Attributes;
      for (let each = 0; each < callCount; each++) histogram.record(durationMs / 1000, attributes); // (1)
    };
    this.#attached.set(policy, (policy as Pipeline<unknown>).meterWith({ record }));
  }

  #detach(policy: NamedPolicy<unknown>): void {
    this.#attached.get(policy)?.detach();
    this.#attached.delete(policy);
  }
}
