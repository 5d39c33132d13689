/**
 * What it costs where nobody looks: tracing that is attached without an SDK, and diagnostics channels without a subscriber,
 * against the same pipeline without either. Batches are interleaved, and the ratio is that of the quickest batches: what
 * else the machine does can only make a batch slower. On a quiet machine of two cores, Node 20, the ratios are 1.0, 1.03 to 1.08,
 * 1.07 to 1.14 and 1.0, where a call takes 100 ns; the bars leave room for machines that are not.
 *
 * @module
 */

import { type Pipeline, bulkhead, circuitBreaker, createRegistry, retry, timeout } from '@holdfast/core';
import { traceCalls } from '@holdfast/opentelemetry';
import { publishCalls, publishedEvents } from '@holdfast/opentelemetry/diagnostics';
import { describe, expect, it } from 'vitest';

const CALLS = 2000;
const ROUNDS = 60;

function pipelineOf(attach: (registry: ReturnType<typeof createRegistry>) => void, events = createRegistry().events) {
  const registry = createRegistry({ events });
  const policy = registry.pipeline(
    'prices',
    registry.create(retry, { name: 'prices' }),
    registry.create(circuitBreaker, { name: 'prices' }),
    registry.create(bulkhead, { name: 'prices', maxConcurrent: 10 }),
    registry.create(timeout, { name: 'prices', timeoutMs: 1000 }),
  );
  attach(registry);
  return policy;
}

async function batchMs(policy: Pipeline<unknown>): Promise<number> {
  const from = performance.now();
  for (let call = 0; call < CALLS; call++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await policy.execute(() => call);
  }
  return performance.now() - from;
}

/** The quickest batch of each, interleaved. */
async function quickest(policies: readonly Pipeline<unknown>[]): Promise<readonly number[]> {
  const best = policies.map(() => Infinity);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, policy] of policies.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      best[at] = Math.min(best[at] as number, await batchMs(policy));
    }
  }
  return best;
}

describe('where nobody looks', () => {
  it('a call costs what it did with channels, and after close; with tracing and no SDK, one look for it more', async () => {
    const plain = pipelineOf(() => {});
    const events = pipelineOf(() => {}, publishedEvents());
    const published = pipelineOf((registry) => void publishCalls({ registry }), publishedEvents());
    const traced = pipelineOf((registry) => void traceCalls({ registry }));
    const closed = pipelineOf((registry) => traceCalls({ registry }).close());

    const [base, ...others] = await quickest([plain, events, published, traced, closed]);

    const ratios = others.map((each) => each / (base as number));
    const [ofEvents, ofPublished, ofTraced, ofClosed] = ratios as [number, number, number, number];
    expect(ofEvents).toBeLessThan(1.25);
    expect(ofPublished).toBeLessThan(1.3);
    expect(ofTraced).toBeLessThan(1.4);
    expect(ofClosed).toBeLessThan(1.25);
  }, 60_000);
});
