import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type CancellableContext, Context, contextKey } from '../../kernel/context.ts';
import { type PolicyEvent, createEvents } from '../../kernel/events.ts';
import { observe } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type CircuitBreaker, circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { type Keyed, type KeyedCreatedEvent, type KeyedEvictedEvent, keyed } from './keyed.ts';

type Command =
  | { readonly kind: 'call'; readonly key: string; readonly how: 'slow' | 'value' | 'failure' }
  | { readonly kind: 'succeed' | 'fail' | 'cancel'; readonly index: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'reset' | 'evict' | 'get'; readonly key: string }
  | { readonly kind: 'resize'; readonly maxKeys: number }
  | { readonly kind: 'look' };

const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const commands = (howOfCalls: readonly ('slow' | 'value' | 'failure')[]): fc.Arbitrary<Command[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('call' as const), key: keys, how: fc.constantFrom(...howOfCalls) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('succeed', 'fail', 'cancel'), index: fc.nat(6) }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 10, 50, 100) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('reset', 'evict', 'get'), key: keys }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('resize' as const), maxKeys: fc.integer({ min: 1, max: 5 }) }),
      },
      { weight: 1, arbitrary: fc.constant<Command>({ kind: 'look' }) },
    ),
    { maxLength: 60, size: 'max' },
  );
const sizes = fc.record({ maxKeys: fc.integer({ min: 1, max: 5 }), idleMs: fc.constantFrom(1, 60, 100, Infinity) });

/** What the model knows of a member. */
interface Entry {
  readonly breaker: CircuitBreaker;
  running: number;
  /** Number of the settle that made it idle: the least is the least recently used. */
  usedAs: number;
  idleSince: number;
}

/** Keys that may be evicted, least recently used first. */
interface Victims {
  readonly expired: readonly string[];
  readonly others: readonly string[];
}

interface Running {
  readonly entry: Entry;
  readonly context: CancellableContext;
  readonly finish: (fails: boolean) => void;
}

const host = contextKey<string>('host');

/** The real policy beside a model that is a map, searched from end to end. */
class Trial {
  readonly clock = virtualClock();
  readonly policy: Keyed<CircuitBreaker>;
  maxKeys: number;
  readonly idleMs: number;
  readonly entries = new Map<string, Entry>();
  readonly overflow: Entry;
  readonly running: Running[] = [];
  readonly told: PolicyEvent[] = [];
  readonly made = new Map<string, CircuitBreaker>();
  readonly faults: string[] = [];
  settles = 0;
  /** Whether a circuit has opened: from then on, the order of evictions is not that of the model. */
  hasOpened = false;

  constructor({ maxKeys, idleMs }: { readonly maxKeys: number; readonly idleMs: number }) {
    this.maxKeys = maxKeys;
    this.idleMs = idleMs;
    const { clock } = this;
    const events = createEvents();
    events.listen((event) => this.told.push(event));
    const make = (key: string): CircuitBreaker => {
      const breaker = circuitBreaker({ name: key, clock, minimumCalls: 1, openForMs: 50, maxProbes: 1 });
      this.made.set(key, breaker);
      return breaker;
    };
    this.policy = keyed({ keyOf: (context) => context.value(host) ?? '-', make, maxKeys, idleMs, clock, events });
    this.overflow = { breaker: this.policy.overflow, running: 0, usedAs: 0, idleSince: 0 };
  }

  async play(command: Command): Promise<void> {
    this.told.length = 0;
    if (command.kind === 'call') await this.#call(command.key, command.how);
    else if (command.kind === 'advance') await this.clock.advance(command.ms);
    else if (command.kind === 'resize') this.#resize(command.maxKeys);
    else if ('index' in command) await this.#end(command.kind, this.running[command.index]);
    else this.#ask(command);
    this.hasOpened ||= [...this.made.values()].some(({ state }) => state !== 'closed');
  }

  mayGo({ running, breaker }: Entry): boolean {
    return running === 0 && breaker.state === 'closed';
  }

