import assert from 'node:assert/strict';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { UNREAD } from '../../kernel/clock.ts';
import { type CancellableContext, Context, contextKey } from '../../kernel/context.ts';
import type { Handler, Sink } from '../../kernel/handler.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { type Bulkhead, type BulkheadChanges, BulkheadFullError, type BulkheadPermit, bulkhead } from './bulkhead.ts';

/** Priority of a call, as its context has it. */
const priorityKey = contextKey<number>('priority');

/** Instants of different kinds never fall together: calls come at whole milliseconds, deadlines at halves, waits end at quarters. */
const HALF_MS = 0.5;
const QUARTER_MS = 0.25;

interface FullLimits {
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  readonly maxWaitMs: number;
  readonly minRunMs: number;
  readonly standingAfterMs: number;
  readonly order: 'fifo' | 'adaptive-lifo';
  readonly enforcement: 'enforce' | 'observe' | 'off';
}

/** How a call stands: waiting, running with or without a permit, or over, and why. */
type State = 'new' | 'waiting' | 'running' | 'uncounted' | 'over' | `refused: ${string}`;

interface Job {
  readonly context: CancellableContext;
  /** Its context as the policy sees it, with the priority. */
  readonly tagged: Context;
  readonly priority: number;
  readonly deadline: number;
  /** By the real bulkhead. */
  actual: State;
  /** By the model. */
  expected: State;
  joinedAt: number;
  cutAt: number;
  sink: Sink | undefined;
  settlements: number;
}

interface Held {
  readonly permit: BulkheadPermit;
  readonly context: CancellableContext;
  readonly isCounted: boolean;
}

type Action =
  | { readonly kind: 'submit' | 'acquire'; readonly priority: number; readonly withinMs: number }
  | { readonly kind: 'settle' | 'abort' | 'release' | 'abort-held'; readonly index: number }
  | { readonly kind: 'update'; readonly changes: BulkheadChanges }
  | { readonly kind: 'wait'; readonly ms: number };

/** The real bulkhead, driven by its handler, beside a naive model with one array of those that wait. */
class Workbench {
  readonly clock = virtualClock();
  readonly policy: Bulkhead;
  limits: FullLimits;
  running: Job[] = [];
  queue: Job[] = [];
  held: Held[] = [];
  /** The latest jobs, to compare how they ended. */
  recent: Job[] = [];
  admitted = 0;
  observed = 0;
  rejections: Record<string, number> = { 'queue-full': 0, 'would-miss-deadline': 0, 'max-wait': 0, evicted: 0 };
  private permits = 0;
  private emptyUntil = 0;
  private readonly handler: Handler;

