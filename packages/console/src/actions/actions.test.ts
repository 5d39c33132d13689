import { describe, expect, it } from 'vitest';

import { type CircuitBreaker, circuitBreaker, keyed, pipeline, retry, timeout } from '@holdfast/core';
import { recordEvents } from '@holdfast/core/testing';

import { createAdmin } from '../admin.ts';
import { auth, change, json, jsonAs, startAdminUnderTest, tokens } from '../testing/admin-under-test.ts';
import { type Action, ActionTrail, type ShownAction, findChangedAction } from './action-trail.ts';

const author = { actor: 'alice', reason: 'INC-4711' } as const;
const hold = { state: 'open', ...author, expiresInMs: 60_000 } as const;
const prices = '/circuits/prices/hold';

interface Answered {
  readonly actionId: string;
  readonly code: string;
  readonly detail: string;
}

async function start() {
  const parts = await startAdminUnderTest({ tokens });
  const { registry, ask } = parts;
  const breaker = registry.create(circuitBreaker, { name: 'prices' });
  registry.pipeline(
    'prices',
    retry({ name: 'again', maxAttempts: 4 }),
    breaker,
    timeout({ name: 'limit', timeoutMs: 300 }),
  );
  const send = async (method: string, path: string, body: object, headers = json) => {
    const answer = await ask(path, { method, headers, body: JSON.stringify(body) });
    return { status: answer.status, body: answer.body as Answered & Record<string, unknown> };
  };
  const undo = (id: string) => send('POST', `/actions/${id}/undo`, { actor: 'bob', reason: 'a mistake' });
  const actions = async () => ((await ask('/audit', { headers: auth })).body as { actions: Action[] }).actions;
  return { ...parts, breaker, send, undo, actions };
}

/** Names a policy in a path. */
function policyPath(id: string): string {
  return `/policies/${encodeURIComponent(id)}`;
}

