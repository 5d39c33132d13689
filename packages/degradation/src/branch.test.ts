import { describe, expect, it } from 'vitest';

import { Context, type Policy, onHookError, pipeline, timeout } from '@holdfast/core';
import { recordEvents, virtualClock } from '@holdfast/core/testing';

import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';
import { noticesOf, withNotices } from './degraded-notice.ts';

const features = defineFeatures({
  reco: {
    modes: ['full', 'reduced', 'cached', 'off'],
    params: { reduced: { limit: 5 }, cached: { maxStaleMs: 600_000 } },
  },
  pay: { modes: ['full', 'deferred'], essential: true },
});
const change = { actor: 'alice', reason: 'INC-1', expiresInMs: 60_000 };
const down = new Error('down');
const fails = () => Promise.reject(down);
const raise = (error: Error): never => {
  throw error;
};

function setUp() {
  const clock = virtualClock();
  const degradation = createDegradation({ features, clock, random: () => 0.5, wallClock: () => 0 });
  return { clock, degradation, recorder: recordEvents(degradation.events) };
}

describe('handle.match', () => {
  it('(1) calls one function, with the parameters of its mode and the context, and counts it', () => {
    const { degradation } = setUp();
    const handle = degradation.handle('reco');
    const match = (context?: Context) =>
      handle.match(
        {
          full: (params, own) => [params, own],
          reduced: ({ limit }) => limit,
          cached: ({ maxStaleMs }) => maxStaleMs,
          off: () => 'off' as const,
        },
        context,
      );

    expect(match(Context.background)).toEqual([undefined, Context.background]);
    degradation.set('reco', 'reduced', change);
    expect(match()).toBe(5);
    degradation.set('reco', 'off', change);
    expect(match()).toBe('off');
    expect(degradation.status('reco').served).toEqual({ full: 1, reduced: 1, cached: 0, off: 1 });
  });
});

describe('degradation.feature with parameters', () => {
  it('(1) gives each function the parameters of its mode after the context, and the arguments after them', async () => {
    const { degradation } = setUp();
    const recommend = degradation.feature(
      'reco',
      {
        full: (context, params, user: string, count?: number) => [context, params, user, count],
        reduced: (_context, { limit }, user) => [limit, user],
        cached: (_context, { maxStaleMs }) => [maxStaleMs],
        off: (...given) => given.slice(1),
      },
      { withParams: true },
    );

    expect(await recommend(Context.background, 'ada', 3)).toEqual([Context.background, undefined, 'ada', 3]);
    degradation.set('reco', 'reduced', change);
    expect(await recommend(Context.background, 'ada')).toEqual([5, 'ada']);
    degradation.set('reco', 'off', change);
    expect(await recommend(Context.background, 'ada', 3)).toEqual([undefined, 'ada', 3]);
    expect(degradation.status('reco').served).toEqual({ full: 1, reduced: 1, cached: 0, off: 1 });
  });

  it.each([null, {}, { withParams: false }, { withParams: true, more: 1 }, 'withParams'])(
    'refuses the options %j, and creates nothing',
    (options) => {
      const { degradation } = setUp();
      const functions = { full: () => 1, deferred: () => 2 };

      expect(() => loose(degradation).feature('pay', functions, options)).toThrow(
        'pay: the options of feature must be left out or { withParams: true }',
      );
    },
  );
});

