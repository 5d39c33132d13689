import { AsyncLocalStorage } from 'node:async_hooks';

import { describe, expect, it } from 'vitest';

import { type CancellableContext, Context, contextKey } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { sourced } from '../../kernel/provenance.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, never, observe, operationTable, settled } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { bulkhead } from '../bulkhead/bulkhead.ts';
import { fallback } from '../fallback/fallback.ts';
import { retry } from '../retry/retry.ts';
import { type CoalesceOptions, coalesce } from './coalesce.ts';

const topic = contextKey<string>('topic');
const about = (key: string): CancellableContext => Context.background.withValue(topic, key).withCancel();
const make = (options: Partial<CoalesceOptions> = {}) =>
  coalesce({ name: 'prices', keyOf: (context) => context.value(topic), ...options });

describe('coalesce, under another enforcement', () => {
  it('(7) observe runs every call, with its own context, and tells of those that would have joined a run', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const clock = virtualClock();
    const policy = make({ enforcement: 'observe', events });
    const contexts: Context[] = [];
    const own = [about('tea'), about('tea'), about('milk')];
    const calls = own.map((context, index) =>
      observe(policy.execute((given) => (contexts.push(given), after(clock, 100, index)), context)),
    );
    await clock.advance(100);
    observe(policy.execute(never, about('tea')));

    expect(contexts).toEqual(own);
    expect(calls.map((call) => call())).toMatchObject([{ value: 0 }, { value: 1 }, { value: 2 }]);
    expect(recorder.events).toEqual([
      { type: 'coalesce.shared', policy: 'coalesce', name: 'prices', enforcement: 'observe', key: 'tea' },
    ]);
    expect(policy.snapshot()).toMatchObject({ inFlight: 0, runs: 0, shared: 0, observed: 1 });
  });

  it('(7) observe keeps at most maxKeys keys, and none of calls that have settled', async () => {
    const policy = make({ enforcement: 'observe', maxKeys: 1 });
    observe(policy.execute(never, about('a')));
    observe(policy.execute(never, about('b')));
    observe(policy.execute(never, about('b')));
    expect(policy.snapshot()).toMatchObject({ observed: 0, overflowed: 2 });

    const free = make({ enforcement: 'observe', maxKeys: 1 });
    const full = pipeline(free, bulkhead(1));
    const leaving = about('a');
    const running = observe(full.execute(never, leaving));
    leaving.cancel('enough'); // rejected
    await settled(full.execute(() => Promise.reject(new Error('boom')), about('b')));
    observe(full.execute(never, about('c')));
    await settled(full.execute(() => 'value', about('d'))); // overflowed: c runs
    expect(running()).toEqual({ status: 'rejected', error: 'enough' });
    expect(free.snapshot()).toMatchObject({ observed: 0, overflowed: 1 });
  });

  it('(7) observe forgets a key when its run was refused', async () => {
    const policy = make({ enforcement: 'observe', maxKeys: 1 });
    const gate = bulkhead(1);
    observe(gate.execute(never));
    const refused = await settled(pipeline(policy, gate).execute(never, about('a')));
    observe(policy.execute(never, about('a')));

    expect(refused).toMatchObject({ error: { code: 'BULKHEAD_FULL' } });
    expect(policy.snapshot()).toMatchObject({ observed: 0, overflowed: 0 });
  });

  describe.each(['observe', 'off'] as const)('(7) %s hands on what an operation comes to, when it', (enforcement) => {
    it.each(operationTable())('$title', async ({ operation, expected }) => {
      expect(await settled(make({ enforcement }).execute(operation, about('tea')))).toEqual(expected);
    });
  });

  it('(7) off does nothing, counts nothing and asks for no key', async () => {
    let asked = 0;
    const policy = make({ enforcement: 'off', keyOf: () => String(++asked) });
    const contexts: Context[] = [];
    const own = [about('tea'), about('tea')];
    for (const context of own) observe(policy.execute((given) => (contexts.push(given), never()), context));
    await settle();

    expect(asked).toBe(0);
    expect(contexts).toEqual(own);
    expect(policy.snapshot()).toMatchObject({ enforcement: 'off', inFlight: 0, runs: 0, shared: 0, observed: 0 });
  });
});

