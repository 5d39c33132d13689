import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { operationTable, settled } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { bulkhead } from '../bulkhead/bulkhead.ts';
import { timeout } from '../timeout/timeout.ts';
import { noop, noopKind } from './noop.ts';

describe('noop', () => {
  it.each(operationTable())('(1) charter C4: hands on what an operation $title', async ({ operation, expected }) => {
    expect(await settled(noop().execute(operation))).toEqual(expected);
  });

  it('(1) hands the context in as it is', async () => {
    const request = Context.withClock(virtualClock()).withTimeout(100);

    expect(await noop().execute((context) => context, request)).toBe(request);
  });

  it('(1) ends with the cause of a context that has ended, and runs nothing', async () => {
    const request = Context.background.withCancel();
    request.cancel('enough');
    let runs = 0;

    expect(await settled(noop().execute(() => ++runs, request))).toEqual({ status: 'rejected', error: 'enough' });
    expect(runs).toBe(0);
  });

  it('charter N5: takes the place of a policy, and adds no layer', async () => {
    const none = noop({ name: 'limit' });
    const calls = pipeline(none, timeout(100), none);
    const inner = bulkhead().layer((_operation, _context, sink, now) => sink.resolve('inner', now));

    expect(await calls.execute(() => 'value')).toBe('value');
    expect(none).toMatchObject({ kind: 'noop', name: 'limit', clock: undefined });
    expect(none.layer(inner)).toBe(inner);
  });

  it('charter O1, (1): is described and updated as any other, and does nothing either way', async () => {
    const none = noop({ name: 'limit', enforcement: 'observe' });
    expect(none.describe()).toEqual({ kind: 'noop', name: 'limit', enforcement: 'observe', options: {}, traits: {} });
    const apply = none.planUpdate({ enforcement: 'off' });
    expect(none.describe().enforcement).toBe('observe');
    apply();
    expect([none.describe().enforcement, await none.execute(() => 'value')]).toEqual(['off', 'value']);

    const update = (changes: never): void => none.update(changes);
    expect(verdictOn(update, { enforcement: 'on' })).toContain('noop.enforcement must be one of');
    expect(verdictOn(update, { name: 'other' })).toContain('noop.update has no option "name"');
    expect(none.describe().enforcement).toBe('off');
    expect(noopKind).toMatchObject({ kind: 'noop', required: [] });
  });

  describe('options', () => {
    it.each(optionTable('noop', { name: { kind: 'name' } }))('$title', ({ options, expected }) => {
      expect(verdictOn(noop, options)).toBe(expected);
    });

    it('are those of every policy: ports are welcome, what is unknown is refused', () => {
      expect(verdictOn(noop, { clock: virtualClock() })).toBe('accepted');
      expect(verdictOn(noop, { limit: 3 })).toContain('TypeError: noop has no option "limit"; it knows ');
    });
  });
});
