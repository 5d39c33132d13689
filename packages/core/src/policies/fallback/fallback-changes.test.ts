import { AsyncLocalStorage } from 'node:async_hooks';

import { describe, expect, it } from 'vitest';

import { UNREAD } from '../../kernel/clock.ts';
import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Sink } from '../../kernel/handler.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never } from '../../testing/operation-table.ts';
import { verdictOn } from '../../testing/option-table.ts';
import { settle } from '../../testing/virtual-clock.ts';
import { type FallbackChanges, fallback, fallbackKind } from './fallback.ts';

const boom = new Error('boom');
const fail = (): never => {
  throw boom;
};

describe('fallback, told to work otherwise', () => {
  describe('(4) charter O2', () => {
    it('observe hands everything on, asks no step, and counts what it would have answered', async () => {
      const events = createEvents();
      const recorder = recordEvents(events);
      let asked = 0;
      const steps = [
        { value: 0, when: () => false },
        { name: 'spare', substitute: () => ++asked },
      ];
      const policy = fallback({ steps, events, enforcement: 'observe' });

      await expect(policy.execute(fail)).rejects.toBe(boom);
      await expect(policy.execute(() => 'fine')).resolves.toBe('fine');

      expect(asked).toBe(0);
      expect(policy.snapshot()).toEqual({ enforcement: 'observe', used: 0, answered: 0, failed: 0, observed: 1 });
      expect(recorder.events).toMatchObject([{ type: 'fallback.used', enforcement: 'observe', step: 'spare' }]);
    });

    it('off counts nothing', async () => {
      const policy = fallback({ value: 'stale', enforcement: 'off' });

      await expect(policy.execute(fail)).rejects.toBe(boom);
      expect(policy.snapshot()).toEqual({ enforcement: 'off', used: 0, answered: 0, failed: 0, observed: 0 });
    });
  });

  describe('(5) charter O1: update', () => {
    it('holds for calls that begin after it, and keeps the counts', async () => {
      const policy = fallback<string>({ value: 'before' });
      let failNow = (_error: unknown): void => {};
      const running = policy.execute<string>(() => new Promise((_resolve, reject) => (failNow = reject)));

      await policy.execute(fail);
      policy.update({ substitute: () => 'after' });
      failNow(boom);

      await expect(running).resolves.toBe('before');
      await expect(policy.execute(fail)).resolves.toBe('after');
      expect(policy.usedCount).toBe(3);
    });

    it('exchanges handles and classify', async () => {
      const policy = fallback({ value: 'stale', handles: () => false });

      policy.update({ classify: () => 'failure' });
      await expect(policy.execute(() => 'bad')).resolves.toBe('stale');
      policy.update({ handles: (error) => error !== boom });
      await expect(policy.execute(() => 'bad')).resolves.toBe('bad');
      await expect(policy.execute(fail)).rejects.toBe(boom);
    });

    it('changes nothing when it is refused', async () => {
      const policy = fallback({ value: 'stale' });
      const before = policy.describe();
      const update = (changes: unknown): void => policy.update(changes as FallbackChanges<string>);

      expect(verdictOn(update, { value: 1, steps: [{ value: 1 }] })).toContain('ConfigError: fallback must be given');
      expect(verdictOn(update, { enforcement: 'on' })).toContain('ConfigError: fallback.enforcement');
      expect(verdictOn(update, { name: 'other' })).toContain('TypeError: fallback.update has no option "name"');
      expect(policy.describe()).toEqual(before);
    });

    it('is planned first, and then made on top of what is in force', () => {
      const policy = fallback<number>({ value: 1 });
      const changes = { value: 2 };
      const apply = policy.planUpdate(changes);
      policy.update({ answersRejections: false });
      changes.value = 3;

      apply();

      expect(policy.describe().options).toEqual({ value: 2, handles: '[function]', answersRejections: false });
    });
  });

  it('describes itself in what JSON can hold', () => {
    const policy = fallback({
      name: 'prices',
      classify: () => 'failure',
      steps: [{ name: 'cheap', value: 1 }, { value: new Map() }, { substitute: fail, when: () => true }],
    });

    expect(policy.describe()).toEqual({
      kind: 'fallback',
      name: 'prices',
      enforcement: 'enforce',
      options: {
        steps: [
          { name: 'cheap', value: 1 },
          { name: 'step-2', value: '[value]' },
          { name: 'step-3', substitute: '[function]', when: '[function]' },
        ],
        classify: '[function]',
        answersRejections: true,
      },
      traits: { hidesFailures: true, runsOtherCode: true },
    });
    expect(fallbackKind.create({ value: 1 } as never).kind).toBe('fallback');
    expect(fallback({ value: 1 }).describe().traits).toEqual({ hidesFailures: true });
  });

  it('(6) charter R3: asks steps and guards in the async context of the call', async () => {
    const requestId = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const policy = fallback({
      captureAsyncContext: () => AsyncLocalStorage.snapshot(),
      handles: () => seen.push(requestId.getStore()) > 0,
      steps: [
        { substitute: () => (seen.push(requestId.getStore()), Promise.reject(boom)) },
        { substitute: () => seen.push(requestId.getStore()), when: () => seen.push(requestId.getStore()) > 0 },
      ],
    });
    const failings: (() => void)[] = [];
    const handler = policy.layer((_operation, _context, sink) => failings.push(() => sink.reject(boom, 0)));
    const sink = { resolve: () => {}, reject: () => {}, refuse: () => {} };
    for (const id of ['a', 'b']) requestId.run(id, () => handler(never, Context.background, sink, 0));

    for (const failing of failings) requestId.run('elsewhere', failing);
    await settle();

    expect(['a', 'b'].map((id) => seen.filter((each) => each === id).length)).toEqual([4, 4]);
    expect(seen).toHaveLength(8);
  });

  it('(6) charter R3: asks classify about a value in the async context of the call', async () => {
    const requestId = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const policy = fallback({
      captureAsyncContext: () => AsyncLocalStorage.snapshot(),
      classify: () => (seen.push(requestId.getStore()), 'success'),
      value: 0,
    });
    const runs: Sink[] = [];
    const handler = policy.layer((_operation, _context, sink) => runs.push(sink));
    requestId.run('a', () => handler(never, Context.background, ignoring, UNREAD));

    requestId.run('elsewhere', () => runs[0]?.resolve(1, UNREAD));

    expect(seen).toEqual(['a']);
  });

  it.each(['reject', 'refuse'] as const)('tells what is outside by %s that a step failed as well', (how) => {
    const policy = fallback({ substitute: fail });
    const told: unknown[] = [];
    const note = (way: string) => (): void => void told.push(way);
    const handler = policy.layer((_operation, _context, sink) => sink[how](boom, UNREAD));

    handler(
      never,
      Context.background,
      { resolve: note('resolve'), reject: note('reject'), refuse: note('refuse') },
      UNREAD,
    );

    expect(told).toEqual([how]);
  });
});

const ignoring: Sink = { resolve: () => {}, reject: () => {}, refuse: () => {} };
