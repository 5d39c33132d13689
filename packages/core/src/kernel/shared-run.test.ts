import { describe, expect, it } from 'vitest';

import { never } from '../testing/operation-table.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { UNREAD } from './clock.ts';
import { type CancellableContext, Context } from './context.ts';
import type { Arrival, Handler, Sink } from './handler.ts';
import { OpenTryMark, retryAttemptOf, tryMarkOf, withTryMark } from './retry-attempt.ts';
import { SharedRun } from './shared-run.ts';

/** A sink that notes what it was told. */
function note(): Sink & { readonly told: unknown[] } {
  const told: unknown[] = [];
  const tell =
    (how: string) =>
    (outcome: unknown, now: number): void =>
      void told.push([how, outcome, now]);
  return { told, resolve: tell('resolve'), reject: tell('reject'), refuse: tell('refuse') };
}

const request = (): CancellableContext => Context.withClock(virtualClock()).withCancel();

/** A run with one sharer per context, and what they were told. */
function begin(contexts: readonly Context[], inner: Handler = () => {}) {
  const underWay = new Map<string, SharedRun>();
  const sinks = contexts.map(() => note());
  const arrivals = contexts.map((context, index): Arrival => ({
    inner,
    operation: never,
    context,
    sink: sinks[index] as Sink,
  }));
  const run = new SharedRun(underWay, 'key', arrivals[0] as Arrival);
  const admitted = arrivals.map((arrival) => run.admit(arrival, UNREAD));
  underWay.set('key', run);
  run.start(never, UNREAD);
  return { run, underWay, admitted, told: () => sinks.map((sink) => sink.told) };
}

describe('shared run', () => {
  it.each(['resolve', 'reject', 'refuse'] as const)('(1), (3) tells each sharer once that it did %s', (how) => {
    const contexts = [request(), request()];
    const { run, underWay, told } = begin(contexts);

    run[how]('outcome', 7);
    run.resolve('again', 8);
    for (const context of contexts) context.cancel('later');

    expect(told()).toEqual([[[how, 'outcome', 7]], [[how, 'outcome', 7]]]);
    expect([underWay.size, run.sharers.size, run.context.cancelled]).toEqual([0, 0, false]);
  });

  it('(1), (2) tells who leaves of its own end, at once, and ends with the last', () => {
    const [one, two] = [request(), request()];
    const { run, underWay, told } = begin([one, two]);

    one.cancel('one left');
    expect(told()).toEqual([[['refuse', 'one left', UNREAD]], []]);
    expect(run.context.cancelled).toBe(false);
    two.cancel('two left');
    run.resolve('too late', 7);

    expect(told()).toEqual([[['refuse', 'one left', UNREAD]], [['refuse', 'two left', UNREAD]]]);
    expect([run.context.cause, underWay.size]).toEqual(['two left', 0]);
  });

  it('(4) is in a try to those inside while all its sharers are, and in that of the first', () => {
    const marks = [1, 2].map((attempt) => new OpenTryMark({ policy: 'outer', attempt }, attempt > 1));
    const [one, two] = marks.map((mark) => withTryMark(request(), mark));
    const free = request();
    const { run } = begin([one as Context, two as Context, free]);
    const mark = tryMarkOf(run.context);

    expect([retryAttemptOf(run.context), mark?.isRepeat]).toEqual([{ policy: 'outer', attempt: 1 }, false]);
    expect(mark?.isInForce).toBe(false);
    free.cancel('left');
    expect(mark?.isInForce).toBe(true);
    if (marks[1] !== undefined) marks[1].isInForce = false;
    expect(mark?.isInForce).toBe(false);
    run.resolve('value', 7);
    expect(mark?.isInForce).toBe(true); // of the work that goes on: that of the try in which it was started
    if (marks[0] !== undefined) marks[0].isInForce = false;
    expect(mark?.isInForce).toBe(false);
    expect(tryMarkOf(begin([free]).run.context)).toBeUndefined();
  });

  it('(1) rejects who leaves once the operation was run', () => {
    const context = request();
    const { told } = begin([context, request()], (operation, own) => void operation(own));

    context.cancel('left');

    expect(told()).toEqual([[['reject', 'left', UNREAD]], []]);
  });

  it('refuses who comes with a context that has ended', () => {
    const ended = request();
    ended.cancel('gone');
    const { admitted, told } = begin([request(), ended]);

    expect(admitted).toEqual([true, false]);
    expect(told()).toEqual([[], [['refuse', 'gone', UNREAD]]]);
  });

  it('(3) leaves a run alone that has taken its place', () => {
    const { run, underWay } = begin([request()]);
    const other = begin([request()]).run;
    underWay.set('key', other);

    run.resolve('outcome', 7);

    expect(underWay.get('key')).toBe(other);
  });

  it('knows the calls that were made inside it, and inside runs that were started there', () => {
    const { run } = begin([request()]);
    const inside = begin([run.context]).run;

    expect([run.includes(run.context), run.includes(inside.context), inside.includes(run.context)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(run.includes(Context.background)).toBe(false);
  });
});