describe('degradation.ladder', () => {
  it('(2) goes down one mode at a time until one answers, and says so', async () => {
    const { degradation, recorder } = setUp();
    const asked: unknown[] = [];
    const recommend = degradation.ladder('reco', {
      full: fails,
      reduced: (_context, params, user: string) => {
        asked.push(params, user);
        throw new Error('too');
      },
      cached: (_context, { maxStaleMs }) => maxStaleMs,
      off: () => 'off',
    });
    const context = withNotices(Context.background);

    expect(await recommend(context, 'ada')).toBe(600_000);

    expect(asked).toEqual([{ limit: 5 }, 'ada']);
    expect(recorder.events).toMatchObject([{ type: 'feature.fell', name: 'reco', from: 'reduced', to: 'cached' }]);
    expect(noticesOf(context)).toEqual([{ feature: 'reco', mode: 'cached', decidedBy: 'failure' }]);
    expect(degradation.status('reco').served).toEqual({ full: 1, reduced: 1, cached: 1, off: 0 });
  });

  it('(2) starts at the mode that is set, never above it', async () => {
    const { degradation } = setUp();
    degradation.set('reco', 'cached', change);
    const recommend = degradation.ladder('reco', {
      full: () => 'full',
      reduced: () => 'reduced',
      cached: fails,
      off: () => 'off',
    });

    expect(await recommend(Context.background)).toBe('off');
  });

  it('(2) starts nothing once the context has ended', async () => {
    const { degradation, clock } = setUp();
    const asked: string[] = [];
    const recommend = degradation.ladder('reco', {
      full: () => new Promise(() => {}),
      reduced: () => asked.push('reduced'),
      cached: () => asked.push('cached'),
      off: () => asked.push('off'),
    });
    const context = Context.withClock(clock).withTimeout(100);

    const answer = recommend(context).catch((error: unknown) => error);
    await clock.advance(100);

    expect(await answer).toBe(context.cause);
    expect(asked).toEqual([]);
  });

  it('(3) lets only so many calls be down, and gives the others their error', async () => {
    const { degradation } = setUp();
    let finish: (value: string) => void = () => {};
    const functions = {
      full: fails,
      reduced: () => new Promise<string>((resolve) => (finish = resolve)),
      cached: fails,
      off: fails,
    };
    const asked: unknown[] = [];
    const fallsOn = (error: unknown) => asked.push(error) > 0;
    const recommend = degradation.ladder('reco', functions, { maxFallenCalls: 1, fallsOn });

    const first = recommend(Context.background);
    await Promise.resolve();
    await Promise.resolve();
    const second = recommend(Context.background);

    await expect(second).rejects.toBe(down);
    finish('few');
    expect(await first).toBe('few');
    expect(asked).toEqual([down, down]);
  });

  it('(4) gives back the first error by identity when nothing helps, or it is none to fall on', async () => {
    const { degradation } = setUp();
    const other = () => Promise.reject(new Error('other'));
    const all = { full: fails, reduced: other, cached: other, off: other };

    await expect(degradation.ladder('reco', all)(Context.background)).rejects.toBe(down);
    const picky = degradation.ladder('reco', { ...all, off: () => 1 }, { fallsOn: (error) => error !== down });
    await expect(picky(Context.background)).rejects.toBe(down);
  });

  it.each([
    ['throws', () => raise(new Error('hook'))],
    ['rejects', () => Promise.reject(new Error('hook'))],
    ['is async', () => Promise.resolve(false)],
  ])('charter C5: goes down and reports it when fallsOn %s', async (_how, fallsOn) => {
    const reported: string[] = [];
    const before = onHookError(({ message, cause }) => reported.push(`${message}: ${String(cause)}`));
    const { degradation } = setUp();
    const functions = { full: fails, reduced: () => 'few', cached: () => '', off: () => '' };

    const answer = await degradation.ladder('reco', functions, { fallsOn: fallsOn as never })(Context.background);
    onHookError(before);

    expect(answer).toBe('few');
    expect(reported).toEqual([
      expect.stringMatching(/fallsOn.*: (Error: hook|TypeError: fallsOn must return true or false)/),
    ]);
  });

  it('(7) counts a call by the modes whose functions were called, as without a ladder', async () => {
    const { degradation } = setUp();
    const functions = { full: fails, reduced: fails, cached: fails, off: fails };

    await expect(degradation.feature('reco', functions)(Context.background)).rejects.toBe(down);
    expect(degradation.status('reco').served).toEqual({ full: 1, reduced: 0, cached: 0, off: 0 });
    await expect(degradation.ladder('reco', functions)(Context.background)).rejects.toBe(down);
    expect(degradation.status('reco').served).toEqual({ full: 2, reduced: 1, cached: 1, off: 1 });
  });

  it('says as other policies do that it needs a Context', async () => {
    const { degradation } = setUp();
    const functions = { full: () => 'all', reduced: () => 'few', cached: () => '', off: () => '' };
    const recommend = loose(degradation).ladder('reco', functions) as (context?: unknown) => Promise<unknown>;
    const needed = 'execute needs a Context; make one of a signal with Context.from(signal)';

    for (const context of ['ada', null, {}]) await expect(recommend(context)).rejects.toThrow(needed);
    expect(await recommend()).toBe('all');
  });

  it('(5) is refused for writes of an essential feature', () => {
    const { degradation } = setUp();
    const functions = { full: () => 1, deferred: () => 2 };

    expect(() => degradation.ladder('pay', functions, { effect: 'write' })).toThrow(
      'pay.effect must be read, the feature being essential, got "write"',
    );
    expect(() => degradation.ladder('pay', functions, { maxFallenCalls: 0 })).toThrow('pay.maxFallenCalls');
    expect(() => loose(degradation).ladder('pay', { full: () => 1 })).toThrow('pay.deferred must be a function');
  });
});

