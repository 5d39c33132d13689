/**
 * Rendering: the renderer of the protected shop behind a bulkhead, which lets few pages wait, and not for long. What it
 * refuses, and how long pages waited, are the signals that the brownout goes by.
 *
 * @module
 */

import { BulkheadFullError, type Context, type Registry, bulkhead } from '@holdfast/core';
import { type SignalMeter, createSignalMeter } from '@holdfast/degradation';

import type { Renderer } from './renderer.ts';

/** A renderer that refuses what it cannot do in time. */
export interface Rendering {
  /** Makes a page, or rejects at once where too many wait. */
  render(costMs: number, context: Context): Promise<void>;
  readonly meter: SignalMeter;
}

/** Puts `renderer` behind a bulkhead of `registry`. `windowMs` is how far its signals look back. */
export function createRendering(registry: Registry, renderer: Renderer, windowMs: number): Rendering {
  const { workerCount } = renderer;
  const permits = registry.create(bulkhead, {
    name: RENDERING,
    maxConcurrent: workerCount,
    maxQueued: 3 * workerCount,
    maxWaitMs: MAX_WAIT_MS,
  });
  const meter = createSignalMeter({ windowMs });
  return {
    meter,
    async render(costMs, context) {
      const askedAt = performance.now();
      try {
        await permits.execute(() => {
          const now = performance.now();
          meter.started(now - askedAt, now);
          return renderer.render(costMs);
        }, context);
      } catch (error) {
        if (isRenderingFull(error)) meter.shed(performance.now());
        throw error;
      }
    },
  };
}

/** Whether a page was not made because too many wait. */
export function isRenderingFull(error: unknown): boolean {
  return error instanceof BulkheadFullError && error.policy === RENDERING;
}

// --- internal ---

const RENDERING = 'rendering';
const MAX_WAIT_MS = 80;
