import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { type CircuitStore, circuitBreaker, createRegistry } from '@holdfast/core';
import { recordEvents, virtualClock } from '@holdfast/core/testing';

import { readEvents } from '../cli/watching.ts';
import { StoreTroubleError } from '../testing/store-trouble.ts';
import { auth, jsonAs, startAdminUnderTest, tokens } from '../testing/admin-under-test.ts';
import { fleetUnderTest } from '../testing/fleet-under-test.ts';
import type { Action } from './action-trail.ts';

const author = { actor: 'alice', reason: 'INC-4711' } as const;
const everywhere = { state: 'open', ...author, expiresInMs: 60_000, scope: 'fleet' } as const;
const prices = '/circuits/prices/hold';

type Answered = Readonly<Record<string, unknown>>;

/** Two processes of one fleet, each with a console. */
async function start() {
  const clock = virtualClock();
  const tested = fleetUnderTest(clock);
  const processes = await Promise.all([0, 1].map(() => openProcess(tested.store(), clock)));
  await clock.advance(1000); // they find each other
  const [here, there] = processes as [Process, Process];
  return { clock, tested, here, there, breaker: here.breaker, send: here.send, actions: here.actions };
}

type Process = Awaited<ReturnType<typeof openProcess>>;

async function openProcess(store: CircuitStore | undefined, clock: ReturnType<typeof virtualClock>) {
  const registry = createRegistry({ clock, ...(store !== undefined && { store }) });
  const breaker = registry.create(circuitBreaker, { name: 'prices', openForMs: 500 });
  const { ask, admin, url } = await startAdminUnderTest({ tokens, registry, clock });
  const send = async (method: string, path: string, body: object, headers = jsonAs('operator')) => {
    const answer = await ask(path, { method, headers, body: JSON.stringify(body) });
    return { status: answer.status, body: answer.body as Answered };
  };
  const show = async () => (await ask('/circuits/prices', { headers: auth })).body as Answered;
  const actions = async () => ((await ask('/audit', { headers: auth })).body as { actions: Action[] }).actions;
  const undo = (id: unknown) => send('POST', `/actions/${String(id)}/undo`, { actor: 'bob', reason: 'a mistake' });
  const watch = () => watchCircuits(url);
  return { registry, breaker, ask, send, show, actions, undo, admin, watch };
}

const kindsOf = (actions: readonly Action[]) => actions.map(({ kind, actor }) => `${kind} ${actor}`);