describe('charter O2, (6): the enforcement of a ladder', () => {
  const setUpLadder = (enforcement: 'enforce' | 'observe' | 'off') => {
    const parts = setUp();
    const asked: string[] = [];
    const functions = {
      full: () => (asked.push('full'), fails()),
      reduced: () => asked.push('reduced'),
      cached: () => asked.push('cached'),
      off: () => asked.push('off'),
    };
    return { ...parts, asked, recommend: parts.degradation.ladder('reco', functions, { enforcement }) };
  };

  it('observes where it would go down, and goes nowhere', async () => {
    const { recommend, recorder, asked, degradation } = setUpLadder('observe');
    const context = withNotices(Context.background);

    await expect(recommend(context)).rejects.toBe(down);

    const fell = { type: 'feature.fell', from: 'full', to: 'reduced', error: down, enforcement: 'observe' };
    expect(recorder.events).toMatchObject([fell]);
    expect([asked, noticesOf(context)]).toEqual([['full'], []]);
    expect(degradation.status('reco').served).toEqual({ full: 1, reduced: 0, cached: 0, off: 0 });
  });

  it('tells nothing when it is off, and goes down by default', async () => {
    const off = setUpLadder('off');
    await expect(off.recommend(Context.background)).rejects.toBe(down);
    expect([off.recorder.events, off.asked]).toEqual([[], ['full']]);

    const enforced = setUpLadder('enforce');
    expect(await enforced.recommend(Context.background)).toBe(2);
    expect(enforced.recorder.events).toMatchObject([{ to: 'reduced', enforcement: 'enforce' }]);
  });

  it('has nothing to observe below the worst mode, or after an error that is none to fall on', async () => {
    const { degradation, recorder } = setUp();
    const all = { full: fails, reduced: fails, cached: fails, off: fails };
    const picky = degradation.ladder('reco', all, { enforcement: 'observe', fallsOn: () => false });
    await expect(picky(Context.background)).rejects.toBe(down);
    degradation.set('reco', 'off', change);
    const told = recorder.events.length;

    await expect(degradation.ladder('reco', all, { enforcement: 'observe' })(Context.background)).rejects.toBe(down);

    expect(recorder.events.length).toBe(told);
  });

  it('refuses what it does not know', () => {
    const { degradation } = setUp();
    const functions = { full: () => 1, deferred: () => 2 };

    expect(() => loose(degradation).ladder('pay', functions, { enforcement: 'on' })).toThrow(
      'pay.enforcement must be one of',
    );
    expect(() => loose(degradation).ladder('pay', functions, { maxFalenCalls: 1 })).toThrow(
      'no option "maxFalenCalls"',
    );
    expect(() => loose(degradation).policy('pay', 'full', { deferred: () => 2 }, { fallOn: () => true })).toThrow(
      'no option "fallOn"',
    );
  });
});

describe('degradation.policy', () => {
  it('runs the operation as the best mode, in a pipeline, and the others in its place', async () => {
    const { degradation } = setUp();
    const ladder = degradation.policy('reco', 'full', {
      reduced: (_context, { limit }) => limit,
      cached: () => 'known',
      off: () => 'off',
    });
    const chain: Policy<unknown> = pipeline(ladder, timeout(1000));

    expect(await chain.execute(() => 'fresh')).toBe('fresh');
    expect(await chain.execute(fails)).toBe(5);
    degradation.set('reco', 'off', change);
    expect(await chain.execute(() => 'fresh')).toBe('off');
    expect(() => loose(degradation).policy('reco', 'cached', {})).toThrow('the mode of the operation must be one of');
  });
});

/** The same for callers whom no compiler checks. */
function loose(degradation: object) {
  return degradation as Record<'feature' | 'ladder' | 'policy', (...given: unknown[]) => unknown>;
}
