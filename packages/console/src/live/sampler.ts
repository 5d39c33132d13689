/**
 * Sampler: what happened since the last sample, in as few numbers as a sparkline needs.
 *
 * Invariants
 *  (1) A sample has a row only for what had calls, so that its size follows the traffic and not the number of policies.
 *  (2) Latencies are measured while somebody watches, and else no call is measured.
 *  (3) A policy that cannot be read spoils no other: it has no row, and that is reported once.
 *
 * @module
 */

import { type CallCounts, type NamedPolicy, reportHookError } from '@holdfast/core';

import { CIRCUIT, type CatalogueEntry, type CircuitEntry } from '../policies/catalogue.ts';
import { LatencyBuckets, isMeterable } from './latency-buckets.ts';

/** One sample. */
export interface Sample {
  /** Calendar time in milliseconds since 1970. */
  readonly atMs: number;
  /** Time since the sample before. Milliseconds. */
  readonly spanMs: number;
  readonly level: number;
  /** By circuit id: successes, failures, ignored calls, refused calls. */
  readonly circuits: Readonly<Record<string, readonly number[]>>;
  /** By policy id: successes, failures, refused calls, cancelled calls, and the calls that run now. */
  readonly pipelines: Readonly<Record<string, readonly number[]>>;
  /** By policy id of a pipeline: 50th, 95th and 99th percentile of its calls in milliseconds, while somebody watches. */
  readonly latencies: Readonly<Record<string, readonly number[]>>;
}

/** What is sampled. */
export interface SampledPolicies {
  readonly policies: readonly CatalogueEntry[];
  readonly circuits: readonly CircuitEntry[];
  readonly isWatched: boolean;
}

/** Takes samples, each of what happened since the one before. */
export class Sampler {
  readonly #counts = new WeakMap<object, readonly number[]>();
  readonly #latencies = new Map<object, LatencyBuckets>();
  readonly #unreadable = new WeakSet<object>();

  /** Returns the rows of a sample. */
  take({ policies, circuits, isWatched }: SampledPolicies): Pick<Sample, 'circuits' | 'pipelines' | 'latencies'> {
    return {
      circuits: this.#rowsOf(circuits.map((entry) => ({ id: entry.circuitId, policy: entry.policy }))),
      pipelines: this.#rowsOf(policies.filter(({ kind }) => kind === 'pipeline')),
      latencies: isWatched ? this.#latenciesOf(policies.filter(({ kind }) => kind === 'pipeline')) : {},
    };
  }

  /** Measures no latencies any more, until the next sample that is watched. */
  rest(): void {
    for (const policy of this.#latencies.keys()) this.#forget(policy); // (2)
  }

  /** Reads something of a policy; undefined where that fails. */
  read<T>(policy: NamedPolicy<unknown>, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!this.#unreadable.has(policy)) reportHookError('admin.read', error, policy.name); // (3)
      this.#unreadable.add(policy);
      return undefined;
    }
  }

  #rowsOf(entries: readonly Sampled[]): Record<string, readonly number[]> {
    const rows: Record<string, readonly number[]> = Object.create(null) as Record<string, readonly number[]>;
    for (const { id, policy } of entries) {
      const [running, ...totals] = this.read(policy, () => totalsOf(policy)) ?? [0];
      const before = this.#counts.get(policy) ?? totals;
      const row = totals.map((total, index) => Math.max(0, total - (before[index] ?? 0)));
      this.#counts.set(policy, totals);
      if (running > 0 || row.some((count) => count > 0)) rows[id] = policy.kind === CIRCUIT ? row : [...row, running]; // (1)
    }
    return rows;
  }

  #latenciesOf(entries: readonly Sampled[]): Record<string, readonly number[]> {
    const rows: Record<string, readonly number[]> = Object.create(null) as Record<string, readonly number[]>;
    for (const { id, policy } of entries) {
      const buckets = this.#latencies.get(policy);
      const latencies = buckets?.take();
      if (latencies !== undefined) rows[id] = latencies;
      if (buckets === undefined && isMeterable(policy)) this.#latencies.set(policy, new LatencyBuckets(policy));
    }
    const there = new Set<object>(entries.map(({ policy }) => policy));
    for (const policy of this.#latencies.keys()) if (!there.has(policy)) this.#forget(policy);
    return rows;
  }

  #forget(policy: object): void {
    this.#latencies.get(policy)?.detach();
    this.#latencies.delete(policy);
  }
}

// --- internal ---

interface Sampled {
  readonly id: string;
  readonly policy: NamedPolicy<unknown>;
}

/** The calls that run now, and the totals of the others since the policy was created. */
function totalsOf(policy: NamedPolicy<unknown>): readonly [number, ...number[]] {
  if (policy.kind === CIRCUIT) return [0, ...circuitTotals(policy as unknown as { snapshot(): CircuitCounts })];
  const { success, failure, rejected, cancelled, running } = (policy as unknown as { calls: CallCounts }).calls;
  return [running, success, failure, rejected, cancelled];
}

interface CircuitCounts {
  readonly verdicts?: Readonly<Record<string, number>>;
  readonly rejections?: Readonly<Record<string, number>>;
}

function circuitTotals(policy: { snapshot(): CircuitCounts }): readonly number[] {
  const { verdicts = {}, rejections = {} } = policy.snapshot();
  const refused = Object.values(rejections).reduce((sum, one) => sum + one, 0);
  return [verdicts['success'] ?? 0, verdicts['failure'] ?? 0, verdicts['ignored'] ?? 0, refused];
}