describe('fleet holds', () => {
  it('(1) (3) hold a circuit in all processes, with who and why, which all of them show', async () => {
    const { send, here, there, clock } = await start();

    const held = await send('PUT', prices, everywhere);
    await clock.advance(100);

    expect(held).toMatchObject({
      status: 200,
      body: {
        state: 'forced-open',
        scope: 'fleet',
        confirmedBy: 'store',
        nodes: 2,
        scopes: ['process', 'fleet'],
        hold: null,
        fleetHold: { scope: 'fleet', state: 'open', ...author },
      },
    });
    expect([here.breaker.state, there.breaker.state]).toEqual(['forced-open', 'forced-open']);
    expect(await there.show()).toMatchObject({
      hold: null,
      fleetHold: { scope: 'fleet', state: 'open', ...author, remainingMs: 59_900 },
    });
    expect(await here.actions()).toMatchObject([
      { kind: 'circuit.held', target: 'prices', ...author, after: { scope: 'fleet', state: 'open' }, isUndoable: true },
    ]);
    expect(await there.actions()).toEqual([]);
  });

  it('are of this process unless somebody says otherwise, and the answer says so', async () => {
    const { send, here, there, tested } = await start();
    const { scope: _left, ...hold } = everywhere;

    expect(await send('PUT', prices, hold)).toMatchObject({
      status: 200,
      body: { scope: 'process', confirmedBy: 'process', nodes: 2, hold: { scope: 'process' }, fleetHold: null },
    });
    expect([here.breaker.state, there.breaker.state, tested.asked]).toEqual(['forced-open', 'closed', []]);
  });

  it('(3) are released by anybody, also in another process than that which held', async () => {
    const { send, there, here, clock } = await start();
    await send('PUT', prices, everywhere);
    await clock.advance(100);

    const released = await there.send('DELETE', prices, { actor: 'bob', reason: 'over', scope: 'fleet' });
    await clock.advance(100);

    expect(released).toMatchObject({ status: 200, body: { scope: 'fleet', confirmedBy: 'store', fleetHold: null } });
    expect([here.breaker.snapshot().holds, there.breaker.snapshot().holds]).toEqual([[], []]);
    expect((await there.actions()).map(({ before }) => before)).toMatchObject([{ scope: 'fleet', actor: 'alice' }]);
    expect(await there.send('DELETE', prices, { ...author, scope: 'fleet' })).toMatchObject({
      status: 409,
      body: { code: 'NOT_HELD' },
    });
  });

  it('are not released by who releases in this process, who is told where it is held', async () => {
    const { send, breaker } = await start();
    await send('PUT', prices, everywhere);

    const answer = await send('DELETE', prices, author);

    expect(answer).toMatchObject({ status: 409, body: { code: 'NOT_HELD', field: 'scope' } });
    expect(answer.body['detail']).toContain('release it with scope "fleet"');
    expect(breaker.state).toBe('forced-open');
  });

  it('end when their time is over, which is in the trail of who held', async () => {
    const { send, here, there, clock } = await start();
    await send('PUT', prices, everywhere);

    await clock.advance(59_990);
    expect(there.breaker.state).toBe('forced-open');
    await clock.advance(100);

    expect([here.breaker.state, there.breaker.state]).toEqual(['half-open', 'half-open']);
    expect(kindsOf(await here.actions())).toEqual(['circuit.held alice', 'circuit.hold-expired alice']);
    expect(await there.actions()).toEqual([]);
  });

  it('do not expire in the trail where somebody released them before', async () => {
    const { send, here, there, clock } = await start();
    await send('PUT', prices, everywhere);
    await clock.advance(100);
    await there.send('DELETE', prices, { ...author, scope: 'fleet' });
    await clock.advance(70_000);

    expect(kindsOf(await here.actions())).toEqual(['circuit.held alice']);
  });

  it('(4) are undone: back to the hold of before for what is left of it, or to none', async () => {
    const { send, here, there, clock } = await start();
    await send('PUT', prices, everywhere);
    const second = await send('PUT', prices, { ...everywhere, state: 'closed', actor: 'carol', expiresInMs: 5000 });
    await clock.advance(1000);
    expect(there.breaker.state).toBe('forced-closed');

    expect(await here.undo(second.body['actionId'])).toMatchObject({ status: 200 });
    await clock.advance(100);
    expect(await there.show()).toMatchObject({
      state: 'forced-open',
      fleetHold: { ...author, remainingMs: 58_900 },
    });
    const released = await send('DELETE', prices, { ...author, scope: 'fleet' });
    await here.undo(released.body['actionId']);
    await clock.advance(100);
    expect(there.breaker.state).toBe('forced-open');
    const last = (await here.actions()).at(-1);
    await here.undo(last?.id);
    await clock.advance(100);

    expect(there.breaker.snapshot().holds).toEqual([]);
    expect(kindsOf(await here.actions())).toEqual([
      'circuit.held alice',
      'circuit.held carol',
      'circuit.held bob',
      'circuit.released alice',
      'circuit.held bob',
      'circuit.released bob',
    ]);
  });

  it('(4) are not undone where another process has held or released since', async () => {
    const { send, here, there, clock } = await start();
    const held = await send('PUT', prices, everywhere);
    await clock.advance(100);
    await there.send('PUT', prices, { ...everywhere, actor: 'bob' });
    await clock.advance(100);

    expect(await here.undo(held.body['actionId'])).toMatchObject({ status: 409, body: { code: 'CHANGED_SINCE' } });
    await there.send('DELETE', prices, { ...author, scope: 'fleet' });
    await clock.advance(100);
    expect(await here.undo(held.body['actionId'])).toMatchObject({ status: 409, body: { code: 'CHANGED_SINCE' } });
    expect(here.breaker.snapshot().holds).toEqual([]);
  });

  it.each(['released', 'let the time pass of'])(
    '(4) are not brought back where another process has held, and %s that, since they were released',
    async (how) => {
      const { send, here, there, clock } = await start();
      await send('PUT', prices, everywhere);
      const released = await send('DELETE', prices, { ...author, scope: 'fleet' });
      await clock.advance(100);
      await there.send('PUT', prices, { ...everywhere, actor: 'bob', expiresInMs: 500 });
      if (how === 'released') await there.send('DELETE', prices, { ...author, scope: 'fleet' });
      await clock.advance(1000);

      expect(await here.undo(released.body['actionId'])).toMatchObject({
        status: 409,
        body: { code: 'CHANGED_SINCE' },
      });
      expect(there.breaker.snapshot().holds).toEqual([]);
    },
  );

  it('(4) are brought back after their release for what is left of them', async () => {
    const { send, here, there, clock } = await start();
    await send('PUT', prices, everywhere);
    const released = await send('DELETE', prices, { ...author, scope: 'fleet' });
    await clock.advance(500);

    expect(await here.undo(released.body['actionId'])).toMatchObject({ status: 200 });
    await clock.advance(100);
    expect(await there.show()).toMatchObject({ state: 'forced-open', fleetHold: { ...author, remainingMs: 59_400 } });
  });

  it('(4) are brought back after their release also where the circuit has gone on by itself', async () => {
    const { send, here, there, clock } = await start();
    await clock.advance(40_000); // a ledger that is new grants no probes
    await send('PUT', prices, everywhere);
    const released = await send('DELETE', prices, { ...author, scope: 'fleet' });
    for (let call = 0; call < 100; call++) {
      await there.breaker.execute(() => 'well').catch(() => {}); // refused while another one probes
      await clock.advance(20);
    }
    expect(here.breaker.snapshot()).toMatchObject({ state: 'closed', fleet: { ruling: { state: 'closed' } } });

    expect(await here.undo(released.body['actionId'])).toMatchObject({ status: 200 });
    await clock.advance(100);
    expect(there.breaker.state).toBe('forced-open');
  });

  it('(4) are not undone twice, nor when their time is over', async () => {
    const { send, here, clock } = await start();
    const { body } = await send('PUT', prices, everywhere);
    const both = await Promise.all([here.undo(body['actionId']), here.undo(body['actionId'])]);
    expect(both.map(({ status }) => status)).toEqual(expect.arrayContaining([200, 409]));

    const short = await send('PUT', prices, { ...everywhere, expiresInMs: 50 });
    await clock.advance(60);
    expect(await here.undo(short.body['actionId'])).toMatchObject({ status: 409, body: { code: 'NOT_UNDOABLE' } });
  });

  it('stay when the endpoint closes, which leaves no timer behind', async () => {
    const { send, here, there, clock, tested } = await start();
    await send('PUT', prices, everywhere);
    await clock.advance(100);
    const before = clock.pendingCount;
    await here.admin.close();

    expect(clock.pendingCount).toBe(before - 1);
    expect([there.breaker.state, tested.asked]).toEqual(['forced-open', ['hold prices open']]);
  });
});

