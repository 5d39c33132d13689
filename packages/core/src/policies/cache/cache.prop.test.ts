import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import { RejectionError } from '../../kernel/errors.ts';
import { type Standing, observe, settled } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type Cache, cache } from './cache.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

const topic = contextKey<string>('topic');
const keys = ['a', 'b', 'c', 'd'];
const runs = { numRuns: 400 };

const settings = fc.record({
  ttlMs: fc.integer({ min: 0, max: 40 }),
  staleWhileRevalidateMs: fc.constantFrom(0, 10, 30),
  staleIfErrorMs: fc.constantFrom(0, 20, 60),
  failureTtlMs: fc.constantFrom(0, 0, 15),
  maxEntries: fc.integer({ min: 1, max: 4 }),
});
type Settings = typeof settings extends fc.Arbitrary<infer S> ? S : never;

const commands = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        does: fc.constant('call' as const),
        key: fc.constantFrom(...keys),
        how: fc.constantFrom('value', 'value', 'error', 'refusal'),
      }),
    },
    { weight: 4, arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('invalidate' as const), key: fc.constantFrom(...keys) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('clear' as const) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('update' as const), changes: settings }) },
  ),
  { maxLength: 40 },
);
type Command = typeof commands extends fc.Arbitrary<(infer C)[]> ? C : never;

/** What a call comes to: what it is given, and whether the operation ran. */
interface Answer {
  readonly standing: Standing;
  readonly ran: boolean;
}

/** What the operation would come to. */
interface Made {
  readonly how: string;
  readonly what: unknown;
}

interface Kept {
  readonly key: string;
  readonly value?: { readonly what: unknown; readonly at: number };
  failure?: { readonly error: unknown; readonly until: number };
}

/** A cache as one would write it down: a list of what was stored when, and the rules of the page, word for word. */
class Model {
  settings: Settings;
  /** In the order of use, the newest last. */
  private kept: Kept[] = [];

  constructor(given: Settings) {
    this.settings = given;
  }

  call(key: string, now: number, outcome: Made): Answer {
    const { ttlMs, staleWhileRevalidateMs } = this.settings;
    const entry = this.find(key);
    const ageMs = this.ageOf(entry, now);
    const failure = entry?.failure !== undefined && now < entry.failure.until ? entry.failure : undefined;
    if (ageMs < ttlMs) return this.useKept(key, false);
    if (ageMs < ttlMs + staleWhileRevalidateMs) {
      const answer = this.useKept(key, failure === undefined);
      if (failure === undefined) this.learn(key, now, outcome);
      return answer;
    }
    if (failure !== undefined) return this.answerFailure({ key, ageMs, error: failure.error, ran: false });
    this.learn(key, now, outcome);
    if (outcome.how === 'value') return { standing: { status: 'fulfilled', value: outcome.what }, ran: true };
    return this.answerFailure({ key, ageMs, error: outcome.what, ran: true });
  }

  forget(key?: string): void {
    this.kept = key === undefined ? [] : this.kept.filter((each) => each.key !== key);
  }

  change(next: Settings): void {
    this.settings = next;
    this.kept.splice(0, Math.max(0, this.kept.length - next.maxEntries));
  }

  get size(): number {
    return this.kept.length;
  }

  private find(key: string): Kept | undefined {
    return this.kept.find((each) => each.key === key);
  }

  private ageOf(entry: Kept | undefined, now: number): number {
    return entry?.value === undefined ? Infinity : now - entry.value.at;
  }

  private useKept(key: string, ran: boolean): Answer {
    const entry = this.find(key) as Kept;
    this.put(entry);
    return { standing: { status: 'fulfilled', value: entry.value?.what }, ran };
  }

  private answerFailure({
    key,
    ageMs,
    error,
    ran,
  }: {
    key: string;
    ageMs: number;
    error: unknown;
    ran: boolean;
  }): Answer {
    const { ttlMs, staleIfErrorMs } = this.settings;
    if (ageMs < ttlMs + staleIfErrorMs) return this.useKept(key, ran);
    return { standing: { status: 'rejected', error }, ran };
  }

  private learn(key: string, now: number, { how, what }: Made): void {
    const entry = this.find(key);
    const { failureTtlMs } = this.settings;
    const made = { key, value: { what, at: now } };
    if (how === 'value' && this.isDead(made, now)) this.forget(key); // it would be of no use at once
    else if (how === 'value') this.put(made);
    else if (how === 'error' && failureTtlMs > 0) {
      const failure = { error: what, until: now + failureTtlMs };
      if (entry === undefined || this.isDead(entry, now)) this.put({ key, failure });
      else entry.failure = failure;
    }
  }

  private isDead(entry: Kept, now: number): boolean {
    const { ttlMs, staleWhileRevalidateMs, staleIfErrorMs } = this.settings;
    const goodForMs = ttlMs + Math.max(staleWhileRevalidateMs, staleIfErrorMs);
    const isGood = entry.value !== undefined && now - entry.value.at < goodForMs;
    return !isGood && (entry.failure === undefined || now >= entry.failure.until);
  }

  private put(entry: Kept): void {
    this.forget(entry.key);
    this.kept.push(entry);
    this.kept.splice(0, Math.max(0, this.kept.length - this.settings.maxEntries));
  }
}