  #ask(command: Extract<Command, { kind: 'reset' | 'evict' | 'get' | 'look' }>): void {
    if (command.kind === 'evict') {
      this.#evict(command.key);
      return;
    }
    if (command.kind === 'reset') this.policy.get(command.key)?.reset();
    if (command.kind === 'get') this.policy.get(command.key);
    this.#expire();
  }

  async #call(key: string, how: 'slow' | 'value' | 'failure'): Promise<void> {
    const known = this.entries.get(key);
    const evictable = known === undefined ? this.#victims() : undefined;
    const context = Context.background.withValue(host, key).withCancel();
    let finish: (fails: boolean) => void = () => {};
    let isRunning = false;
    const call = observe(
      this.policy.execute(() => {
        if (how === 'value') return 'value';
        if (how === 'failure') throw new Error('boom');
        isRunning = true;
        return new Promise((resolve, reject) => {
          finish = (fails) => (fails ? reject(new Error('boom')) : resolve('value'));
        });
      }, context),
    );
    if (evictable !== undefined) this.#makeRoom(key, evictable);
    const entry = this.entries.get(key) ?? this.overflow;
    entry.running++;
    if (isRunning) this.running.push({ entry, context, finish: (fails) => finish(fails) });
    else this.#leave(entry);
    await settle();
    this.#require((call().status === 'pending') === isRunning, 'a call pends exactly while its operation runs');
  }

  /** The entries that a new key may drive out: those that have expired, and the rest, least recently used first. */
  #victims(): Victims {
    const free = [...this.entries]
      .filter(([, entry]) => this.mayGo(entry))
      .toSorted(([, a], [, b]) => a.usedAs - b.usedAs);
    const isExpired = ({ idleSince }: Entry): boolean => this.clock.now() - idleSince >= this.idleMs;
    return {
      expired: free.filter(([, entry]) => isExpired(entry)).map(([key]) => key),
      others: free.filter(([, entry]) => !isExpired(entry)).map(([key]) => key),
    };
  }

  #makeRoom(key: string, { expired, others }: Victims): void {
    const evicted = this.#evictedNow();
    const idle = evicted.filter(({ reason }) => reason === 'idle').map(({ key: gone }) => gone);
    const full = evicted.filter(({ reason }) => reason === 'full').map(({ key: gone }) => gone);
    this.#require(same(idle, expired), `idle: ${idle.join()} instead of ${expired.join()}`);
    for (const gone of expired) this.entries.delete(gone);
    this.#dropFull(full, others, this.maxKeys - 1);
    const created = this.told.filter((event): event is KeyedCreatedEvent => event.type === 'keyed.created');
    const expected = this.entries.size < this.maxKeys ? [key] : [];
    this.#require(
      same(
        created.map((event) => event.key),
        expected,
      ),
      `made ${created.length} for ${key}`,
    );
    if (created.length === 0) return;
    this.entries.set(key, { breaker: this.made.get(key) as CircuitBreaker, running: 0, usedAs: 0, idleSince: 0 });
  }

  /** Takes note of those that had to go so that `size` are left. */
  #dropFull(full: readonly string[], others: readonly string[], size: number): void {
    const wanted = Math.min(others.length, Math.max(0, this.entries.size - size));
    this.#require(full.length === wanted, `full: ${full.join()} of ${others.join()}, ${wanted} wanted`);
    for (const [index, gone] of full.entries()) {
      this.#require(this.hasOpened ? others.includes(gone) : gone === others[index], `${gone} of ${others.join()}`);
      this.entries.delete(gone);
    }
  }

  #resize(maxKeys: number): void {
    const { expired, others } = this.#victims();
    const before = this.policy.describe();
    this.#require(
      refuses(() => this.policy.update({ maxKeys, idleMs: 0 })),
      'an update out of range is refused',
    );
    this.#require(
      JSON.stringify(this.policy.describe()) === JSON.stringify(before),
      'a refused update changes nothing',
    );
    this.maxKeys = maxKeys;
    this.policy.update({ maxKeys });
    this.#dropFull(
      this.#evictedNow().map(({ key }) => key),
      [...expired, ...others], // those that have expired were used before the others
      maxKeys,
    );
  }

  #evict(key: string): void {
    const entry = this.entries.get(key);
    const expected = entry !== undefined && this.mayGo(entry);
    this.#require(this.policy.evict(key) === expected, `evict(${key}) is ${String(expected)}`);
    if (expected) this.entries.delete(key);
  }

  #expire(): void {
    const found = this.policy.keys();
    for (const { key, reason } of this.#evictedNow()) {
      const entry = this.entries.get(key) as Entry;
      const isDue = reason === 'full' || this.clock.now() - entry.idleSince >= this.idleMs;
      this.#require(reason !== 'full' || this.entries.size > this.maxKeys, `${key} had a place`);
      this.#require(this.mayGo(entry) && isDue, `${key} may go`);
      this.entries.delete(key);
    }
    this.#require(same(found, [...this.entries.keys()]), `keys ${found.join()}`);
    this.#require(this.#victims().expired.length === 0, 'nothing has expired after a look');
  }

  async #end(how: 'succeed' | 'fail' | 'cancel', call: Running | undefined): Promise<void> {
    if (call === undefined) return;
    this.running.splice(this.running.indexOf(call), 1);
    if (how === 'cancel') call.context.cancel('enough');
    else call.finish(how === 'fail');
    await settle();
    this.#leave(call.entry);
  }

  #leave(entry: Entry): void {
    if (--entry.running > 0) return;
    entry.usedAs = ++this.settles;
    entry.idleSince = this.clock.now();
  }

  #require(holds: boolean, what: string): void {
    if (!holds) this.faults.push(what);
  }

  #evictedNow(): KeyedEvictedEvent[] {
    return this.told.filter((event): event is KeyedEvictedEvent => event.type === 'keyed.evicted');
  }
}

