import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type CancellableContext, Context, contextKey } from '../../kernel/context.ts';
import type { Operation, Sink } from '../../kernel/handler.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { createPolicy } from '../../kernel/policy.ts';
import { observe } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { coalesce } from './coalesce.ts';

type Command =
  | { readonly kind: 'call'; readonly key: string | undefined; readonly deadlineMs: number }
  | { readonly kind: 'admit' | 'refuse' | 'succeed' | 'fail'; readonly index: number }
  | { readonly kind: 'abort'; readonly index: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'resize'; readonly maxKeys: number };

const call = fc.record({
  kind: fc.constant('call' as const),
  key: fc.constantFrom('a', 'a', 'b', 'c', undefined),
  deadlineMs: fc.oneof(
    fc.constant(Infinity),
    fc.integer({ min: 0, max: 20 }).map((half) => 2 * half + 1),
  ),
});
const onRun = fc.record({
  kind: fc.constantFrom('admit' as const, 'admit' as const, 'refuse' as const, 'succeed' as const, 'fail' as const),
  index: fc.nat(3),
});
const abort = fc.record({ kind: fc.constant('abort' as const), index: fc.nat(5) });
/** Time moves by even steps and deadlines are odd, so that no two things happen at one instant but equal deadlines. */
const advance = fc.record({
  kind: fc.constant('advance' as const),
  ms: fc.integer({ min: 0, max: 10 }).map((half) => 2 * half),
});
const resize = fc.record({ kind: fc.constant('resize' as const), maxKeys: fc.integer({ min: 1, max: 3 }) });
const commands = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: call },
    { weight: 3, arbitrary: onRun },
    { weight: 2, arbitrary: abort },
    { weight: 1, arbitrary: advance },
    { weight: 1, arbitrary: resize },
  ),
  { minLength: 1, maxLength: 30, size: 'max' },
);

const topic = contextKey<string>('topic');

const hows = { refuse: 'refuse', succeed: 'resolve', fail: 'reject' } as const;

/** How a call ended, as a layer around the policy hears it. */
interface Ending {
  readonly how: 'resolve' | 'reject' | 'refuse';
  readonly what: unknown;
}

/** One call: what came of it, and what the model says must have. */
interface Traced {
  readonly key: string | undefined;
  readonly context: CancellableContext;
  readonly endings: Ending[];
  expected: Ending | undefined;
}

/** One run as the model sees it: first held before the operation, then in it, then over. */
interface ModelRun {
  readonly key: string | undefined;
  readonly isShared: boolean;
  readonly waiting: Traced[];
  hasRun: boolean;
  cause: unknown;
  isOver: boolean;
}

/** One run as it really came to the innermost layer. */
interface RealRun {
  readonly context: Context;
  /** Lets it into the operation. */
  readonly admit: () => void;
  readonly refuse: (error: unknown) => void;
  finish: ((how: 'resolve' | 'reject', what: unknown) => void) | undefined;
}

/** The real policy, between a layer that listens and one that holds each run, beside a naive model of lists. */
class Trial {
  readonly clock = virtualClock();
  readonly policy;
  readonly calls: Traced[] = [];
  readonly model: ModelRun[] = [];
  readonly real: RealRun[] = [];
  readonly counts = { runs: 0, shared: 0, overflowed: 0, abandoned: 0, observed: 0 };
  private maxKeys: number;
  private readonly subject;
  private arriving: Traced | undefined;
  private outcomes = 0;

  constructor(maxKeys: number) {
    this.maxKeys = maxKeys;
    this.policy = coalesce({ maxKeys, keyOf: (context) => context.value(topic) });
    this.subject = pipeline(this.listener(), this.policy, this.holder());
  }

  async play(command: Command): Promise<void> {
    if (command.kind === 'call') this.call(command.key, command.deadlineMs);
    else if (command.kind === 'advance') await this.advance(command.ms);
    else if (command.kind === 'abort') this.abort(command.index);
    else if (command.kind === 'resize') this.resize(command.maxKeys);
    else await this.onRun(command.kind, command.index);
  }

  get liveRuns(): ModelRun[] {
    return this.model.filter(({ isOver }) => !isOver);
  }

  get sharedRuns(): ModelRun[] {
    return this.liveRuns.filter(({ isShared }) => isShared);
  }

  /** What the policy shows. */
  seen(): unknown {
    return {
      snapshot: this.policy.snapshot(),
      endings: this.calls.map(({ endings }) => endings),
      causes: this.real.map(({ context }, index) => (this.model[index]?.isShared === true ? context.cause : undefined)),
    };
  }

  /** What it must show. */
  expected(): unknown {
    const { maxKeys, counts } = this;
    return {
      snapshot: { enforcement: 'enforce', inFlight: this.sharedRuns.length, maxKeys, ...counts },
      endings: this.calls.map(({ expected }) => (expected === undefined ? [] : [expected])),
      causes: this.model.map(({ isShared, cause }) => (isShared ? cause : undefined)),
    };
  }

  /** Deadlines that somebody still waits for: there is a timer for each of them, and no other. */
  expectedTimers(): number {
    return this.calls.filter((each) => each.expected === undefined && each.context.deadline !== Infinity).length;
  }

  private call(key: string | undefined, deadlineMs: number): void {
    const context = Context.withClock(this.clock)
      .withValue(topic, key as string)
      .withTimeout(deadlineMs);
    const traced: Traced = { key, context, endings: [], expected: undefined };
    this.calls.push(traced);
    const running = key === undefined ? undefined : this.sharedRuns.find((run) => run.key === key);
    if (running === undefined) {
      const isShared = key !== undefined && this.sharedRuns.length < this.maxKeys;
      if (isShared) this.counts.runs++;
      else if (key !== undefined) this.counts.overflowed++;
      this.model.push({ key, isShared, waiting: [traced], hasRun: false, cause: undefined, isOver: false });
    } else {
      this.counts.shared++;
      running.waiting.push(traced);
    }
    this.arriving = traced;
    observe(this.subject.execute(() => this.operate(), context));
  }