  constructor(limits: FullLimits) {
    this.limits = limits;
    const priorityOf = (context: Context): number => context.value(priorityKey) ?? 0;
    this.policy = bulkhead({ ...limits, priorityOf, clock: this.clock });
    this.handler = this.policy.layer((operation, context, sink) => this.#start(operation(context) as Job, sink));
  }

  act(action: Action): void | Promise<void> {
    switch (action.kind) {
      case 'submit':
        return this.#submit(action.priority, action.withinMs);
      case 'acquire':
        return this.#acquire(action.withinMs);
      case 'settle':
        return this.#settle(this.running[action.index % this.running.length]);
      case 'abort':
        return this.#abort([...this.running, ...this.queue][action.index % (this.running.length + this.queue.length)]);
      case 'release':
      case 'abort-held':
        return this.#giveBack(action.index % this.held.length, action.kind);
      case 'update':
        return this.#update(action.changes);
      case 'wait':
        return this.#wait(action.ms);
    }
  }

  /** What must hold after every step. */
  checkCounts(): void {
    const { running, queued } = this.policy.snapshot();
    if (running !== this.permits || queued !== this.queue.length)
      throw new Error(`${running} running, ${queued} queued; model: ${this.permits}, ${this.queue.length}`);
  }

  checkAll(): void {
    const { running, queued, admitted, observed, rejections } = this.policy.snapshot();
    const counts = { running, queued, admitted, observed, rejections };
    const { permits, queue, rejections: refused } = this;
    const expected = { admitted: this.admitted, observed: this.observed, rejections: refused };
    assert.deepEqual(counts, { running: permits, queued: queue.length, ...expected });
    assert.deepEqual(
      this.recent.map(({ actual }) => actual),
      this.recent.map((job) => job.expected),
    );
    assert.ok(this.recent.every(({ actual, settlements }) => settlements === (isOver(actual) ? 1 : 0)));
  }

  #submit(priority: number, withinMs: number): void {
    const context = this.#contextOf(withinMs);
    const job: Job = {
      context,
      tagged: context.withValue(priorityKey, priority),
      priority,
      deadline: context.deadline,
      actual: 'new',
      expected: 'new',
      joinedAt: this.clock.now(),
      cutAt: context.deadline - this.limits.minRunMs,
      sink: undefined,
      settlements: 0,
    };
    this.recent.push(job);
    this.#expectArrival(job);
    const sink: Sink = {
      resolve: () => this.#note(job, 'over'),
      reject: () => this.#note(job, 'over'),
      refuse: (error) => this.#note(job, error instanceof BulkheadFullError ? `refused: ${error.reason}` : 'over'),
    };
    job.actual = 'waiting';
    this.handler(() => job, job.tagged, sink, UNREAD);
  }

  #start(job: Job, sink: Sink): void {
    const { running } = this.policy.snapshot();
    assert.ok(!this.#enforces() || running <= this.limits.maxConcurrent);
    job.actual = 'running';
    job.sink = sink;
  }