/** Plays one command on both. */
async function play(
  policy: Cache,
  model: Model,
  { command, clock, number }: { command: Command; clock: VirtualClock; number: number },
): Promise<void> {
  switch (command.does) {
    case 'wait':
      return clock.advance(command.ms);
    case 'invalidate':
      policy.invalidate(command.key);
      return model.forget(command.key);
    case 'clear':
      policy.clear();
      return model.forget();
    case 'update':
      policy.update(command.changes);
      return model.change(command.changes);
    case 'call': {
      const { key, how } = command;
      const what = how === 'value' ? { number } : how === 'error' ? new Error(`${number}`) : new Refused(`${number}`);
      let ran = false;
      const operation = async (): Promise<unknown> => {
        ran = true;
        if (how === 'value') return what;
        throw what;
      };
      const expected = model.call(key, clock.now(), { how, what });
      const standing = await settled(policy.execute(operation, Context.background.withValue(topic, key)));
      await settle();
      expect({ standing, ran }).toStrictEqual(expected);
      if (expected.standing.status === 'fulfilled' && standing.status === 'fulfilled')
        expect(standing.value).toBe(expected.standing.value); // (2)
    }
  }
}

describe('cache, whatever happens', () => {
  it('(1), (2), (4), (8), (9), (11): gives what a list of values and times gives', async () => {
    const property = fc.asyncProperty(settings, commands, async (given, history) => {
      const clock = virtualClock();
      const policy = cache({ keyOf: (context) => context.value(topic), clock, expiryJitterRatio: 0, ...given });
      const model = new Model(given);

      for (const [number, command] of history.entries()) {
        await play(policy, model, { command, clock, number });
        expect(policy.snapshot().size).toBeLessThanOrEqual(model.settings.maxEntries);
        expect([clock.pendingCount, policy.snapshot().inFlight]).toEqual([0, 0]);
      }
    });
    await fc.assert(property, {
      ...runs,
      examples: [
        [
          { ttlMs: 0, staleWhileRevalidateMs: 0, staleIfErrorMs: 0, failureTtlMs: 0, maxEntries: 1 },
          [
            { does: 'call', key: 'a', how: 'value' }, // of no use, so that it is not there when it would be
            {
              does: 'update',
              changes: { ttlMs: 0, staleWhileRevalidateMs: 0, staleIfErrorMs: 20, failureTtlMs: 0, maxEntries: 1 },
            },
            { does: 'call', key: 'a', how: 'error' },
          ],
        ],
      ],
    });
  });

  const callers = fc.array(
    fc.record({
      key: fc.constantFrom('a', 'b'),
      startsAfterMs: fc.integer({ min: 0, max: 60 }),
      takesMs: fc.integer({ min: 0, max: 30 }),
      fails: fc.boolean(),
      leavesAfterMs: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
    }),
    { maxLength: 12 },
  );

  it('(3), (5), (6), charter G5: runs once per key at a time, for as long as somebody waits', async () => {
    const property = fc.asyncProperty(settings, callers, async (given, plans) => {
      const clock = virtualClock();
      const policy = cache({ keyOf: (context) => context.value(topic), clock, ...given });
      const running = new Map<string, number>();
      let mostAtOnce = 0;
      const calls: { standing: () => Standing; context: Context; leavesAt: number }[] = [];

      for (const plan of plans) {
        clock.setTimer(() => {
          const context = Context.withClock(clock).withCancel();
          const operation = (own: Context): Promise<unknown> => {
            running.set(plan.key, (running.get(plan.key) ?? 0) + 1);
            mostAtOnce = Math.max(mostAtOnce, running.get(plan.key) ?? 0);
            const end = (): void => void running.set(plan.key, (running.get(plan.key) ?? 0) - 1);
            return new Promise((resolve, reject) => {
              const timer = clock.setTimer(() => {
                unhook();
                end();
                if (plan.fails) reject(new Error('failed'));
                else resolve('value');
              }, plan.takesMs + 0.5);
              const unhook = own.onCancel(() => {
                timer.cancel();
                end();
              });
            });
          };
          const standing = observe(policy.execute(operation, context.withValue(topic, plan.key)));
          const leavesAt = plan.leavesAfterMs === undefined ? Infinity : clock.now() + plan.leavesAfterMs;
          calls.push({ standing, context, leavesAt });
          if (plan.leavesAfterMs !== undefined)
            clock.setTimer(() => context.cancel({ left: true }), plan.leavesAfterMs);
        }, plan.startsAfterMs);
      }
      await clock.advance(500);

      expect(mostAtOnce).toBeLessThanOrEqual(1); // (3)
      for (const { standing, context, leavesAt } of calls) {
        const ended = standing();
        expect(ended.status).not.toBe('pending');
        const isOwnEnd = ended.status === 'rejected' && !(ended.error instanceof Error);
        if (isOwnEnd) expect(ended.error).toBe(context.cause); // (5): never that of another
        if (leavesAt === Infinity) expect(isOwnEnd).toBe(false);
      }
      expect([policy.snapshot().inFlight, clock.pendingCount]).toEqual([0, 0]); // (6)
      expect([...running.values()].every((count) => count === 0)).toBe(true);
    });
    await fc.assert(property, runs);
  });
});
