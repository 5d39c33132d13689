/**
 * Pipeline tap: layers between the policies of a pipeline, for whoever wants to see calls at each of them, as tracing does.
 *
 *   tap ─► first policy ─► tap ─► ... ─► last policy ─► tap ─► operation
 *
 * The layers are fused in while the tap is attached; a pipeline without one is what it always was.
 *
 * Invariants
 *  (1) A tap that throws puts in no layer there, and is reported: the pipeline works as before.
 *
 * @module
 */

import type { Layer } from './handler.ts';
import { reportHookError } from './hooks.ts';
import type { NamedPolicy, Policy } from './policy.ts';

/** Puts layers between the policies of a pipeline, and of the pipelines that are part of it. */
export interface PipelineTap {
  /**
   * Returns the layer between `outer` and `inner`, or undefined for none. Without `outer` it is that around the first policy
   * of `pipeline`; without `inner` that around the operation, or around what is inside a pipeline that is part of another.
   *
   * The layer must keep to the rules of handlers: it reports to its sink exactly once, and never throws.
   */
  layerBetween(
    outer: Policy<unknown> | undefined,
    inner: Policy<unknown> | undefined,
    pipeline: NamedPolicy<unknown>,
  ): Layer | undefined;
}

/** Returns several taps as one; the first is the outermost. */
export function stackOfTaps(taps: readonly PipelineTap[]): PipelineTap {
  return {
    layerBetween: (...gap) => {
      const layers = taps.map((tap) => layerOf(tap, gap)).filter((layer) => layer !== undefined);
      if (layers.length === 0) return undefined;
      return (inner) => layers.reduceRight((handler, layer) => layer(handler), inner);
    },
  };
}

// --- internal ---

function layerOf(tap: PipelineTap, gap: Parameters<PipelineTap['layerBetween']>): Layer | undefined {
  try {
    return tap.layerBetween(...gap);
  } catch (error) {
    reportHookError('tap', error, gap[2].name); // (1)
    return undefined;
  }
}