  #note(job: Job, state: State): void {
    job.actual = state;
    job.settlements++;
  }

  #settle(job: Job | undefined): void {
    if (job === undefined) return;
    this.#leave(job);
    job.sink?.resolve('value', UNREAD);
  }

  #abort(job: Job | undefined): void {
    if (job === undefined) return;
    const wasRunning = this.running.includes(job);
    if (wasRunning) this.#leave(job);
    else this.#drop(job, 'over');
    job.context.cancel('enough');
    if (wasRunning) job.sink?.reject('enough', UNREAD); // as the innermost handler does
  }

  #acquire(withinMs: number): void {
    const context = this.#contextOf(withinMs);
    const misses = this.#misses(context.deadline);
    const isFull = this.permits >= this.limits.maxConcurrent || this.queue.length > 0;
    const permit = this.policy.tryAcquire(context);
    if (this.#enforces() && (misses || isFull)) {
      assert.equal(permit, undefined);
      this.#reject(misses ? 'would-miss-deadline' : 'queue-full');
      return;
    }
    assert.ok(permit !== undefined);
    const isCounted = this.limits.enforcement !== 'off';
    if (this.limits.enforcement === 'observe') this.#observe(misses);
    if (isCounted) this.#admit();
    this.held.push({ permit, context, isCounted });
  }

  #giveBack(index: number, kind: 'release' | 'abort-held'): void {
    const [held] = this.held.splice(index, 1);
    if (held === undefined) return;
    if (held.isCounted) this.permits--;
    this.#handOn();
    if (kind === 'release') assert.ok(held.permit.release());
    else held.context.cancel();
    assert.deepEqual([held.permit.isReleased, held.permit.release()], [true, false]);
  }

  #update(changes: BulkheadChanges): void {
    this.limits = { ...this.limits, ...(changes as Partial<FullLimits>) };
    this.#handOn();
    this.#expire();
    this.policy.update(changes);
  }

  /** Moves time from one instant at which something is due to the next. */
  async #wait(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    for (;;) {
      const due = Math.min(...this.queue.map((job) => this.#dueAt(job)), ...this.#heldDeadlines());
      if (due > until) break;
      await this.clock.advanceTo(due); // oxlint-disable-line no-await-in-loop -- one instant after the other
      this.#expire();
      for (const { context } of this.held.filter((held) => held.context.deadline <= due)) {
        const at = this.held.findIndex((held) => held.context === context);
        if (this.held[at]?.isCounted === true) this.permits--;
        assert.ok(this.held.splice(at, 1)[0]?.permit.isReleased);
        this.#handOn();
      }
    }
    await this.clock.advanceTo(until);
  }

  #heldDeadlines(): number[] {
    return this.held.map(({ context }) => context.deadline);
  }

  #dueAt(job: Job): number {
    return Math.min(job.joinedAt + this.limits.maxWaitMs, job.cutAt, job.deadline);
  }

  #contextOf(withinMs: number): CancellableContext {
    const root = Context.withClock(this.clock);
    return withinMs === Infinity ? root.withCancel() : root.withTimeout(withinMs + HALF_MS);
  }

  // --- the model ---

  #expectArrival(job: Job): void {
    const { enforcement, maxConcurrent, maxQueued } = this.limits;
    const misses = this.#misses(job.deadline);
    if (enforcement === 'off') {
      job.expected = 'running';
      this.running.push(job);
      Object.assign(job, { cutAt: Infinity });
      uncounted.add(job);
    } else if (enforcement === 'observe') {
      this.#observe(misses);
      this.#run(job);
    } else if (misses) this.#refuse(job, 'would-miss-deadline');
    else if (this.permits < maxConcurrent && this.queue.length === 0) this.#run(job);
    else this.#expectToWait(job, maxQueued);
  }

  #observe(misses: boolean): void {
    if (misses || this.permits >= this.limits.maxConcurrent + this.limits.maxQueued) this.observed++;
  }

  #expectToWait(job: Job, maxQueued: number): void {
    let evicted: Job | undefined;
    if (this.queue.length === 0) this.emptyUntil = this.clock.now();
    if (this.queue.length >= maxQueued) {
      const lowest = Math.min(...this.queue.map(({ priority }) => priority));
      const candidates = this.queue.filter(({ priority }) => priority === lowest && priority < job.priority);
      evicted = this.#isStanding() ? candidates[0] : candidates.at(-1);
      if (evicted === undefined) {
        this.#refuse(job, 'queue-full');
        return;
      }
      this.#drop(evicted, 'refused: evicted');
      this.#reject('evicted');
    }
    this.queue.push(job);
    job.expected = 'waiting';
  }

  #handOn(): void {
    while (this.queue.length > 0 && (this.permits < this.limits.maxConcurrent || !this.#enforces())) {
      const highest = Math.max(...this.queue.map(({ priority }) => priority));
      const candidates = this.queue.filter(({ priority }) => priority === highest);
      const next = (this.#isStanding() ? candidates.at(-1) : candidates[0]) as Job;
      this.queue.splice(this.queue.indexOf(next), 1);
      if (this.#enforces() && next.joinedAt + this.limits.maxWaitMs <= this.clock.now()) this.#refuse(next, 'max-wait');
      else if (this.#enforces() && this.#misses(next.deadline)) this.#refuse(next, 'would-miss-deadline');
      else this.#run(next);
    }
  }

  /** Ends the waits that are over by now. */
  #expire(): void {
    const now = this.clock.now();
    for (const job of this.queue.filter((waiting) => this.#dueAt(waiting) <= now)) {
      this.queue.splice(this.queue.indexOf(job), 1);
      if (job.joinedAt + this.limits.maxWaitMs <= now) this.#refuse(job, 'max-wait');
      else if (job.cutAt <= now && job.cutAt < job.deadline) this.#refuse(job, 'would-miss-deadline');
      else job.expected = 'over';
    }
  }

  #enforces(): boolean {
    return this.limits.enforcement === 'enforce';
  }

  #isStanding(): boolean {
    const { order, standingAfterMs } = this.limits;
    return order === 'adaptive-lifo' && this.clock.now() - this.emptyUntil > standingAfterMs;
  }

  #misses(deadline: number): boolean {
    return this.limits.minRunMs > 0 && deadline - this.clock.now() < this.limits.minRunMs;
  }

  #run(job: Job): void {
    job.expected = 'running';
    this.running.push(job);
    this.#admit();
  }

  #admit(): void {
    this.permits++;
    this.admitted++;
  }

  #leave(job: Job): void {
    this.running.splice(this.running.indexOf(job), 1);
    job.expected = 'over';
    if (!uncounted.delete(job)) this.permits--;
    this.#handOn();
  }

  #drop(job: Job, state: State): void {
    this.queue.splice(this.queue.indexOf(job), 1);
    job.expected = state;
  }

  #refuse(job: Job, reason: string): void {
    job.expected = `refused: ${reason}`;
    this.#reject(reason);
  }

  #reject(reason: string): void {
    this.rejections[reason] = (this.rejections[reason] ?? 0) + 1;
  }
}