describe('circuit holds', () => {
  it('(1) hold a circuit open or closed for a limited time, with who and why', async () => {
    const { send, breaker, ask, clock } = await start();

    const held = await send('PUT', prices, hold);
    await clock.advance(20_000);

    expect(held).toMatchObject({ status: 200, body: { state: 'forced-open', hold: { state: 'open', ...author } } });
    expect(breaker.state).toBe('forced-open');
    expect((await ask('/circuits/prices')).body).toMatchObject({
      hold: { setAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-01-01T00:01:00.000Z', remainingMs: 40_000 },
      holds: [
        {
          owner: expect.stringMatching(/^console [0-9a-f]{8}$/) as string,
          reason: 'alice: INC-4711',
          state: 'forced-open',
          remainingMs: 40_000,
        },
      ],
    });
    await send('PUT', prices, { ...hold, state: 'closed' });
    expect([breaker.state, breaker.snapshot().holds.length]).toEqual(['forced-closed', 1]);
  });

  it('are not brought back by an undo of their release where somebody has held the circuit since', async () => {
    const { send, undo, clock, breaker } = await start();
    await send('PUT', prices, hold);
    const released = await send('DELETE', prices, author);
    await send('PUT', prices, { ...hold, expiresInMs: 1000 });
    await clock.advance(1000);

    expect(await undo(released.body.actionId)).toMatchObject({ status: 409, body: { code: 'CHANGED_SINCE' } });
    expect(breaker.state).toBe('closed');
  });

  it('(2) leave the holds of another endpoint of the same registry alone', async () => {
    const { send, breaker, registry, clock } = await start();
    const other = createAdmin({ registry, clock, token: tokens.viewer, sampleMs: 0 });
    const { url } = await other.listen();
    const headers = { ...json, Authorization: `Bearer ${tokens.viewer}` };
    const ask = (method: string, body: object) =>
      fetch(`${url}${prices}`, { method, headers, body: JSON.stringify(body) });
    await send('PUT', prices, hold);

    expect((await ask('DELETE', author)).status).toBe(409);
    await ask('PUT', { ...hold, state: 'closed', expiresInMs: 1000 });

    expect([breaker.state, breaker.snapshot().holds.length]).toEqual(['forced-open', 2]);
    await other.close();
  });

  it('(1) (3) release by themselves when their time is over, which is in the trail', async () => {
    const { send, breaker, clock, registry, actions } = await start();
    const heard = recordEvents(registry.events);
    await send('PUT', prices, hold);

    await clock.advance(59_999);
    expect(breaker.state).toBe('forced-open');
    await clock.advance(1);

    expect(heard.types.slice(-2)).toEqual(['circuit-breaker.transitioned', 'admin.acted']);
    expect(breaker.state).toBe('closed');
    expect((await actions()).map(({ kind, actor, reason }) => [kind, actor, reason])).toEqual([
      ['circuit.held', 'alice', 'INC-4711'],
      ['circuit.hold-expired', 'alice', 'INC-4711'],
    ]);
    expect(clock.pendingCount).toBe(0);
  });

  it('end by a release, once', async () => {
    const { send, breaker, clock } = await start();
    await send('PUT', prices, hold);

    expect(await send('DELETE', prices, author)).toMatchObject({ status: 200, body: { state: 'closed', hold: null } });
    expect(await send('DELETE', prices, author)).toMatchObject({ status: 409, body: { code: 'NOT_HELD' } });
    expect([breaker.state, clock.pendingCount]).toEqual(['closed', 0]);
  });

  it('(2) leave the holds of others alone', async () => {
    const { send, breaker } = await start();
    breaker.hold('open', { owner: 'controller', forMs: 1000, reason: 'slow' });

    expect(await send('DELETE', prices, author)).toMatchObject({ status: 409, body: { code: 'NOT_HELD' } });
    await send('PUT', prices, { ...hold, state: 'closed' });
    await send('DELETE', prices, author);

    expect(breaker.snapshot().holds).toMatchObject([{ owner: 'controller' }]);
  });

  it('stay for the rest of their time when the endpoint closes', async () => {
    const { send, breaker, admin, clock } = await start();
    await send('PUT', prices, hold);
    await admin.close();

    expect([breaker.state, clock.pendingCount]).toEqual(['forced-open', 0]);
    await clock.advance(60_000);
    expect(breaker.state).toBe('closed');
  });

  it.each<[string, string, object, number, string]>([
    ['no expiry', prices, { ...hold, expiresInMs: undefined }, 400, 'INVALID_CHANGE'],
    ['an expiry of 0', prices, { ...hold, expiresInMs: 0 }, 400, 'INVALID_CHANGE'],
    ['more than a day', prices, { ...hold, expiresInMs: 86_400_001 }, 400, 'INVALID_CHANGE'],
    ['no reason', prices, { ...hold, reason: '' }, 400, 'INVALID_CHANGE'],
    ['an unknown state', prices, { ...hold, state: 'half-open' }, 400, 'INVALID_CHANGE'],
    ['a role', prices, { ...hold, role: 'operator' }, 400, 'INVALID_CHANGE'],
    ['an unknown circuit', '/circuits/nothing/hold', hold, 404, 'NOT_FOUND'],
  ])('are not made: %s', async (...[_what, path, body, status, code]) => {
    const { send, breaker, actions } = await start();

    expect(await send('PUT', path, body)).toMatchObject({ status, body: { code } });
    expect([breaker.state, await actions()]).toEqual(['closed', []]);
  });

  it('are not for viewers, nor is anything else that changes', async () => {
    const { send, breaker, actions, ask } = await start();
    const viewer = jsonAs('viewer');
    const policy = policyPath('circuit-breaker/prices');

    for (const [method, path, body] of [
      ['PUT', prices, hold],
      ['DELETE', prices, author],
      ['PATCH', policy, { changes: { openForMs: 5 }, ...author }],
      ['POST', '/actions/1/undo', author],
      ['PUT', '/features/recommendations', change],
      ['DELETE', '/features/recommendations', author],
    ] as const)
      expect(await send(method, path, body, viewer)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });

    expect(
      (await ask(`${policy}/difference`, { method: 'POST', headers: viewer, body: '{"changes":{"openForMs":5}}' }))
        .status,
    ).toBe(200);
    expect([breaker.state, await actions()]).toEqual(['closed', []]);
  });

  it('reach circuits per key, and circuits of the same name by the id of their policy', async () => {
    const { send, registry, ask } = await start();
    const hosts = keyed({ name: 'hosts', keyOf: () => 'a', make: (_key, name) => circuitBreaker({ name }) });
    registry.add(pipeline({ name: 'calls' }, hosts));
    await hosts.execute(() => 1);
    registry.add(pipeline({ name: 'twin' }, circuitBreaker({ name: 'prices' })));
    const { circuits } = (await ask('/circuits')).body as { circuits: { id: string; within?: string }[] };
    const ids = circuits.map(({ id, within }) => [id, within]);

    expect(ids).toEqual([
      ['prices', undefined],
      [expect.stringContaining('hosts') as string, 'keyed/hosts'],
      [expect.stringContaining('hosts') as string, 'keyed/hosts'],
      ['circuit-breaker/prices@pipeline/twin', 'pipeline/twin'],
    ]);
    for (const { id } of circuits)
      expect(await send('PUT', `/circuits/${encodeURIComponent(id)}/hold`, hold)).toMatchObject({
        status: 200,
        body: { id },
      });
    expect(hosts.get('a')?.state).toBe('forced-open');
  });
});