/** A promise of a store's answer that comes when it is told to. */
function answerOf(tested: ReturnType<typeof fleetUnderTest>): () => void {
  let answer = (): void => {};
  const came = new Promise<void>((resolve) => (answer = resolve));
  tested.lateness = () => came;
  return () => answer();
}

const untilAsked = (tested: ReturnType<typeof fleetUnderTest>, count: number) =>
  vi.waitFor(() => expect(tested.asked).toHaveLength(count), { timeout: 10_000, interval: 1 });

describe('fleet holds whose answers come late', () => {
  it('have their end in the trail also where calls go through before their console looks', async () => {
    const { here, there, tested, clock } = await start();
    const answer = answerOf(tested);
    const asking = here.send('PUT', prices, everywhere);
    await untilAsked(tested, 1);
    await clock.advance(300);
    answer();
    expect(await asking).toMatchObject({ status: 200 });

    await clock.advance(59_750);
    for (let call = 0; call < 5; call++) {
      await there.breaker.execute(() => 'well').catch(() => {}); // refused while another one probes
      await clock.advance(20);
    }
    expect(there.breaker.state).toBe('closed');
    await clock.advance(1000);

    expect(kindsOf(await here.actions())).toEqual(['circuit.held alice', 'circuit.hold-expired alice']);
  });

  it('leave the end of a later hold to its own time', async () => {
    const { here, tested, clock } = await start();
    const answer = answerOf(tested);
    const asking = here.send('PUT', prices, { ...everywhere, expiresInMs: 30_000 });
    await untilAsked(tested, 1);
    await clock.advance(8000);
    expect(await asking).toMatchObject({ status: 504 });
    tested.lateness = undefined;
    await here.send('PUT', prices, { ...everywhere, actor: 'bob' });
    answer();
    await clock.advance(70_000);

    expect(kindsOf(await here.actions())).toEqual([
      'circuit.unconfirmed alice',
      'circuit.held bob',
      'circuit.held alice',
      'circuit.hold-expired bob',
    ]);
  });

  it('(4) are undone to the hold of before for no longer than that would have lasted', async () => {
    const { here, there, tested, clock } = await start();
    await here.send('PUT', prices, everywhere);
    const answer = answerOf(tested);
    const asking = here.send('PUT', prices, { ...everywhere, state: 'closed', actor: 'bob' });
    await untilAsked(tested, 2);
    await clock.advance(7000);
    answer();
    const second = await asking;
    tested.lateness = undefined;
    await here.undo(second.body['actionId']);
    await clock.advance(100);

    expect(await there.show()).toMatchObject({ fleetHold: { ...author, remainingMs: 52_900 } });
  });

  it('are confirmed to who asked when the endpoint has closed meanwhile, and leave no timer behind', async () => {
    const { here, tested, clock } = await start();
    const answer = answerOf(tested);
    const asking = here.send('PUT', prices, everywhere);
    await untilAsked(tested, 1);
    const closed = here.admin.close();
    await clock.advance(100);
    const before = clock.pendingCount;
    answer();

    expect(await asking).toMatchObject({ status: 200, body: { confirmedBy: 'store' } });
    await closed;
    expect(clock.pendingCount).toBeLessThan(before);
  });

  it('(1) are waited for no longer than one limit, however often the store is asked for one of them', async () => {
    const { here, tested, clock } = await start();
    let explain = (): void => {};
    let isExplaining = false;
    tested.slowness = () => {
      isExplaining = true;
      return new Promise((resolve) => (explain = resolve));
    };
    tested.obstacle = () => new Promise(() => {});
    const asking = here.send('PUT', prices, everywhere);
    await vi.waitFor(() => expect(isExplaining).toBe(true), { timeout: 10_000, interval: 1 });
    await clock.advance(5000);
    explain();
    await untilAsked(tested, 1);
    await clock.advance(3000);

    expect(await asking).toMatchObject({ status: 504, body: { code: 'STORE_TIMEOUT', mayHaveChanged: true } });
  });
});

