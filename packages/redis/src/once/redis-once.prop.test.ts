import { Context } from '@holdfast/core';
import { type VirtualClock, virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { OnceLink, OnceServer } from '../../../../test/redis/once-model.ts';
import { type RedisOnce, onceOver, onceSettings } from './redis-once.ts';

type Fate = 'answered' | 'lost' | 'unheard';

type Step =
  | {
      readonly kind: 'call';
      readonly process: number;
      readonly withinMs: number;
      readonly jobMs: number;
      readonly fails: boolean;
    }
  | { readonly kind: 'fate'; readonly process: number; readonly script: string; readonly fate: Fate }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'clock'; readonly byMs: number };

const processes = 3;
const call = fc.record({
  kind: fc.constant('call' as const),
  process: fc.nat(processes - 1),
  withinMs: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 2000 })),
  jobMs: fc.constantFrom(0, 5, 100, 700, 2500),
  fails: fc.constantFrom(false, false, false, true),
});
const fate = fc.record({
  kind: fc.constant('fate' as const),
  process: fc.nat(processes - 1),
  script: fc.constantFrom('once-claim', 'once-renew', 'once-finish', 'all'),
  fate: fc.constantFrom<Fate>('answered', 'lost', 'unheard'),
});
const wait = fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 900 }) });
const clockStep = fc.record({ kind: fc.constant('clock' as const), byMs: fc.integer({ min: -5000, max: 5000 }) });

interface Run {
  readonly token: number;
  readonly context: Context;
  isOver: boolean;
}

/** Processes on virtual time; the value of a job is the token of its try. */
class Trial {
  readonly clock: VirtualClock = virtualClock();
  readonly server = new OnceServer(this.clock);
  readonly links: OnceLink[];
  readonly processes: RedisOnce[];
  readonly runs: Run[] = [];
  readonly values: unknown[] = [];
  readonly recorded = new Set<string>();
  calls = 0;
  settled = 0;
  overlaps = 0;

  constructor() {
    const settings = onceSettings({
      namespace: 't',
      leaseMs: 600,
      commandTimeoutMs: 50,
      clock: this.clock,
      random: () => 0.5,
    });
    this.links = Array.from({ length: processes }, () => new OnceLink(this.server, this.clock));
    for (const link of this.links) link.timeoutMs = 50;
    this.processes = this.links.map((link) => onceOver(link, settings));
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.kind === 'call') this.call(step);
      else if (step.kind === 'clock') this.server.offsetUs += step.byMs * 1000;
      else if (step.kind === 'fate') this.setFate(step);
      else await this.clock.advance(step.ms);
      this.note();
    }
    for (const link of this.links) link.fate = () => 'answered';
    await this.clock.advance(20_000);
    this.note();
  }

  private note(): void {
    const record = this.server.records.get('rb1:{t/once/k}');
    if (record?.s === 'd') this.recorded.add(record.r ?? '');
  }

  private setFate({ process, script, fate: next }: { process: number; script: string; fate: Fate }): void {
    (this.links[process] as OnceLink).fate = (name) => (script === 'all' || script === name ? next : 'answered');
  }

  private call({ process, withinMs, jobMs, fails }: Extract<Step, { kind: 'call' }>): void {
    this.calls++;
    const context = Context.withClock(this.clock).withTimeout(withinMs);
    const job = (own: Context, { fencingToken }: { fencingToken: number }): Promise<number> => {
      this.overlaps += this.runs.filter((run) => !run.isOver && !run.context.cancelled).length;
      const run: Run = { token: fencingToken, context: own, isOver: false };
      this.runs.push(run);
      return new Promise((resolve, reject) => {
        this.clock.setTimer(() => {
          run.isOver = true;
          if (fails) reject(new Error('as planned'));
          else resolve(fencingToken);
        }, jobMs);
      });
    };
    const settle = (): void => void this.settled++;
    const keep = (value: number): void => void this.values.push(value);
    void (this.processes[process] as RedisOnce)
      .run('k', job, context)
      .then(keep, () => {})
      .then(settle);
  }
}

describe('redisOnce, some processes over the model of the scripts, on virtual time', () => {
  it('(1) (2) (3) (4) records one try at most, gives all the same, with rising tokens, and settles every call', async () => {
    const steps = fc.array(fc.oneof({ arbitrary: call, weight: 4 }, { arbitrary: wait, weight: 3 }, fate), {
      maxLength: 30,
      size: 'max',
    });
    const property = fc.asyncProperty(steps, async (taken) => {
      const trial = new Trial();
      await trial.play(taken);
      const tokens = trial.runs.map(({ token }) => token);

      expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b)); // (1)
      expect(trial.overlaps).toBe(0); // (1)
      expect(trial.recorded.size).toBeLessThanOrEqual(1); // (3)
      expect(new Set(trial.values).size).toBeLessThanOrEqual(1); // (2)
      if (trial.values.length > 0) expect([...trial.recorded]).toEqual([String(trial.values[0])]);
      expect(trial.settled).toBe(trial.calls); // (4)
      expect(trial.clock.pendingCount).toBe(0);
    });
    await fc.assert(property, { numRuns: 300 });
  }, 60_000);

  it('(2) (3) holds as well where the clock of the server is stepped', async () => {
    const steps = fc.array(fc.oneof({ arbitrary: call, weight: 4 }, { arbitrary: wait, weight: 3 }, fate, clockStep), {
      maxLength: 30,
      size: 'max',
    });
    const property = fc.asyncProperty(steps, async (taken) => {
      const trial = new Trial();
      await trial.play(taken);
      const tokens = trial.runs.map(({ token }) => token);

      expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b));
      expect(trial.recorded.size).toBeLessThanOrEqual(1);
      expect(new Set(trial.values).size).toBeLessThanOrEqual(1);
      expect(trial.settled).toBe(trial.calls);
    });
    await fc.assert(property, { numRuns: 200 });
  }, 60_000);
});
