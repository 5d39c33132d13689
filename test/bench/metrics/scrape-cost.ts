/**
 * Scrape cost: reading policies beside what prom-client takes to write as many plain gauges.
 *
 * @module
 */

import { bulkhead, circuitBreaker, createRegistry, retry } from '@holdfast/core';
import { prometheus } from '@holdfast/prometheus';
import { Gauge, Registry } from 'prom-client';

import { quantile } from '../statistics.ts';

/** What came of it: the medians of rounds that took turns. */
export interface ScrapeCost {
  readonly series: number;
  readonly ownMs: number;
  readonly plainMs: number;
  readonly ratio: number;
}

/** Compares scrapes of about `series` series. */
export async function measureScrapes(series: number, rounds: number): Promise<ScrapeCost> {
  const own = policiesWith(series);
  const count = seriesIn(await own.metrics());
  const plain = plainGauges(count);
  const [ownMs, plainMs]: [number[], number[]] = [[], []];
  for (let round = -5; round < rounds; round++) {
    const [one, other] = [await timeOf(own), await timeOf(plain)];
    if (round < 0) continue; // warming up
    ownMs.push(one);
    plainMs.push(other);
  }
  const ratio = quantile(
    ownMs.map((one, at) => one / (plainMs[at] ?? NaN)),
    0.5,
  );
  return { series: count, ownMs: quantile(ownMs, 0.5), plainMs: quantile(plainMs, 0.5), ratio };
}

// --- internal ---

function policiesWith(series: number): Registry {
  const [registry, register] = [createRegistry(), new Registry()];
  prometheus({ register, registry, maxNames: 100_000 });
  for (let at = 0; at < series / SERIES_EACH; at++) {
    const name = `service-${at}`;
    registry.pipeline(
      name,
      registry.create(retry, { name }),
      registry.create(circuitBreaker, { name }),
      registry.create(bulkhead, { name }),
    );
  }
  return register;
}

/** Series of one pipeline and its three policies. */
const SERIES_EACH = 117;

/** As many series, with names and labels as long. */
function plainGauges(series: number): Registry {
  const register = new Registry();
  const gauge = new Gauge({
    name: 'plain_calls_total_of_something',
    help: 'Calls of a pipeline that have ended, by how they ended.',
    labelNames: ['name', 'policy', 'reason'],
    registers: [register],
  });
  for (let at = 0; at < series; at++)
    gauge.set({ name: `service-${at % 100}`, policy: 'bulkhead', reason: `r${at}` }, at);
  return register;
}

function seriesIn(text: string): number {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
}

async function timeOf(register: Registry): Promise<number> {
  const startedAt = performance.now();
  await register.metrics();
  return performance.now() - startedAt;
}