describe('fleet holds that cannot be', () => {
  it('(2) are refused without a store, with one that cannot hold, and for a circuit that is shared with nobody', async () => {
    const clock = virtualClock();
    const tested = fleetUnderTest(clock);
    const alone = await openProcess(undefined, clock);
    const plain = await openProcess(tested.fleet.store(), clock);
    const apart = await openProcess(
      tested.store(() => 0),
      clock,
    );
    const shared = await openProcess(tested.store(), clock);
    shared.registry.create(circuitBreaker, { name: 'sidecar', sharing: 'local' });

    for (const { send } of [alone, plain])
      expect(await send('PUT', prices, everywhere)).toMatchObject({ status: 409, body: { code: 'NO_SHARED_STORE' } });
    expect(await apart.send('PUT', prices, everywhere)).toMatchObject({ status: 409, body: { code: 'NOT_SHARED' } });
    expect(await shared.send('PUT', '/circuits/sidecar/hold', everywhere)).toMatchObject({
      status: 409,
      body: { code: 'NOT_SHARED', field: 'scope' },
    });
    expect((await shared.ask('/circuits/sidecar')).body).toMatchObject({ scopes: ['process'], fleetHold: null });
    expect(await shared.send('PUT', '/circuits/nothing/hold', everywhere)).toMatchObject({ status: 404 });
    expect(await shared.send('PUT', prices, { ...everywhere, scope: 'world' })).toMatchObject({ status: 400 });
    expect([tested.asked, await alone.actions(), await shared.actions()]).toEqual([[], [], []]);
  });

  it('are not for viewers', async () => {
    const { here, tested } = await start();

    for (const method of ['PUT', 'DELETE'])
      expect((await here.send(method, prices, everywhere, jsonAs('viewer'))).status).toBe(403);
    expect([tested.asked, here.breaker.state]).toEqual([[], 'closed']);
  });

  it.each([
    ['timeout', 504, 'STORE_TIMEOUT', true],
    ['away', 503, 'STORE_AWAY', true],
    ['failed', 503, 'STORE_FAILED', true],
    ['denied', 503, 'STORE_DENIED', undefined],
  ] as const)(
    '(1) say what the store said, and whether something may have changed: %s',
    async (trouble, status, code, mayHaveChanged) => {
      const { send, here, tested, breaker } = await start();
      tested.obstacle = () => Promise.reject(new StoreTroubleError(trouble));

      const refused = await send('PUT', prices, everywhere);

      expect(refused).toMatchObject({ status, body: { code } });
      expect(refused.body['mayHaveChanged']).toBe(mayHaveChanged);
      expect(breaker.state).toBe('closed');
      const noted = mayHaveChanged === true ? ['circuit.unconfirmed alice'] : [];
      expect(kindsOf(await here.actions())).toEqual(noted);
    },
  );

  it('(1) answer in time where the store says nothing, and tell later what it came to', async () => {
    const { here, there, tested, clock } = await start();
    let answer = (): void => {};
    tested.lateness = () => new Promise((resolve) => (answer = resolve));
    const asking = here.send('PUT', prices, everywhere);
    while (tested.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));

    await clock.advance(8000);
    expect(await asking).toMatchObject({ status: 504, body: { code: 'STORE_TIMEOUT', mayHaveChanged: true } });
    expect(there.breaker.state).toBe('forced-open'); // it was done, and is seen to be
    answer();
    await clock.advance(100);

    const actions = await here.actions();
    expect(kindsOf(actions)).toEqual(['circuit.unconfirmed alice', 'circuit.held alice']);
    tested.lateness = undefined;
    expect(await here.undo(actions[1]?.id)).toMatchObject({ status: 200 });
  });

  it('can be undone later where the store was away for the first try', async () => {
    const { send, here, there, tested, clock } = await start();
    const held = await send('PUT', prices, everywhere);
    tested.obstacle = () => Promise.reject(new StoreTroubleError('away'));
    expect(await here.undo(held.body['actionId'])).toMatchObject({ status: 503, body: { code: 'STORE_AWAY' } });
    tested.obstacle = undefined;

    expect(await here.undo(held.body['actionId'])).toMatchObject({ status: 200 });
    await clock.advance(100);
    expect(there.breaker.snapshot().holds).toEqual([]);
  });

  it('are an error of the service where the store throws what no store should, and told as such', async () => {
    const { send, here, tested } = await start();
    const heard = recordEvents(here.registry.events);
    tested.obstacle = () => Promise.reject(new Error('a secret'));

    const failed = await send('PUT', prices, everywhere);

    expect(failed).toMatchObject({ status: 500, body: { code: 'INTERNAL', mayHaveChanged: true } });
    expect(JSON.stringify(failed.body)).not.toContain('secret');
    expect(heard.types).toContain('admin.failed');
    expect(kindsOf(await here.actions())).toEqual(['circuit.unconfirmed alice']);
  });
});