describe('option changes', () => {
  const policy = policyPath('circuit-breaker/prices');
  const openFor = (breaker: CircuitBreaker) => breaker.describe().options['openForMs'];

  it('(1) are shown as a difference first, which changes nothing', async () => {
    const { send, breaker, actions } = await start();

    expect(await send('POST', `${policy}/difference`, { changes: { openForMs: 5000, maxProbes: 3 } })).toEqual({
      status: 200,
      body: { differences: [{ option: 'openForMs', from: 30_000, to: 5000 }], isUndoable: true },
    });
    expect([openFor(breaker), await actions()]).toEqual([30_000, []]);
  });

  it('are made while calls run, and undone', async () => {
    const { send, breaker, actions, undo } = await start();

    const made = await send('PATCH', policy, { changes: { openForMs: 5000, enforcement: 'observe' }, ...author });

    expect(made).toMatchObject({ status: 200, body: { enforcement: 'observe', options: { openForMs: 5000 } } });
    expect(await actions()).toMatchObject([
      {
        kind: 'policy.changed',
        target: 'circuit-breaker/prices',
        ...author,
        role: 'operator',
        before: { openForMs: 30_000, enforcement: 'enforce' },
        after: { openForMs: 5000, enforcement: 'observe' },
      },
    ]);
    expect(await undo(made.body.actionId)).toMatchObject({
      status: 200,
      body: { action: { undoes: '1', actor: 'bob' } },
    });
    expect([openFor(breaker), breaker.describe().enforcement]).toEqual([30_000, 'enforce']);
  });

  it('(2) say which cannot be undone, and bring back the rule that another one took the place of', async () => {
    const { send, breaker, undo } = await start();
    breaker.update({ confidenceRatio: 0.9 });

    const made = await send('PATCH', policy, { changes: { minimumCalls: 7 }, ...author });
    expect(breaker.describe().options).toMatchObject({ minimumCalls: 7 });
    await undo(made.body.actionId);
    expect(breaker.describe().options['confidenceRatio']).toBe(0.9);

    const slow = { changes: { slowCallMs: 100 } };
    expect((await send('POST', `${policy}/difference`, slow)).body['isUndoable']).toBe(false);
    const once = await send('PATCH', policy, { ...slow, ...author });
    expect(await undo(once.body.actionId)).toMatchObject({ status: 409, body: { code: 'NOT_UNDOABLE' } });
  });

  it('(3) are not undone where somebody changed the option since', async () => {
    const { send, breaker, undo } = await start();
    const made = await send('PATCH', policy, { changes: { openForMs: 5000 }, ...author });
    breaker.update({ openForMs: 6000 });

    expect(await undo(made.body.actionId)).toMatchObject({
      status: 409,
      body: { code: 'CHANGED_SINCE', field: 'openForMs' },
    });
    expect(openFor(breaker)).toBe(6000);
  });

  it.each<[string, string, object, number, string]>([
    ['a value out of range', 'circuit-breaker/prices', { openForMs: 0 }, 400, 'INVALID_OPTIONS'],
    ['one of them out of range', 'circuit-breaker/prices', { maxProbes: 1, openForMs: 0 }, 400, 'INVALID_OPTIONS'],
    ['an unknown option', 'circuit-breaker/prices', { colour: 1 }, 400, 'INVALID_OPTIONS'],
    [
      'a prototype',
      'circuit-breaker/prices',
      JSON.parse('{"__proto__":{"openForMs":1}}') as object,
      400,
      'INVALID_OPTIONS',
    ],
    ['a name', 'circuit-breaker/prices', { name: 'other' }, 400, 'INVALID_OPTIONS'],
    ['null', 'circuit-breaker/prices', { openForMs: null }, 400, 'INVALID_OPTIONS'],
    ['a function by name', 'circuit-breaker/prices', { classify: '[function]' }, 400, 'INVALID_OPTIONS'],
    ['nothing', 'circuit-breaker/prices', {}, 400, 'INVALID_OPTIONS'],
    ['a pipeline', 'pipeline/prices', { name: 'a' }, 409, 'NOT_CHANGEABLE'],
    ['an unknown policy', 'retry/nothing', { maxAttempts: 2 }, 404, 'NOT_FOUND'],
  ])('(1) are refused: %s', async (...[_what, id, changes, status, code]) => {
    const { send, breaker, actions } = await start();
    const before = breaker.describe();

    expect(await send('PATCH', policyPath(id), { changes, ...author })).toMatchObject({ status, body: { code } });
    expect(await send('POST', `${policyPath(id)}/difference`, { changes })).toMatchObject({ status, body: { code } });
    expect([breaker.describe(), await actions()]).toEqual([before, []]);
  });

  it('tell which options there are to change, with their values, defaults and schemas', async () => {
    const { ask } = await start();

    const { body } = await ask(policyPath('retry/again'));

    const { changeable } = body as { changeable: { option: string }[] };
    expect(changeable.find(({ option }) => option === 'maxAttempts')).toEqual({
      option: 'maxAttempts',
      value: 4,
      defaultValue: 3,
      expectation: expect.stringContaining('an integer from') as string,
      schema: expect.objectContaining({ type: 'integer' }) as object,
    });
    expect(changeable.map(({ option }) => option)).not.toContain('name');
  });
});