describe('coalesced runs', () => {
  it('charter R3: run in the async context of the call that starts them, and each caller goes on in its own', async () => {
    const storage = new AsyncLocalStorage<string>();
    const captureAsyncContext = (): ReturnType<typeof AsyncLocalStorage.snapshot> => AsyncLocalStorage.snapshot();
    const clock = virtualClock();
    const policy = pipeline(retry({ baseDelayMs: 0, clock, captureAsyncContext }), make({ captureAsyncContext }));
    const seen: unknown[] = [];
    const ends: ((error: Error) => void)[] = [];
    const operation = (): Promise<string> => {
      seen.push(storage.getStore());
      return new Promise((_resolve, reject) => void ends.push(reject));
    };
    const callers = ['Ada', 'Bob'].map((who) =>
      storage.run(who, async () => {
        await settled(policy.execute(operation, about('tea')));
        return storage.getStore();
      }),
    );
    for (let run = 0; run < 3; run++) {
      // oxlint-disable-next-line no-await-in-loop -- one run after the other
      await storage.run('somebody else', async () => {
        ends[run]?.(new Error('down'));
        await clock.advance(1);
      });
    }

    expect(await Promise.all(callers)).toEqual(['Ada', 'Bob']);
    expect(seen).toEqual(['Ada', 'Ada', 'Ada']);
  });

  it('charter G2: give each run a signal of its own', async () => {
    const policy = make();
    const signals: AbortSignal[] = [];
    const noting = (context: Context): Promise<never> => (signals.push(context.signal), never());
    const leaving = about('tea');
    observe(policy.execute(noting, leaving));
    observe(policy.execute(noting, about('milk')));
    leaving.cancel('enough');
    observe(policy.execute(noting, about('tea')));

    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false, false]);
  });

  it('tell all who share one, and who ask, where the value came from', async () => {
    const clock = virtualClock();
    const pipe = pipeline(make(), fallback({ value: 'substitute' }));
    const failing = async (context: Context): Promise<string> => {
      await after(clock, 10, undefined);
      await fallback({ value: 'nested' }).execute(() => Promise.reject(new Error('nested')), context);
      throw new Error('down');
    };
    const plain = pipe.execute(failing, about('tea'));
    const [asking, another] = [sourced(pipe, failing, about('tea')), sourced(pipe, failing, about('tea'))];
    const succeeding = (context: Context) =>
      fallback({ value: 'nested' }).execute(() => Promise.reject(new Error('nested')), context);
    const starting = pipe.execute(succeeding, about('milk'));
    const primary = sourced(pipe, succeeding, about('milk'));
    await clock.runAll();

    expect(await plain).toBe('substitute');
    expect(await asking).toMatchObject({ value: 'substitute', source: 'fallback', error: { message: 'down' } });
    expect(await another).toMatchObject({ value: 'substitute', source: 'fallback' });
    expect(await starting).toBe('nested');
    expect(await primary).toMatchObject({ value: 'nested', source: 'primary' }); // the operation's own, whatever it called
  });

  it('hand an error and a refusal on to those who ask where a value came from', async () => {
    const error = new Error('down');
    const pipe = pipeline(make(), bulkhead(1));
    const failed = await settled(sourced(pipe, () => Promise.reject(error), about('tea')));
    observe(pipe.execute(never, about('milk')));
    const refused = await settled(sourced(pipe, () => 'value', about('tea')));

    expect(failed).toEqual({ status: 'rejected', error });
    expect(refused).toMatchObject({ status: 'rejected', error: { code: 'BULKHEAD_FULL' } });
  });
});