/** Circuits that are not closed. */
function openCount({ made }: Trial): number {
  return [...made.values()].filter(({ state }) => state !== 'closed').length;
}

function refuses(act: () => void): boolean {
  try {
    act();
    return false;
  } catch {
    return true;
  }
}

function same(some: readonly string[], others: readonly string[]): boolean {
  return some.toSorted().join() === others.toSorted().join();
}

describe('keyed, against a model that is a map', () => {
  it('(1), (2), (5), members (1), (2), (4): bounded, nothing busy or open evicted, same member while it lives', async () => {
    let openings = 0;
    const property = fc.asyncProperty(sizes, commands(['slow', 'value', 'failure']), async (size, steps) => {
      const trial = new Trial(size);
      for (const step of steps) {
        await trial.play(step);
        await trial.play({ kind: 'look' });
        expect(trial.faults).toEqual([]);
        expect(trial.policy.snapshot().running).toBe(trial.running.length);
        expect(trial.policy.size).toBeLessThanOrEqual(Math.max(trial.maxKeys, trial.running.length + openCount(trial)));
        for (const [key, { breaker }] of trial.entries) expect(trial.policy.get(key)).toBe(breaker);
      }
      if (trial.hasOpened) openings++;
      expect(trial.clock.pendingCount).toBe(0);
    });
    await fc.assert(property, { numRuns: 1000 });
    expect(openings).toBeGreaterThan(100);
  }, 60_000);

  it('members (3), (4): evicts exactly what the model does, in its order, where no circuit opens', async () => {
    const property = fc.asyncProperty(sizes, commands(['slow', 'value', 'value']), async (size, steps) => {
      const trial = new Trial(size);
      for (const step of steps) await trial.play(step.kind === 'fail' ? { ...step, kind: 'succeed' } : step);
      expect([trial.faults, trial.hasOpened]).toEqual([[], false]);
    });
    await fc.assert(property, { numRuns: 1000 });
  }, 60_000);
});