describe('feature changes', () => {
  const feature = '/features/recommendations';

  it('(1) are refused as the features refuse them, and then are no action', async () => {
    const { send, actions, degradation } = await start();

    expect(await send('PUT', feature, { ...change, mode: 'deferred' })).toMatchObject({
      status: 400,
      body: { code: 'UNKNOWN_MODE' },
    });
    expect(await send('PUT', feature, { ...change, source: 'break-glass' })).toMatchObject({ status: 403 });
    expect([degradation.list().map(({ revision }) => revision), await actions()]).toEqual([[0, 0], []]);
  });

  it('(2) undo brings back the override that there was, for the rest of its time', async () => {
    const { send, undo, degradation, clock } = await start();
    await send('PUT', feature, { ...change, reason: 'first' });
    await clock.advance(20_000);
    const second = await send('PUT', feature, { ...change, mode: 'off', reason: 'second' });

    expect(await undo(second.body.actionId)).toMatchObject({ status: 200 });

    const { mode, override } = degradation.status('recommendations');
    expect([mode, override?.reason, override?.remainingMs]).toEqual(['cached', 'first', 40_000]);
    await clock.advance(40_000);
    expect(degradation.mode('recommendations')).toBe('full');
  });

  it('(2) undo brings back the plan to restore in steps, too', async () => {
    const { send, undo, degradation, clock } = await start();
    const restore = { shareRatios: [0.5], stepMs: 1000 };
    await send('PUT', feature, { ...change, restore });
    const second = await send('PUT', feature, { ...change, mode: 'off' });
    await undo(second.body.actionId);

    await clock.advance(60_000);

    expect(degradation.status('recommendations').overrides).toMatchObject([
      { mode: 'cached', isRestoring: true, shareRatio: 0.5 },
    ]);
  });

  it('(2) undo ends what was set, and sets what was ended', async () => {
    const { send, undo, degradation } = await start();
    const set = await send('PUT', feature, {
      ...change,
      kind: 'atLeast',
      match: [{ attribute: 'plan', in: ['free'] }],
    });
    const before = degradation.status('recommendations').overrides;

    await undo(set.body.actionId);
    expect(degradation.status('recommendations').overrides).toEqual([]);
    const again = await send('PUT', feature, {
      ...change,
      kind: 'atLeast',
      match: [{ attribute: 'plan', in: ['free'] }],
    });
    const ended = await send('DELETE', feature, author);
    await undo(ended.body.actionId);

    expect(degradation.status('recommendations').overrides).toEqual(before);
    expect(again.status).toBe(200);
  });

  it('(2) undo changes nothing where the feature was changed since, or its time is over', async () => {
    const { send, undo, degradation, clock } = await start();
    const first = await send('PUT', feature, change);
    await send('PUT', feature, { ...change, mode: 'off' });

    expect(await undo(first.body.actionId)).toMatchObject({
      status: 409,
      body: { code: 'CHANGED_SINCE', revision: 2 },
    });
    expect(degradation.mode('recommendations')).toBe('off');
    const last = await send('PUT', '/features/checkout', { ...change, mode: 'deferred', expiresInMs: 10 });
    await clock.advance(10);
    expect(await undo(last.body.actionId)).toMatchObject({ status: 409, body: { code: 'NOT_UNDOABLE' } });
  });

  it('(3) undo brings back all or nothing: who may not bring back a part changes nothing', async () => {
    const { send, undo, degradation } = await start();
    const boss = jsonAs('break-glass');
    await send('PUT', feature, change);
    await send('PUT', feature, { ...change, mode: 'off', source: 'break-glass' }, boss);
    const ended = await send('DELETE', feature, { ...author, isAtOnce: true }, boss);
    const { revision } = degradation.status('recommendations');

    expect(await undo(ended.body.actionId)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });

    expect(degradation.status('recommendations')).toMatchObject({ revision, overrides: [] });
    const undone = await send('POST', `/actions/${ended.body.actionId}/undo`, author, boss);
    expect([undone.status, degradation.status('recommendations').overrides.length]).toEqual([200, 2]);
  });
});

