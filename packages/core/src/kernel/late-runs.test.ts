import { describe, expect, it } from 'vitest';

import { settle } from '../testing/virtual-clock.ts';
import { UNREAD } from './clock.ts';
import { Context } from './context.ts';
import { invoke } from './handler.ts';
import { countLateRuns, lateRunsOf } from './late-runs.ts';

const silent = { resolve: () => {}, reject: () => {}, refuse: () => {} };

/** Counts under `cause`, and notes what it is told. */
function notes(cause: object): unknown[] {
  const told: unknown[] = [];
  countLateRuns(cause, {
    begin: () => told.push('begin'),
    end: (status, outcome) => told.push(status, outcome),
  });
  return told;
}

describe('late runs', () => {
  it.each([
    ['fulfilled', Promise.resolve.bind(Promise)],
    ['rejected', Promise.reject.bind(Promise)],
  ] as const)('are told from the end of the context until the run is %s', async (status, settleWith) => {
    const cause = new Error('too late');
    const told = notes(cause);
    const context = Context.background.withCancel();
    let finish: (outcome: PromiseLike<unknown>) => void = () => {};
    invoke(() => new Promise((resolve) => (finish = resolve)), context, silent, UNREAD);
    context.cancel(cause);
    expect(told).toEqual(['begin']);
    finish(settleWith('outcome'));
    await settle();

    expect(told).toEqual(['begin', status, 'outcome']);
  });

  it('are not those that settle in time, nor those that end for another cause', async () => {
    const cause = new Error('too late');
    const told = notes(cause);
    const [inTime, cancelled] = [Context.background.withCancel(), Context.background.withCancel()];
    invoke(() => Promise.resolve(1), inTime, silent, UNREAD);
    invoke(() => Promise.reject(new Error('boom')), inTime, silent, UNREAD);
    invoke(() => Promise.resolve(1), cancelled, silent, UNREAD);
    cancelled.cancel(new Error('another'));
    await settle();
    inTime.cancel(cause);
    await settle();

    expect(told).toEqual([]);
  });

  it.each([undefined, null, 'gone', 7, Symbol('s'), () => {}, {}])('nobody counts those that %s ends', (cause) => {
    expect(lateRunsOf(cause)).toBeUndefined();
  });

  it('leave no mark on the cause', () => {
    const cause = Object.freeze(new Error('frozen'));
    const told = notes(cause);
    lateRunsOf(cause)?.begin();

    expect(told).toEqual(['begin']);
    expect(Reflect.ownKeys(cause)).toEqual(['stack', 'message']);
  });
});
