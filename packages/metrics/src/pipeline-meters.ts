/**
 * Pipeline meters: a meter on every pipeline of some registries, from the moment it joins the first of them to the one it leaves
 * the last.
 *
 * Invariants
 *  (1) Nothing is measured before the first exporter came, nor after the last has gone.
 *  (2) A pipeline has one meter, however many of the registries it is in.
 *  (3) All meters have the same buckets.
 *
 * @module
 */

import type { AttachedMeter, NamedPolicy, Pipeline, Registry } from '@holdfast/core';

import type { CallDurations, DurationMeter, PipelineReading } from './call-durations.ts';

/** The meters of the pipelines of some registries. */
export class PipelineMeters {
  readonly #watched = new Map<Registry, () => void>();
  readonly #metered = new Map<NamedPolicy<unknown>, MeteredPipeline>();
  /** Bounds of all buckets; undefined while nothing is measured. Milliseconds. */
  #boundsMs: readonly number[] | undefined;

  /** Measures the pipelines of `registry` from now on; nothing without bounds, and nothing again where it does already. */
  watch(registry: Registry, durations: CallDurations | undefined): void {
    if (durations === undefined || durations.boundsMs.length === 0) return;
    if (this.#watched.has(registry) || typeof registry.watch !== 'function') return;
    const boundsMs = (this.#boundsMs ??= durations.boundsMs); // (3)
    const meterOf = (pipeline: string): DurationMeter => durations.meterOf(pipeline, boundsMs);
    const stop = registry.watch({
      added: (policy) => this.#attach(policy, registry, meterOf),
      removed: (policy) => this.#detach(policy, registry),
    });
    this.#watched.set(registry, stop);
  }

  /** Measures no more what is in none of `registries`. */
  keepOnly(registries: ReadonlySet<Registry>): void {
    for (const [registry, stop] of this.#watched) {
      if (registries.has(registry)) continue;
      stop();
      this.#watched.delete(registry);
      for (const policy of this.#metered.keys()) this.#detach(policy, registry); // (1)
    }
    if (this.#watched.size === 0) this.#boundsMs = undefined;
  }

  /** What is known of a pipeline; the next calls are measured one by one again. */
  read(pipeline: Pipeline<unknown>): PipelineReading {
    const found = this.#metered.get(pipeline);
    if (found === undefined) return pipeline.calls;
    found.attached.renew();
    return { ...pipeline.calls, boundsMs: this.#boundsMs, durations: found.meter.read?.() };
  }

  // --- internal ---

  #attach(policy: NamedPolicy<unknown>, registry: Registry, meterOf: (pipeline: string) => DurationMeter): void {
    const { kind, meterWith } = policy as Partial<Pipeline<unknown>>;
    if (kind !== 'pipeline' || typeof meterWith !== 'function') return;
    const found = this.#metered.get(policy);
    if (found !== undefined) {
      found.registries.add(registry); // (2)
      return;
    }
    const meter = meterOf(policy.name);
    const attached = (policy as Pipeline<unknown>).meterWith(meter);
    this.#metered.set(policy, { meter, attached, registries: new Set([registry]) });
  }

  #detach(policy: NamedPolicy<unknown>, registry: Registry): void {
    const found = this.#metered.get(policy);
    if (found?.registries.delete(registry) !== true || found.registries.size > 0) return; // (2)
    this.#metered.delete(policy);
    found.attached.detach();
    found.meter.close?.();
  }
}

interface MeteredPipeline {
  readonly meter: DurationMeter;
  readonly attached: AttachedMeter;
  /** Those that it is in. */
  readonly registries: Set<Registry>;
}