describe('action trail', () => {
  it('(3) undoes an action once; that can itself be undone', async () => {
    const { send, undo, breaker } = await start();
    const held = await send('PUT', prices, hold);
    const undone = await undo(held.body.actionId);
    expect(breaker.state).toBe('closed');

    expect(await undo(held.body.actionId)).toMatchObject({ status: 409, body: { code: 'NOT_UNDOABLE' } });
    await undo((undone.body['action'] as Action).id);
    expect(breaker.state).toBe('forced-open');
    expect(await undo('99')).toMatchObject({ status: 404 });
  });

  it('(3) undoes nothing of a policy that has another in its place', async () => {
    const { send, undo, registry } = await start();
    const other = registry.create(circuitBreaker, { name: 'other' });
    const done = [
      await send('PUT', '/circuits/other/hold', hold),
      await send('PATCH', policyPath('circuit-breaker/other'), { ...author, changes: { openForMs: 5 } }),
    ];
    registry.remove(other);
    registry.create(circuitBreaker, { name: 'other' });

    for (const { body } of done)
      expect(await undo(body.actionId)).toMatchObject({ status: 409, body: { code: 'CHANGED_SINCE' } });
    expect(other.state).toBe('forced-open');
  });

  it('(3) does not lengthen a hold, nor bring back one whose time is over', async () => {
    const { send, undo, breaker, clock } = await start();
    await send('PUT', prices, hold);
    await clock.advance(50_000);
    const released = await send('DELETE', prices, author);
    await clock.advance(5000);
    await undo(released.body.actionId);
    await clock.advance(4999);
    expect(breaker.state).toBe('forced-open');
    await clock.advance(1);
    expect(breaker.state).toBe('closed');

    await send('PUT', prices, { ...hold, expiresInMs: 100 });
    const late = await send('DELETE', prices, author);
    await clock.advance(100);
    expect(await undo(late.body.actionId)).toMatchObject({ status: 409, body: { code: 'NOT_UNDOABLE' } });
  });

  it('(1) (2) is chained, and bounded', () => {
    const trail = new ActionTrail(() => 0);
    const deed = { kind: 'circuit.held', target: 'prices', before: null, after: { state: 'open' } } as const;
    for (let count = 0; count < 1003; count++) trail.add({ ...author, role: 'operator', deed, undo: undefined });

    const list = trail.list();

    expect([list.length, list[0]?.id, findChangedAction(list)]).toEqual([1000, '4', undefined]);
    expect(findChangedAction(list.with(5, { ...(list[5] as ShownAction), actor: 'eve' }))).toBe(5);
    expect(findChangedAction(list.toSpliced(7, 1))).toBe(7);
  });
});