/** Jobs that began under `off`. */
const uncounted = new WeakSet<Job>();

function isOver(state: State): boolean {
  return state === 'over' || state.startsWith('refused');
}

const noLimits: FullLimits = {
  maxConcurrent: 2,
  maxQueued: 3,
  maxWaitMs: Infinity,
  minRunMs: 0,
  standingAfterMs: 10,
  order: 'fifo',
  enforcement: 'enforce',
};

const someChanges = fc.record(
  {
    maxConcurrent: fc.integer({ min: 1, max: 5 }),
    maxQueued: fc.integer({ min: 0, max: 6 }),
    maxWaitMs: fc.oneof(
      fc.constant(Infinity),
      fc.integer({ min: 1, max: 40 }).map((ms) => ms + QUARTER_MS),
    ),
    minRunMs: fc.integer({ min: 0, max: 20 }),
    standingAfterMs: fc.integer({ min: 1, max: 30 }),
    order: fc.constantFrom('fifo', 'adaptive-lifo'),
    enforcement: fc.constantFrom('enforce', 'enforce', 'enforce', 'observe', 'off'),
  },
  { requiredKeys: [] },
);
const within = fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 60 }));
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    arbitrary: fc.record({ kind: fc.constant('submit' as const), priority: fc.nat(3), withinMs: within }),
    weight: 8,
  },
  { arbitrary: fc.record({ kind: fc.constant('settle' as const), index: fc.nat(9) }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('abort' as const), index: fc.nat(9) }), weight: 1 },
  {
    arbitrary: fc.record({ kind: fc.constant('acquire' as const), priority: fc.constant(0), withinMs: within }),
    weight: 1,
  },
  {
    arbitrary: fc.record({ kind: fc.constantFrom('release' as const, 'abort-held' as const), index: fc.nat(9) }),
    weight: 1,
  },
  {
    arbitrary: someChanges.map((changes): Action => ({ kind: 'update', changes: changes as BulkheadChanges })),
    weight: 1,
  },
  { arbitrary: fc.integer({ min: 1, max: 25 }).map((ms): Action => ({ kind: 'wait', ms })), weight: 2 },
);
const actions = fc.array(action, { maxLength: 60, size: 'max' });

/** Plays `steps`, comparing everything after each. */
async function playOut(limits: FullLimits, steps: readonly Action[]): Promise<Workbench> {
  const workbench = new Workbench(limits);
  for (const step of steps) {
    await workbench.act(step); // oxlint-disable-line no-await-in-loop -- one after the other
    workbench.checkAll();
  }
  return workbench;
}