  private async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    const late = this.calls.filter((each) => each.expected === undefined && each.context.deadline <= this.clock.now());
    for (const each of late.toSorted((a, b) => a.context.deadline - b.context.deadline)) this.leave(each);
  }

  private resize(maxKeys: number): void {
    this.maxKeys = maxKeys;
    this.policy.update({ maxKeys });
  }

  private abort(index: number): void {
    const waiting = this.calls.filter(({ expected }) => expected === undefined)[index];
    if (waiting === undefined) return;
    waiting.context.cancel(`abort ${this.outcomes++}`);
    this.leave(waiting);
  }

  private leave(traced: Traced): void {
    const run = this.model.find(({ waiting }) => waiting.includes(traced)) as ModelRun;
    const { cause } = traced.context;
    traced.expected = { how: run.hasRun ? 'reject' : 'refuse', what: cause };
    run.waiting.splice(run.waiting.indexOf(traced), 1);
    if (run.waiting.length > 0) return;
    run.isOver = true;
    run.cause = cause;
    if (run.isShared) this.counts.abandoned++;
  }

  /** Abandoned runs are told as well: it must not matter. */
  private async onRun(kind: 'admit' | 'refuse' | 'succeed' | 'fail', index: number): Promise<void> {
    const isHeld = kind === 'admit' || kind === 'refuse';
    const run = this.model.filter(({ hasRun }) => hasRun !== isHeld)[index];
    if (run === undefined) return;
    const real = this.real[this.model.indexOf(run)] as RealRun;
    if (kind === 'admit') {
      run.hasRun = !run.isOver; // nothing runs under a context that has ended
      real.admit();
    } else {
      this.finish(run, real, kind);
      await settle();
    }
  }

  private finish(run: ModelRun, real: RealRun, kind: 'refuse' | 'succeed' | 'fail'): void {
    const what = { number: this.outcomes++ };
    const how = hows[kind];
    this.end(run, { how, what });
    if (how === 'refuse') real.refuse(what);
    else real.finish?.(how, what);
  }

  private end(run: ModelRun, ending: Ending): void {
    if (run.isOver) return;
    run.isOver = true;
    for (const traced of run.waiting.splice(0)) traced.expected = ending;
  }

  private operating: RealRun | undefined;

  private operate(): Promise<unknown> {
    const real = this.operating as RealRun;
    return new Promise((resolve, reject) => {
      real.finish = (how, what) => (how === 'resolve' ? resolve(what) : reject(what));
    });
  }

  /** The outermost layer: writes down each report to a call, the second one, too. */
  private listener() {
    return createPolicy({
      kind: 'listener',
      name: 'listener',
      layer: (inner) => (operation, context, sink, now) => {
        const { endings } = this.arriving as Traced;
        const told = (how: Ending['how'], what: unknown, at: number): void => {
          endings.push({ how, what });
          sink[how](what, at);
        };
        const listening: Sink = {
          resolve: (value, at) => told('resolve', value, at),
          reject: (error, at) => told('reject', error, at),
          refuse: (error, at) => told('refuse', error, at),
        };
        inner(operation, context, listening, now);
      },
    });
  }

  /** The innermost layer: holds each run until it is let in or refused, as a queue does; leaves when the context ends. */
  private holder() {
    return createPolicy({
      kind: 'holder',
      name: 'holder',
      layer: (inner) => (operation: Operation, context, sink, now) => {
        let isThrough = false;
        let stop: () => unknown = () => {};
        const once = (through: () => void): void => {
          if (isThrough) return;
          isThrough = true;
          stop();
          through();
        };
        const real: RealRun = {
          context,
          admit: () => {
            this.operating = real;
            once(() => inner(operation, context, sink, now));
          },
          refuse: (error) => once(() => sink.refuse(error, now)),
          finish: undefined,
        };
        this.real.push(real);
        stop = context.onCancel((cause) => once(() => sink.refuse(cause, now)));
      },
    });
  }
}

const runs = { numRuns: 5000 };
const maxKeys = fc.integer({ min: 1, max: 3 });

describe('coalesce, against a model that keeps lists', () => {
  it(
    '(1), (2), (3), charter G5: runs once per key, and tells each caller once, of the run or its own end',
    { timeout: 60_000 },
    async () => {
      const property = fc.asyncProperty(maxKeys, commands, async (max, steps) => {
        const trial = new Trial(max);
        for (const step of steps) {
          await trial.play(step);
          expect(trial.seen()).toEqual(trial.expected());
          for (const { endings, expected } of trial.calls) expect(endings[0]?.what).toBe(expected?.what);
        }
      });
      await fc.assert(property, runs);
    },
  );

  it('(4) holds no timer but those of callers that wait, and none in the end', async () => {
    const property = fc.asyncProperty(maxKeys, commands, async (max, steps) => {
      const trial = new Trial(max);
      for (const step of steps) {
        await trial.play(step);
        expect(trial.clock.pendingCount).toBe(trial.expectedTimers());
      }
      for (const { context } of trial.calls) context.cancel('over');
      expect(trial.policy.snapshot().inFlight).toBe(0);
      expect(trial.clock.pendingCount).toBe(0);
    });
    await fc.assert(property, { numRuns: 500 });
  });
});
