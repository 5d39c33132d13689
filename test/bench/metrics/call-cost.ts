/**
 * Call cost: calls through a pipeline of five that an exporter measures, beside calls through one that nobody does.
 *
 * @module
 */

import { bulkhead, circuitBreaker, createRegistry, fallback, retry, timeout } from '@holdfast/core';
import { prometheus } from '@holdfast/prometheus';
import { Registry } from 'prom-client';

import { quantile } from '../statistics.ts';

/** What came of it: the medians of batches that took turns. */
export interface CallCost {
  readonly withNs: number;
  readonly withoutNs: number;
  readonly ratio: number;
}

/** Compares calls. The register is scraped between batches, as once in 15 seconds: all that a scrape renews is measured again. */
export async function measureCalls(rounds: number): Promise<CallCost> {
  const [measured, plain] = [pipelineOf(), pipelineOf()];
  const register = new Registry();
  prometheus({ register, registry: measured.registry });
  const [withNs, withoutNs]: [number[], number[]] = [[], []];
  for (let round = -2 * BATCHES_PER_SCRAPE; round < rounds; round++) {
    if (round % BATCHES_PER_SCRAPE === 0) await register.metrics();
    const isFirst = round % 2 === 0;
    const before = isFirst ? await batchNs(measured.calls) : 0;
    const other = await batchNs(plain.calls);
    const own = isFirst ? before : await batchNs(measured.calls);
    if (round < 0) continue; // warming up
    withNs.push(own);
    withoutNs.push(other);
  }
  const ratio = quantile(
    withNs.map((one, at) => one / (withoutNs[at] ?? NaN)),
    0.5,
  );
  return { withNs: quantile(withNs, 0.5), withoutNs: quantile(withoutNs, 0.5), ratio };
}

// --- internal ---

function pipelineOf() {
  const registry = createRegistry();
  const name = 'five';
  const calls = registry.pipeline(
    name,
    registry.create(fallback<number>, { name, value: 0 }),
    registry.create(retry, { name }),
    registry.create(circuitBreaker, { name }),
    registry.create(bulkhead, { name }),
    registry.create(timeout, { name, timeoutMs: 1000 }),
  );
  return { registry, calls };
}

/** Calls of a batch, and batches between two scrapes: together the calls of 15 seconds at 10 000 a second. */
const BATCH = 15_000;
const BATCHES_PER_SCRAPE = 10;

async function batchNs(calls: ReturnType<typeof pipelineOf>['calls']): Promise<number> {
  // oxlint-disable-next-line require-await -- a promise is part of what is measured
  const operation = async (): Promise<number> => 1;
  const startedAt = performance.now();
  for (let call = 0; call < BATCH; call++) await calls.execute(operation);
  return ((performance.now() - startedAt) / BATCH) * 1e6;
}