describe('fleet holds, live', () => {
  it('are told where they are heard of, also where the state of the circuit stays as it is', async () => {
    const { here, there, clock } = await start();
    const { scope: _left, ...hold } = everywhere;
    await there.send('PUT', prices, hold);
    const heard = await there.watch();

    await here.send('PUT', prices, everywhere);
    await clock.advance(1000);
    await vi.waitFor(() => expect(heard().length).toBeGreaterThan(0), { timeout: 10_000, interval: 5 });

    expect(heard()).toMatchObject([
      {
        id: 'prices',
        from: 'forced-open',
        to: 'forced-open',
        hold: { scope: 'process' },
        fleetHold: { scope: 'fleet', ...author },
      },
    ]);
  });
});

/** Watches the events of an endpoint. Returns what tells the changes of circuits that were heard so far. */
async function watchCircuits(url: string): Promise<() => readonly unknown[]> {
  const leave = new AbortController();
  onTestFinished(() => leave.abort());
  const { body } = await fetch(`${url}/events`, { headers: auth, signal: leave.signal });
  let [text, heard] = ['', [] as unknown[]];
  const read = async (): Promise<void> => {
    for await (const chunk of body ?? []) {
      text += new TextDecoder().decode(chunk as Uint8Array);
      heard = readEvents(text).events.flatMap(({ type, data }) => (type === 'circuit' ? [data] : []));
    }
  };
  void read().catch(() => {}); // it ends with the test
  await vi.waitFor(() => expect(text).toContain('hello'), { timeout: 10_000, interval: 5 });
  return () => heard;
}
