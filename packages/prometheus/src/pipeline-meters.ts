/**
 * Pipeline meters: a recorder on every pipeline of a registry, from the moment it joins to the one it leaves.
 *
 * Invariants
 *  (1) Nothing is measured before the first exporter came, nor after the last has gone.
 *
 * @module
 */

import type { AttachedMeter, NamedPolicy, Pipeline, Registry } from '@holdfast/core';

import { CallRecorder, type PipelineReading, type RecorderSettings } from './call-recorder.ts';

/** The recorders of one registry. */
export class PipelineMeters {
  readonly #settings: RecorderSettings;
  readonly #recorders = new Map<NamedPolicy<unknown>, { recorder: CallRecorder; attached: AttachedMeter }>();
  readonly #stop: () => void;

  constructor(registry: Registry, settings: RecorderSettings) {
    this.#settings = settings;
    this.#stop = registry.watch({
      added: (policy) => this.#attach(policy),
      removed: (policy) => this.#detach(policy),
    });
  }

  /** What is known of a pipeline; the next calls are measured one by one again. */
  read(pipeline: Pipeline<unknown>): PipelineReading {
    const found = this.#recorders.get(pipeline);
    if (found === undefined) return pipeline.calls;
    found.attached.renew();
    return { ...pipeline.calls, boundsMs: this.#settings.boundsMs, durations: found.recorder.read() };
  }

  /** Ends it all. */
  close(): void {
    this.#stop();
    for (const policy of this.#recorders.keys()) this.#detach(policy); // (1)
  }

  // --- internal ---

  #attach(policy: NamedPolicy<unknown>): void {
    const { kind, meterWith } = policy as Partial<Pipeline<unknown>>;
    if (kind !== 'pipeline' || typeof meterWith !== 'function') return;
    const recorder = new CallRecorder(this.#settings);
    this.#recorders.set(policy, { recorder, attached: (policy as Pipeline<unknown>).meterWith(recorder) });
  }

  #detach(policy: NamedPolicy<unknown>): void {
    this.#recorders.get(policy)?.attached.detach();
    this.#recorders.delete(policy);
  }
}
