import { describe, expect, it } from 'vitest';

import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { Context } from './context.ts';
import { type Operation, type Sink, invoke } from './handler.ts';
import { UNREAD } from './clock.ts';

/** A sink that notes what is reported to it. */
class Notes implements Sink {
  readonly reports: unknown[][] = [];

  resolve(value: unknown): void {
    this.reports.push(['value', value]);
  }

  reject(error: unknown): void {
    this.reports.push(['error', error]);
  }

  refuse(error: unknown): void {
    this.reports.push(['refused', error]);
  }
}

async function run(operation: Operation, context: Context = Context.background): Promise<unknown[][]> {
  const notes = new Notes();
  invoke(operation, context, notes, UNREAD);
  await settle();
  return notes.reports;
}

/** Calls its callbacks again and again, at once. */
const talkative = {
  // oxlint-disable-next-line unicorn/no-thenable -- a hostile thenable is the point
  then(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    resolve('first');
    resolve('second');
    reject('third');
  },
};

/** Its `then` cannot even be looked at. */
// oxlint-disable-next-line unicorn/no-thenable -- likewise
const hostile = Object.defineProperty({}, 'then', {
  get() {
    throw new Error('hands off');
  },
});

describe('handler', () => {
  const boom = new Error('boom');
  const cases: Record<string, [Operation, unknown[]]> = {
    'a value': [() => 1, ['value', 1]],
    undefined: [() => undefined, ['value', undefined]],
    'a promise': [async () => 2, ['value', 2]],
    'a rejected promise': [() => Promise.reject(boom), ['error', boom]],
    'a synchronous throw': [
      () => {
        throw boom;
      },
      ['error', boom],
    ],
    'a thenable that calls back often': [() => talkative, ['value', 'first']],
    'a value that cannot be looked at': [() => hostile, ['error', new Error('hands off')]],
  };

  for (const [name, [operation, report]] of Object.entries(cases)) {
    it(`(1) (3) reports ${name} once, by identity`, async () => {
      for (const context of [Context.background, Context.background.withCancel()]) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const reports = await run(operation, context);

        expect(reports).toEqual([report]);
        if (report[1] === boom) expect(reports[0]?.[1]).toBe(boom);
      }
    });
  }

  it('(2) reports the end of the context, and drops what the operation does later', async () => {
    const clock = virtualClock();
    const context = Context.withClock(clock).withTimeout(10);
    const notes = new Notes();
    let finish: (value: unknown) => void = () => {};

    invoke(() => new Promise((resolve) => (finish = resolve)), context, notes, UNREAD);
    await clock.advance(10);
    finish('late');
    await settle();

    expect(notes.reports).toEqual([['error', context.cause]]);
    expect(clock.pendingCount).toBe(0);
  });

  it('(4) refuses to run anything under a context that has ended, and only then', async () => {
    const context = Context.background.withCancel();
    context.cancel('gone');
    let runs = 0;

    expect(await run(() => runs++, context)).toEqual([['refused', 'gone']]);
    expect(await run(() => runs++, context.withCancel())).toEqual([['refused', 'gone']]);
    expect(runs).toBe(0);
  });

  it('(1) (3) takes promises that lie about themselves for what they are', async () => {
    const own = Object.assign(Promise.resolve('own'), {
      // oxlint-disable-next-line unicorn/no-thenable -- a hostile promise is the point
      then(resolve: (value: unknown) => void): void {
        resolve('once');
        resolve('twice');
      },
    });
    const broken = Object.defineProperty(Promise.resolve('fine'), 'constructor', {
      get() {
        throw new Error('no constructor');
      },
    });

    for (const context of [Context.background, Context.background.withCancel()]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await run(() => own, context)).toEqual([['value', 'once']]);
      // oxlint-disable-next-line no-await-in-loop -- likewise
      expect(await run(() => broken, context)).toEqual([['error', new Error('no constructor')]]);
    }
  });

  it('(2) reports the end also where the operation itself has brought it about', async () => {
    const context = Context.background.withCancel();

    const reports = await run(() => {
      context.cancel('enough');
      return new Promise(() => {});
    }, context);

    expect(reports).toEqual([['error', 'enough']]);
  });

  it('waits for a function that is a thenable, and for nothing that is none', async () => {
    // oxlint-disable unicorn/no-thenable -- both kinds are the point
    const callable = Object.assign(() => {}, {
      then: (resolve: (value: unknown) => void) => resolve('from a function'),
    });
    const others = [() => 1, { then: 'no function' }, null, undefined, 'then', 7];

    // oxlint-enable unicorn/no-thenable
    expect(await run(() => callable)).toEqual([['value', 'from a function']]);
    for (const other of others) expect(await run(() => other)).toEqual([['value', other]]);
  });

  it('keeps the process alive for the deadline of a call that is waited for', () => {
    const clock = virtualClock();
    const context = Context.withClock(clock).withTimeout(50);
    invoke(() => new Promise(() => {}), context, new Notes(), UNREAD);

    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 1]);
  });
});
