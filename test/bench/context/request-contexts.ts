/**
 * Request contexts: very many of them, one after the other, as a service makes them in its life; and what they leave behind.
 *
 * Each comes out of headers, below a context as long-lived as the process that follows a signal; it is tracked, watched, runs
 * as the ambient one, has its signal read, sends headers on, and ends: by a cancel, or, every tenth, by its deadline.
 *
 * @module
 */

import { getEventListeners } from 'node:events';

import { ambient, createContextCodec, createContextMonitor, defineContextSchema } from '@holdfast/context';
import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { growthOf, type Sample } from '../../soak/slope.ts';

/** What was left. */
export interface LeftBehind {
  readonly requests: number;
  /** Bytes of heap per request: the slope over the samples. */
  readonly bytesPerRequest: number;
  readonly leakCount: number;
  readonly openCount: number;
  readonly listenerCount: number;
  readonly timerCount: number;
  /** Requests that had another's context as the ambient one. */
  readonly strangerCount: number;
}

/** Makes `requests` contexts and returns what is left of them. Needs `--expose-gc`. */
export async function makeRequestContexts(requests: number, sampleCount = 20): Promise<LeftBehind> {
  const service = new Service();
  const samples: Sample[] = [];
  const perSample = Math.floor(requests / sampleCount);
  await service.serve(Math.min(20_000, requests)); // warming up
  for (let sample = 0; sample < sampleCount; sample++) {
    await service.serve(perSample);
    samples.push({ calls: (sample + 1) * perSample, bytes: heapBytes() });
  }
  return { requests, bytesPerRequest: growthOf(samples, 0.2).bytesPerCall, ...service.left() };
}

// --- internal ---

const schema = defineContextSchema({ version: '1.0', fields: { 'user-id': { type: 'text' } } });

class Service {
  readonly #clock = virtualClock();
  readonly #shutdown = new AbortController();
  readonly #parent = Context.withClock(this.#clock).withSignal(this.#shutdown.signal);
  readonly #codec = createContextCodec({ schema, accept: 'all', send: 'all' });
  readonly #monitor = createContextMonitor({ schema, clock: this.#clock, maxAgeMs: 1000 });
  #strangerCount = 0;

  async serve(requests: number): Promise<void> {
    for (let number = 0; number < requests; number++) {
      this.#serveOne(number);
      if (number % 1000 === 0) await this.#clock.advance(100); // those with a deadline of 50 ms are over
    }
    await this.#clock.advance(100);
  }

  left(): Omit<LeftBehind, 'requests' | 'bytesPerRequest'> {
    const { leakCount, openCount } = this.#monitor.snapshot();
    return {
      leakCount,
      openCount,
      listenerCount: getEventListeners(this.#shutdown.signal, 'abort').length,
      timerCount: this.#clock.pendingCount,
      strangerCount: this.#strangerCount,
    };
  }

  #serveOne(number: number): void {
    const isLate = number % 10 === 0;
    const headers = { 'x-request-timeout': isLate ? '50ms' : '5s', 'x-context-user-id': `u-${number}` };
    const context = this.#monitor.track(this.#codec.extract(headers, this.#parent));
    context.onCancel(() => {});
    if (context.signal.aborted) throw new Error('it ended too early');
    ambient.run(context, () => {
      if (ambient.current()?.value(schema.keys['user-id']) !== `u-${number}`) this.#strangerCount++;
      this.#codec.inject(context.withTimeout(1000), {});
    });
    if (!isLate) context.cancel();
  }
}

function heapBytes(): number {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) throw new Error('run it with --expose-gc');
  for (let round = 0; round < 3; round++) collect();
  return process.memoryUsage().heapUsed;
}