describe('bulkhead, all options at once, against a naive model', () => {
  it('bulkhead (1) (3) (5) (6), permits (1) (2) (3), charter O1: runs, queues, evicts and refuses the very calls that the model does', async () => {
    const property = fc.asyncProperty(someChanges, actions, async (limits, steps) => {
      await playOut({ ...noLimits, ...(limits as Partial<FullLimits>) }, steps);
    });
    await fc.assert(property, { numRuns: 500 });
  }, 60_000);

  it('bulkhead (7) keeps a timer only while calls wait, and none at the end', async () => {
    const property = fc.asyncProperty(actions, fc.integer({ min: 1, max: 30 }), async (steps, waitMs) => {
      const ageless = steps.map((step) => ('withinMs' in step ? { ...step, withinMs: Infinity } : step));
      const workbench = new Workbench({ ...noLimits, maxWaitMs: waitMs + QUARTER_MS });
      for (const step of ageless) {
        await workbench.act(step); // oxlint-disable-line no-await-in-loop -- one after the other
        const { queued, maxWaitMs } = workbench.policy.snapshot();
        expect(workbench.clock.pendingCount).toBe(queued > 0 && maxWaitMs !== Infinity ? 1 : 0);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  }, 60_000);

  it('bulkhead (2) (4), charter G5: conserves its permits and places over 1,000,000 random operations', async () => {
    const seed = Number(process.env['BULKHEAD_SEED'] ?? fc.sample(fc.nat(), 1)[0]);
    console.info(`bulkhead, 1,000,000 operations: BULKHEAD_SEED=${seed}`);
    const workbench = new Workbench({ ...noLimits, maxConcurrent: 8, maxQueued: 16 });
    const random = seededRandom(seed);
    for (let step = 0; step < 1_000_000; step++) {
      const waiting = workbench.act(randomAction(random));
      if (waiting !== undefined) await waiting; // oxlint-disable-line no-await-in-loop -- one after the other
      workbench.checkCounts();
      if (step % 1000 !== 0) continue;
      workbench.checkAll();
      workbench.recent = workbench.recent.filter(({ actual }) => !isOver(actual));
    }
    workbench.checkAll();
    expect(Math.min(...Object.values(workbench.rejections), workbench.observed)).toBeGreaterThan(100);

    void workbench.act({ kind: 'update', changes: { enforcement: 'enforce' } });
    while (workbench.queue.length + workbench.running.length > 0) void workbench.act({ kind: 'abort', index: 0 });
    while (workbench.held.length > 0) void workbench.act({ kind: 'release', index: 0 });
    workbench.checkAll();
    expect(workbench.policy.snapshot()).toMatchObject({ running: 0, queued: 0 });
    expect(workbench.clock.pendingCount).toBe(0);
  }, 60_000); // some 3 s; more where the machine is busy
});

/** One of the operations, most often a call that comes or one that settles. */
function randomAction(random: () => number): Action {
  const upTo = (count: number): number => Math.floor(random() * count);
  const withinMs = random() < 0.5 ? Infinity : upTo(60);
  const dice = random();
  if (dice < 0.5) return { kind: 'submit', priority: upTo(4), withinMs };
  if (dice < 0.78) return { kind: 'settle', index: upTo(100) };
  if (dice < 0.84) return { kind: 'abort', index: upTo(100) };
  if (dice < 0.88) return { kind: 'acquire', priority: 0, withinMs };
  if (dice < 0.92) return { kind: random() < 0.5 ? 'release' : 'abort-held', index: upTo(100) };
  if (dice < 0.98) return { kind: 'wait', ms: 1 + upTo(5) };
  return { kind: 'update', changes: randomChanges(random) };
}

function randomChanges(random: () => number): BulkheadChanges {
  const upTo = (count: number): number => Math.floor(random() * count);
  return {
    maxConcurrent: 1 + upTo(16),
    maxQueued: upTo(20),
    maxWaitMs: random() < 0.5 ? Infinity : 1 + upTo(40) + QUARTER_MS,
    minRunMs: random() < 0.5 ? 0 : upTo(20),
    order: random() < 0.5 ? 'fifo' : 'adaptive-lifo',
    standingAfterMs: 1 + upTo(20),
    enforcement: random() < 0.8 ? 'enforce' : random() < 0.5 ? 'observe' : 'off',
  };
}
