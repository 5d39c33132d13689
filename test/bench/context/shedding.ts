/**
 * Shedding: how much more a busy process gets done when enrichers that cost too much are left out.
 *
 * Requests come as fast as they are answered, ten at a time. Each does two milliseconds of work; two enrichers that are not
 * essential keep the processor busy for 18 and 25.
 *
 * @module
 */

import { createEnrichment } from '@holdfast/context';
import { Context, contextKey } from '@holdfast/core';

import { quantile } from '../statistics.ts';

/** What a process did under one mode. */
export interface Served {
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** What shedding brings. */
export interface SheddingResult {
  readonly all: Served;
  readonly shed: Served;
  /** How many times as many requests are served. */
  readonly throughputRatio: number;
}

/** Serves `requests` with all enrichers and as many without those that cost more than 15 ms. */
export async function measureShedding(requests: number): Promise<SheddingResult> {
  let isOverloaded = false;
  const enrichment = createEnrichment({
    isOverloaded: () => isOverloaded,
    maxCostMs: 15,
    enrichers: {
      user: { key: contextKey<string>('user'), isEssential: true, enrich: () => 'ada' },
      place: { key: contextKey<string>('place'), enrich: () => busyFor(25, 'Oslo') },
      device: { key: contextKey<string>('device'), enrich: () => busyFor(18, 'phone') },
    },
  });
  const serve = async (): Promise<void> => {
    await enrichment.enrich(Context.background.withTimeout(60_000));
    busyFor(2, undefined);
  };
  const all = await serveAll(serve, requests);
  isOverloaded = true;
  const shed = await serveAll(serve, requests);
  return { all, shed, throughputRatio: shed.perSecond / all.perSecond };
}

// --- internal ---

const AT_ONCE = 10;

async function serveAll(serve: () => Promise<void>, requests: number): Promise<Served> {
  const times: number[] = [];
  const startedAt = performance.now();
  for (let done = 0; done < requests; done += AT_ONCE) {
    const cameAt = performance.now();
    const answered = async (): Promise<void> => {
      await serve();
      times.push(performance.now() - cameAt);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, answered));
  }
  return { perSecond: (times.length / (performance.now() - startedAt)) * 1000, p99Ms: quantile(times, 0.99) };
}

function busyFor<T>(ms: number, value: T): T {
  const endsAt = performance.now() + ms;
  while (performance.now() < endsAt) continue;
  return value;
}
