/**
 * Random fleets that defer and deliver over one outbox, while deliveries fail and hang, the outbox is away or loses answers,
 * and processes die: nothing that was accepted is lost, and no rate is exceeded.
 *
 * @module
 */

import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';

import { createEvents, onHookError } from '@holdfast/core';
import { recordEvents, seededRandom, settle, virtualClock } from '@holdfast/core/testing';

import { type Deferral, createDeferral } from './deferral.ts';
import { memoryOutbox } from './memory-outbox.ts';
import type { Outbox } from './outbox.ts';

/** What may become of one call to the outbox: it is answered; it is done and nobody hears; it is not done. */
const fates = fc.constantFrom('answered' as const, 'answered' as const, 'unheard' as const, 'lost' as const);

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('defer' as const), key: fc.nat(20), by: fc.nat(2) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 1500 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('trouble' as const), fates: fc.array(fates, { maxLength: 6 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), who: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('mode' as const), isDeferred: fc.boolean() }) },
  ),
  { minLength: 5, maxLength: 40 },
);
const outcomes = fc.array(fc.constantFrom('done', 'done', 'slow', 'slow', 'fails', 'hangs'), { maxLength: 30 });

/** A fleet on virtual time. */
class Fleet {
  readonly clock = virtualClock();
  readonly outbox = memoryOutbox<string>({ maxItems: 10, clock: this.clock });
  readonly accepted = new Set<string>();
  readonly delivered = new Map<string, number>();
  readonly starts: number[] = [];
  readonly deadKeys = new Set<string>();
  isDeferred = false;
  fates: string[] = [];
  outcomes: string[];
  deaths = 0;
  private members: { readonly deferral: Deferral<string>; isAlive: boolean }[] = [];

  constructor(planned: readonly string[]) {
    this.outcomes = [...planned];
    for (let count = 0; count < 3; count++) this.members.push(this.start(count));
  }

  async defer(key: string, by: number): Promise<void> {
    const outcome = await this.members[by]!.deferral.defer(key).catch(() => undefined);
    if (outcome !== undefined) this.accepted.add(key);
  }

  /** A process is gone: what it does is never heard of again. Another one starts in its place. */
  die(who: number): void {
    this.members[who]!.isAlive = false;
    void this.members[who]!.deferral.close();
    this.members[who] = this.start(who);
    this.deaths++;
  }

  async end(): Promise<void> {
    [this.isDeferred, this.fates, this.outcomes] = [false, [], []];
    await this.clock.advance(60_000);
    for (const { key } of await this.outbox.dead(10)) this.deadKeys.add(key);
    for (const { deferral } of this.members) await deferral.close();
    await settle();
  }

  private start(seed: number) {
    const member = { isAlive: true } as { deferral: Deferral<string>; isAlive: boolean };
    const events = createEvents();
    recordEvents(events);
    member.deferral = createDeferral<string>({
      outbox: this.troubled(member),
      keyOf: (key) => key,
      isDeferred: () => this.isDeferred,
      deliver: (key) => this.deliver(key, member),
      maxPerSecond: 5,
      maxAttempts: 4,
      minDeadAfterMs: 3000,
      deliveryTimeoutMs: 500,
      leaseMarginMs: 500,
      lookEveryMs: 300,
      maxPauseMs: 1000,
      clock: this.clock,
      random: seededRandom(seed),
      events,
    });
    return member;
  }

  private async deliver(key: string, member: { isAlive: boolean }): Promise<void> {
    if (!member.isAlive) return new Promise(() => {});
    this.starts.push(this.clock.now());
    const outcome = this.outcomes.shift() ?? 'done';
    if (outcome === 'hangs') return new Promise(() => {});
    if (outcome === 'fails') throw new Error('no');
    this.delivered.set(key, (this.delivered.get(key) ?? 0) + 1);
    if (outcome === 'slow') await new Promise<void>((resolve) => this.clock.setTimer(resolve, 300));
  }

  /** The outbox as one process has it. */
  private troubled(member: { readonly isAlive: boolean }): Outbox<string> {
    return new Proxy(this.outbox, {
      get: (outbox, name: keyof Outbox<string>) => {
        return async (...args: never[]) => {
          if (!member.isAlive) return new Promise(() => {});
          const fate = this.fates.shift() ?? 'answered';
          const call = outbox[name] as (...given: never[]) => Promise<unknown>;
          const answer = fate === 'lost' ? undefined : await call.apply(outbox, args);
          if (fate === 'answered') return answer;
          throw new Error('the outbox is away');
        };
      },
    });
  }
}

async function play(fleet: Fleet, step: typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never): Promise<void> {
  if (step.kind === 'defer') await fleet.defer(`k${step.key}`, step.by);
  else if (step.kind === 'pass') await fleet.clock.advance(step.ms);
  else if (step.kind === 'trouble') fleet.fates.push(...step.fates);
  else if (step.kind === 'die') fleet.die(step.who);
  else fleet.isDeferred = step.isDeferred;
}

describe('drain, random fleets', () => {
  it('(1) (2) (3) (4) (5) delivers or keeps dead all that was accepted, at the rate, whoever fails or dies', async () => {
    const before = onHookError(() => {});
    onTestFinished(() => void onHookError(before));
    let deliveredTwice = 0;

    await fc.assert(
      fc.asyncProperty(steps, outcomes, async (taken, planned) => {
        const fleet = new Fleet(planned);
        for (const step of taken) await play(fleet, step);
        await fleet.end();

        const { accepted, delivered, deadKeys, starts } = fleet;
        const missing = [...accepted].filter((key) => !delivered.has(key) && !deadKeys.has(key));
        const gaps = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
        expect(missing).toEqual([]);
        expect(Math.min(200, ...gaps)).toBeGreaterThanOrEqual(199.999);
        expect({ ...(await fleet.outbox.count()), dead: 0 }).toEqual({ waiting: 0, taken: 0, dead: 0 });
        expect(fleet.clock.pendingCount).toBe(0);
        if ([...delivered.values()].some((count) => count > 1)) deliveredTwice++;
      }),
      { numRuns: 300 },
    );

    expect(deliveredTwice).toBeGreaterThan(0); // else nothing was in hand when a process died
  }, 60_000);
});
