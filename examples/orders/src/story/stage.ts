/**
 * Stage: what the acts of the story act upon, and what several of them measure alike.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import type { Platform } from '../platform/platform.ts';
import type { Answer } from './client.ts';
import type { HopBook } from './hop-book.ts';
import type { Figures } from './promises.ts';
import { until } from './waiting.ts';

/** What an act acts upon. */
export interface Stage {
  readonly platform: Platform;
  readonly hops: HopBook;
  readonly figures: Figures;
  /** Ends when the run does. */
  readonly context: Context;
  /** How many clients are to be killed. */
  readonly clients: number;
  /** Time that the act should take at least. Milliseconds. */
  readonly actMs: number;
  readonly note: (text: string) => void;
  /** Has the hops of a trace printed as they come. */
  readonly show: (traceId: string) => void;
}

/** How long an act waits for what must come. Milliseconds. */
export const PATIENCE_MS = 10_000;

/** The value below which this share of `values` is; undefined of none. */
export function quantile(values: readonly number[], ratio: number): number | undefined {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.ceil(ratio * sorted.length) - 1)];
}

/** Tells of the first orders that failed. */
export function noteFailures(answers: readonly Answer[], { note }: Stage): void {
  const failed = answers.filter(({ status }) => status !== 201);
  for (const { status, body, traceId, tookMs } of failed.slice(0, 3))
    note(`failed: ${status} ${body} after ${tookMs.toFixed(0)} ms, trace ${traceId.slice(0, 8)}`);
}

/** How many of these orders the audit has not written down exactly as they were: once, for whoever ordered, over their trace. */
export async function unrecordedOf(answers: readonly Answer[], stage: Stage): Promise<number> {
  const placed = answers.filter(({ status }) => status === 201);
  const written = (): Promise<Set<string>> => recordsOf(stage);
  await until(async () => isAll(placed, await written()), PATIENCE_MS, stage.context);
  const records = await written();
  return placed.filter((answer) => !records.has(keyOf(answer))).length;
}

// --- internal ---

interface AuditRow {
  readonly order_ref: string;
  readonly user_id: string;
  readonly region: string;
  readonly trace_id: string;
}

async function recordsOf({ platform }: Stage): Promise<Set<string>> {
  const rows = await platform.postgres.query<AuditRow>('select order_ref, user_id, region, trace_id from audit');
  return new Set(
    rows.map(({ order_ref: ref, user_id: user, region, trace_id: traceId }) => keyOf({ ref, user, region, traceId })),
  );
}

function isAll(answers: readonly Answer[], records: ReadonlySet<string>): boolean {
  return answers.every((answer) => records.has(keyOf(answer)));
}

function keyOf({ ref, user, region, traceId }: Pick<Answer, 'ref' | 'user' | 'region' | 'traceId'>): string {
  return [ref, user, region, traceId].join(' ');
}
