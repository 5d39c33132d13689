/**
 * Bulkhead, written down naively.
 *
 * @module
 */

import type { BulkheadSpec } from '../case.ts';
import type { Observer } from '../side.ts';
import type { ReferenceContext } from './context.ts';
import { bulkheadFull } from './errors.ts';
import { type ReferencePolicy, toPolicy } from './layer.ts';

export function referenceBulkhead(spec: BulkheadSpec, name: string, observer: Observer): ReferencePolicy {
  const permits = new ReferencePermits(spec, name, observer);
  return toPolicy(
    name,
    (inner) => async (work, context) => {
      const turn = permits.take(context);
      if (turn !== undefined) await turn;
      try {
        return await inner(work, context);
      } finally {
        await permits.giveBack();
      }
    },
    { statistics: () => permits.snapshot() },
  );
}

// --- internal ---

class ReferencePermits {
  readonly #spec: BulkheadSpec;
  readonly #name: string;
  readonly #observer: Observer;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #admitted = 0;
  #rejected = 0;
  #peakRunning = 0;
  #peakQueued = 0;
  #isHandingOn = false;

  constructor(spec: BulkheadSpec, name: string, observer: Observer) {
    this.#spec = spec;
    this.#name = name;
    this.#observer = observer;
  }

  /** Takes a permit at once, or returns a promise of one; throws where there is neither. */
  take(context: ReferenceContext): Promise<void> | undefined {
    const { maxConcurrent, maxQueued } = this.#spec;
    if (this.#running < maxConcurrent && this.#waiting.length === 0) {
      this.#admit();
      return undefined;
    }
    if (this.#waiting.length < maxQueued) return this.#turn(context);
    this.#rejected++;
    this.#observer.onEvent({
      type: 'bulkhead.rejected',
      name: this.#name,
      reason: 'queue-full',
      enforcement: 'enforce',
    });
    throw bulkheadFull(this.#name, maxConcurrent, maxQueued);
  }

  /** Those who waited start one after the other, each as far as it gets, before the call that ended goes on. */
  async giveBack(): Promise<void> {
    this.#running--;
    if (this.#isHandingOn) {
      this.#observer.note('a call settles while it starts');
      return;
    }
    this.#isHandingOn = true;
    while (this.#running < this.#spec.maxConcurrent && this.#waiting.length > 0) {
      this.#admit();
      this.#waiting.shift()?.();
      await this.#observer.idle();
    }
    this.#isHandingOn = false;
  }

  snapshot(): unknown {
    const { maxConcurrent, maxQueued } = this.#spec;
    return {
      running: this.#running,
      queued: this.#waiting.length,
      admitted: this.#admitted,
      rejected: this.#rejected,
      rejections: { 'queue-full': this.#rejected, 'would-miss-deadline': 0, 'max-wait': 0, evicted: 0 },
      observed: 0,
      peakRunning: this.#peakRunning,
      peakQueued: this.#peakQueued,
      maxConcurrent,
      maxQueued,
      maxWaitMs: Infinity,
      enforcement: 'enforce',
    };
  }

  #admit(): void {
    this.#running++;
    this.#admitted++;
    this.#peakRunning = Math.max(this.#peakRunning, this.#running);
  }

  #turn(context: ReferenceContext): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        unhook();
        resolve();
      };
      this.#waiting.push(start);
      this.#peakQueued = Math.max(this.#peakQueued, this.#waiting.length);
      this.#observer.note('a call waits in a queue');
      const unhook = context.whileWaiting((cause) => {
        this.#observer.note('a call leaves a queue');
        this.#waiting.splice(this.#waiting.indexOf(start), 1);
        reject(cause);
      });
    });
  }
}
