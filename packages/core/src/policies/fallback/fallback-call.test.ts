import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import { sourced } from '../../kernel/provenance.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { BadResultError, fallback, fallbackDefaults, fallbackKind, fallbackRules } from './fallback.ts';
import { stepsRule } from './fallback-step.ts';

const down = new Error('down');
const failing = () => Promise.reject(down);

/** Notes how its inside reports, and reports the same. */
function watching(reports: string[]): LayeredPolicy {
  return createPolicy({
    kind: 'watching',
    name: 'watching',
    layer: (inner) => (operation, context, sink, now) => {
      const note = (what: 'resolve' | 'reject' | 'refuse') => (outcome: unknown, at: number) => {
        reports.push(what);
        sink[what](outcome, at);
      };
      inner(operation, context, { resolve: note('resolve'), reject: note('reject'), refuse: note('refuse') }, now);
    },
  });
}

const refusing = createPolicy({
  kind: 'refusing',
  name: 'refusing',
  layer: () => (_operation, _context, sink, now) => sink.refuse(down, now),
});

describe('what a fallback hands on where it gives no answer', () => {
  it.each(['enforce', 'observe'] as const)(
    '(1) is a failure or a refusal, as it was, under %s',
    async (enforcement) => {
      const reports: string[] = [];
      const policy = fallback({ value: 1, enforcement, handles: () => enforcement === 'observe' });

      await expect(pipeline(watching(reports), policy).execute(failing)).rejects.toBe(down);
      await expect(pipeline(watching(reports), policy, refusing).execute(() => 1)).rejects.toBe(down);
      expect(reports).toEqual(['reject', 'refuse']);
    },
  );

  it('is the value that counts as a failure, under observe', async () => {
    const reports: string[] = [];
    const policy = fallback({ value: 'stale', enforcement: 'observe', classify: () => 'failure' });

    await expect(pipeline(watching(reports), policy).execute(() => 'bad')).resolves.toBe('bad');
    expect(reports).toEqual(['resolve']);
    expect(policy.snapshot()).toMatchObject({ used: 0, observed: 1 });
  });

  it('says of a bad result which policy judged it, and what it was', () => {
    const error = new BadResultError('prices', 'bad');

    expect(String(error)).toContain('BadResultError: prices');
    expect(error).toMatchObject({ policy: 'prices', value: 'bad' });
  });
});

describe('where an answer comes from', () => {
  it.each<[object, () => unknown, object]>([
    [{ steps: [{ name: 'cached', value: 'stale' }] }, failing, { step: 'cached', reason: 'error', error: down }],
    [{ value: 'stale' }, failing, { step: 'value', reason: 'error', error: down }],
    [{ value: 'stale', classify: () => 'failure' }, () => 'bad', { step: 'value', reason: 'result', error: undefined }],
  ])('is told with the value, of %j', async (options, operation, expected) => {
    const told = await sourced(fallback({ name: 'prices', ...(options as { value: string }) }), operation);

    expect(told).toEqual({ value: 'stale', source: 'fallback', policy: 'prices', ageMs: undefined, ...expected });
  });

  it('is told to listeners, with all that the event promises', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    await fallback({ name: 'prices', value: 1, events }).execute(failing);

    expect(recorder.events).toEqual([
      {
        type: 'fallback.used',
        policy: 'fallback',
        name: 'prices',
        enforcement: 'enforce',
        error: down,
        reason: 'error',
        step: 'value',
      },
    ]);
  });

  it('is not asked for under a context that has ended', async () => {
    const context = Context.background.withCancel();
    let asked = 0;
    const policy = fallback({ substitute: () => asked++ });
    const call = policy.execute(() => {
      context.cancel('gone');
      throw down;
    }, context);

    await expect(call).rejects.toBeDefined();
    expect(asked).toBe(0);
  });
});

describe('what a fallback says of itself', () => {
  const said = (options: object) => fallback(options as { value: unknown }).describe().options;

  it.each([
    [{ value: 5 }, { value: 5 }],
    [{ value: null }, { value: null }],
    [{ value: 'stale' }, { value: 'stale' }],
    [{ value: false }, { value: false }],
    [{ value: Number.NaN }, { value: '[value]' }],
    [{ value: [] }, { value: '[value]' }],
    [{ value: undefined }, { value: '[value]' }],
    [{ substitute: () => 1 }, { substitute: '[function]' }],
    [{ steps: [{ value: 1 }] }, { steps: [{ name: 'step-1', value: 1 }] }],
    [
      {
        steps: [
          { name: 'value', value: 1 },
          { name: 'last', substitute: () => 1, when: () => true },
        ],
      },
      {
        steps: [
          { name: 'value', value: 1 },
          { name: 'last', substitute: '[function]', when: '[function]' },
        ],
      },
    ],
  ])('is its answer as far as JSON can hold it: %j', (options, expected) => {
    expect(said(options)).toEqual({ ...expected, handles: '[function]', answersRejections: true });
  });

  it('is who judges, and what that means to others', () => {
    expect(fallback({ name: 'prices', value: 1, classify: () => 'failure' }).describe()).toEqual({
      kind: 'fallback',
      name: 'prices',
      enforcement: 'enforce',
      options: { value: 1, classify: '[function]', answersRejections: true },
      traits: { hidesFailures: true },
    });
    expect(fallback({ substitute: () => 1, enforcement: 'observe' }).describe().traits).toEqual({
      hidesFailures: false,
      runsOtherCode: true,
    });
  });

  it('has a kind for configuration, and a schema of its steps', () => {
    expect(fallbackKind).toEqual({
      kind: 'fallback',
      rules: fallbackRules,
      required: [],
      defaults: fallbackDefaults,
      create: fallback,
    });
    expect(stepsRule.schema).toEqual({
      type: 'array',
      minItems: 1,
      maxItems: 16,
      items: {
        type: 'object',
        properties: { name: { type: 'string', minLength: 1 }, value: {} },
        required: ['value'],
        additionalProperties: false,
      },
    });
    const steps = (length: number) => Array.from({ length }, () => ({ value: 1 }));
    expect([undefined, steps(1), steps(16)].map((value) => stepsRule.accepts(value))).toEqual([true, true, true]);
    expect([null, {}, [], steps(17)].map((value) => stepsRule.accepts(value))).toEqual([false, false, false, false]);
    expect(fallbackRules['value']?.expectation).toBe('anything');
  });

  it.each<[object, string]>([
    [{}, 'fallback must be given exactly one of value and substitute, or steps, got "neither"'],
    [{ value: 1, substitute: () => 1 }, 'got "both"'],
    [{ value: 1, steps: [{ value: 1 }] }, 'got "several"'],
    [{ value: 1, substitute: () => 1, steps: [{ value: 1 }] }, 'got "several"'],
    [{ substitute: () => 1, steps: [{ value: 1 }] }, 'got "several"'],
    [{ steps: [{ value: 1, name: '' }] }, 'fallback.steps[0].name must be a non-empty string'],
    [{ steps: [{}] }, 'fallback.steps[0] must be given exactly one of value and substitute, got "neither"'],
    [
      { steps: [{ value: 1, substitute: () => 1 }] },
      'fallback.steps[0] must be given exactly one of value and substitute, got "both"',
    ],
    [{ steps: [{ value: 1 }, { value: 1, name: 'step-1' }] }, 'steps of different names, got "step-1"'],
    [{ steps: [{ value: 1, other: 1 }] }, 'fallback.steps[0] has no option "other"'],
  ])('refuses %j', (options, message) => {
    expect(() => fallback(options as never)).toThrow(message);
  });
});
