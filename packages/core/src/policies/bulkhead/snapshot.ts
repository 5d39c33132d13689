/**
 * Snapshot: what a bulkhead tells about itself, and the counters behind it.
 *
 * @module
 */

import type { Enforcement } from '../../kernel/description.ts';
import type { BulkheadLimits } from './limits.ts';
import type { BulkheadRefusal } from './refusal.ts';

/** A bulkhead at one instant. */
export interface BulkheadSnapshot {
  /** Permits that are taken: calls that run, and permits held by hand. */
  readonly running: number;
  /** Calls that wait. */
  readonly queued: number;
  /** Permits taken since it was created. */
  readonly admitted: number;
  /** Calls refused since it was created. */
  readonly rejected: number;
  /** The same by reason. */
  readonly rejections: Readonly<Record<BulkheadRefusal, number>>;
  /** Calls that ran under `observe` and would have been refused, since it was created. */
  readonly observed: number;
  /** The most that ran at once since it was created. */
  readonly peakRunning: number;
  /** The most that waited at once since it was created. */
  readonly peakQueued: number;
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  /** Milliseconds; Infinity where a call may wait until its context ends. */
  readonly maxWaitMs: number;
  readonly enforcement: Enforcement;
}

/** Counters of one bulkhead. */
export class Counts {
  running = 0;
  observed = 0;
  private admitted = 0;
  private peakRunning = 0;
  private peakQueued = 0;
  private queueFull = 0;
  private wouldMissDeadline = 0;
  private maxWait = 0;
  private evicted = 0;

  admit(): void {
    this.admitted++;
    if (++this.running > this.peakRunning) this.peakRunning = this.running;
  }

  queue(length: number): void {
    if (length > this.peakQueued) this.peakQueued = length;
  }

  reject(reason: BulkheadRefusal): void {
    if (reason === 'queue-full') this.queueFull++;
    else if (reason === 'would-miss-deadline') this.wouldMissDeadline++;
    else if (reason === 'max-wait') this.maxWait++;
    else this.evicted++;
  }

  snapshot(queued: number, { maxConcurrent, maxQueued, maxWaitMs, enforcement }: BulkheadLimits): BulkheadSnapshot {
    const { queueFull, wouldMissDeadline, maxWait, evicted } = this;
    return {
      running: this.running,
      queued,
      admitted: this.admitted,
      rejected: queueFull + wouldMissDeadline + maxWait + evicted,
      rejections: {
        'queue-full': queueFull,
        'would-miss-deadline': wouldMissDeadline,
        'max-wait': maxWait,
        evicted,
      },
      observed: this.observed,
      peakRunning: this.peakRunning,
      peakQueued: this.peakQueued,
      maxConcurrent,
      maxQueued,
      maxWaitMs,
      enforcement,
    };
  }
}
