import { describe, expect, it } from 'vitest';

import { type CircuitBreaker, ConfigError, circuitBreaker, createRegistry, retry } from '@holdfast/core';

import { createBrownout } from '@holdfast/degradation';

import { createAdmin } from './admin.ts';
import {
  type ListeningAdmin,
  auth,
  change,
  createAdminUnderTest,
  json,
  startAdminUnderTest,
  token,
} from './testing/admin-under-test.ts';

/** An endpoint that listens, over a registry with circuits and something that is none. */
async function startWithPolicies(): Promise<ListeningAdmin & { readonly breaker: CircuitBreaker }> {
  const parts = await startAdminUnderTest();
  const { registry } = parts;
  const breaker = registry.create(circuitBreaker, { name: 'prices', minimumCalls: 2, openForMs: 1000 });
  registry.create(circuitBreaker, { name: 'a/b ü' });
  registry.create(retry, { name: 'prices' });
  return { ...parts, breaker };
}

describe('routes', () => {
  it('GET / lists the routes', async () => {
    const { ask } = await startWithPolicies();

    const { status, body } = await ask('/');

    expect(status).toBe(200);
    expect(
      (body as { routes: { path: string; methods: string[] }[] }).routes.map(({ path, methods }) => [path, ...methods]),
    ).toEqual([
      ['/', 'GET', 'HEAD'],
      ['/openapi.json', 'GET', 'HEAD'],
      ['/circuits', 'GET', 'HEAD'],
      ['/circuits/{name}', 'GET', 'HEAD'],
      ['/circuits/{name}/hold', 'PUT', 'DELETE'],
      ['/features', 'GET', 'HEAD'],
      ['/features/{name}', 'GET', 'HEAD', 'PUT', 'DELETE'],
      ['/features/{name}/explanation', 'GET', 'HEAD', 'POST'],
      ['/brownout', 'GET', 'HEAD'],
      ['/pipelines', 'GET', 'HEAD'],
      ['/pipelines/{name}', 'GET', 'HEAD'],
      ['/policies', 'GET', 'HEAD'],
      ['/policies/{id}', 'GET', 'HEAD', 'PATCH'],
      ['/policies/{id}/difference', 'POST'],
      ['/audit', 'GET', 'HEAD'],
      ['/actions/{id}/undo', 'POST'],
      ['/history', 'GET', 'HEAD'],
      ['/events', 'GET', 'HEAD'],
    ]);
  });

  it('GET /circuits shows every circuit breaker as it is', async () => {
    const { ask, breaker } = await startWithPolicies();
    const fail = () => breaker.execute(() => Promise.reject(new Error('secret: hunter2'))).catch(() => {});
    await Promise.all([fail(), fail(), fail()]);
    await fail();

    const { body } = await ask('/circuits');

    const { circuits } = body as { circuits: { name: string }[] };
    expect(circuits.map(({ name }) => name)).toEqual(['prices', 'a/b ü']);
    expect(circuits[0]).toEqual({
      id: 'prices',
      policyId: 'circuit-breaker/prices',
      name: 'prices',
      scopes: ['process'],
      hold: null,
      fleetHold: null,
      ...breaker.snapshot(),
    });
    expect(circuits[0]).toMatchObject({ state: 'open', rejections: { open: 1 }, transitions: { 'closed->open': 1 } });
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  it('GET /circuits/{name} shows one, by its encoded name', async () => {
    const { ask } = await startWithPolicies();

    expect((await ask('/circuits/prices')).body).toMatchObject({ name: 'prices', state: 'closed' });
    expect((await ask(`/circuits/${encodeURIComponent('a/b ü')}`)).body).toMatchObject({ name: 'a/b ü' });
    expect(await ask('/circuits/nothing')).toMatchObject({
      status: 404,
      body: { detail: 'there is no circuit breaker "nothing"' },
    });
  });

  it('GET /features and /features/{name} show what list() and status() tell', async () => {
    const { ask, degradation } = await startAdminUnderTest();
    degradation.set('recommendations', 'off', { actor: 'bob', reason: 'slow', expiresInMs: 1000 });
    const expected = JSON.parse(JSON.stringify(degradation.list())) as unknown[];

    expect((await ask('/features')).body).toEqual({ features: expected });
    expect((await ask('/features/recommendations')).body).toEqual(expected[0]);
    expect(await ask('/features/nothing')).toMatchObject({ status: 404, body: { code: 'UNKNOWN_FEATURE' } });
  });

  it('PUT and DELETE /features/{name} switch a feature, and GET /audit tells who did', async () => {
    const { ask, put, degradation } = await startAdminUnderTest();

    const set = await put('/features/recommendations', { ...change, ifRevision: 0 });
    expect(set).toMatchObject({
      status: 200,
      body: { mode: 'cached', revision: 1, override: { actor: 'alice', remainingMs: 60_000 } },
    });
    expect(degradation.mode('recommendations')).toBe('cached');
    const body = JSON.stringify({ actor: 'bob', reason: 'over', ifRevision: 1 });
    const restored = await ask('/features/recommendations', { method: 'DELETE', headers: json, body });

    expect(restored).toMatchObject({ status: 200, body: { mode: 'full', revision: 2 } });
    expect(degradation.mode('recommendations')).toBe('full');
    const { entries, actions } = (await ask('/audit')).body as { entries: unknown; actions: { kind: string }[] };
    expect(entries).toEqual(JSON.parse(JSON.stringify(degradation.audit())));
    expect(actions.map(({ kind }) => kind)).toEqual(['feature.set', 'feature.restored']);
    expect(degradation.audit().map(({ actor, cause }) => [actor, cause])).toEqual([
      ['alice', 'set'],
      ['bob', 'restored'],
    ]);
  });

  it('PUT makes every kind of override, for a share, a place and a target, and DELETE ends one of them', async () => {
    const { ask, put, degradation } = await startAdminUnderTest();
    const match = [{ attribute: 'plan', in: ['free'] }];
    const restore = { shareRatios: [0.5, 0.1], stepMs: 1000 };
    for (const more of [
      { kind: 'atLeast', shareRatio: 0.25, seed: 'spring', restore },
      { kind: 'atMost', match },
      { source: 'schedule', scope: { region: 'eu' } },
    ])
      expect(await put('/features/recommendations', { ...change, ...more })).toMatchObject({ status: 200 });
    const { overrides } = degradation.status('recommendations');
    const id = 'manual/atMost/*/*/[{"attribute":"plan","in":["free"]}]';
    const body = JSON.stringify({ actor: 'bob', reason: 'over', id });

    expect(overrides).toMatchObject([
      { kind: 'atLeast', shareRatio: 0.25, seed: 'spring' },
      { kind: 'atMost', id, match },
    ]);
    expect(await ask('/features/recommendations', { method: 'DELETE', headers: json, body })).toMatchObject({
      status: 200,
      body: { revision: 4, overrides: [{ kind: 'atLeast' }] },
    });
  });

  it('/features/{name}/explanation says why a feature is in its mode, for all and for one user', async () => {
    const { ask, degradation } = await startAdminUnderTest();
    const author = { actor: 'bob', reason: 'slow', expiresInMs: 60_000 };
    degradation.set('recommendations', 'off', { ...author, match: [{ attribute: 'plan', in: ['free'] }] });
    const path = '/features/recommendations/explanation';
    const target = { key: 'ada', attributes: { plan: 'free' } };
    const explain = (body: unknown) => ask(path, { method: 'POST', headers: json, body: JSON.stringify(body) });

    expect((await ask(path)).body).toMatchObject({ mode: 'full', overrides: [{ isFor: false }] });
    expect(await explain(target)).toMatchObject({
      status: 200,
      body: {
        mode: 'off',
        target,
        text: 'recommendations is off for "ada": manual force off by bob (slow), 60 s left',
      },
    });
    expect((await explain({ key: 'ada' })).body).toMatchObject({ mode: 'full' });
    for (const body of [
      {},
      { key: 7 },
      { ...target, more: 1 },
      { key: 'ada', attributes: { plan: null } },
      { key: '' },
    ])
      expect(await explain(body)).toMatchObject({ status: 400, body: { code: 'INVALID_TARGET' } });
    expect(await ask('/features/nothing/explanation')).toMatchObject({
      status: 404,
      body: { code: 'UNKNOWN_FEATURE' },
    });
  });

  it('GET /brownout shows the level, and explains it where something can', async () => {
    const { ask, degradation } = await startAdminUnderTest();
    expect((await ask('/brownout')).body).toEqual({ level: 0, reason: '' });
    degradation.setLevel(1.5, { actor: 'brownout', reason: 'shed ratio 4 %' });
    expect((await ask('/brownout')).body).toEqual({ level: 1.5, reason: 'shed ratio 4 %' });

    const brownout = createBrownout();
    brownout.observe({ shedRatio: 0.2 }, 0);
    const { ask: askExplained } = await startAdminUnderTest({ brownout });
    expect((await askExplained('/brownout')).body).toEqual({
      level: 0,
      reason: '',
      explanation: JSON.parse(JSON.stringify(brownout.explain())) as unknown,
    });
  });

  it('answers HEAD like GET, without the body', async () => {
    const { ask } = await startAdminUnderTest();

    const { status, headers, body } = await ask('/features', { method: 'HEAD' });

    expect([status, body]).toEqual([200, undefined]);
    expect(Number(headers.get('content-length'))).toBeGreaterThan(100);
  });

  it('has no features where there are none', async () => {
    const registry = createRegistry();
    await using admin = createAdmin({ registry, token });
    const { url } = await admin.listen();
    const get = async (path: string) => (await fetch(url + path, { headers: auth })).json();

    expect(await get('/features')).toEqual({ features: [] });
    expect(await get('/audit')).toEqual({ entries: [], actions: [] });
    expect(await get('/brownout')).toEqual({ level: 0, reason: '' });
    expect(await get('/features/reco')).toMatchObject({
      status: 404,
      detail: 'there is no feature "reco"; this service has none',
    });
  });
});

describe('options', () => {
  it.each([
    [{ token: 'short' }, 'admin.token.length must be an integer of at least 16, got 5'],
    [{ token: 'a token with a space' }, 'admin.token must be made of letters'],
    [{ port: -1 }, 'admin.port must be an integer from 0 to 65535, got -1'],
    [{ maxRequestsPerSecond: 0 }, 'admin.maxRequestsPerSecond must be an integer from 1 to 100000, got 0'],
    [{ maxWatchers: -1 }, 'admin.maxWatchers must be an integer from 0 to 1000, got -1'],
    [{ sampleMs: 99 }, 'admin.sampleMs must be an integer from 100 to 60000, got 99'],
    [{ service: '' }, 'admin.service must be a non-empty string'],
    [{ wallClock: 7 }, 'admin.wallClock must be a function'],
    [{ bodyTimeoutMs: 0 }, 'admin.bodyTimeoutMs must be an integer from 1 to 60000, got 0'],
    [{ host: '' }, 'admin.host must be a non-empty string'],
    [{ allowRemote: 'yes' }, 'admin.allowRemote must be true or false, got "yes"'],
    [{ registry: {} }, 'admin.registry must be a registry'],
    [{ degradation: {} }, 'admin.degradation must be what createDegradation() returned'],
    [{ brownout: {} }, 'admin.brownout must be what createBrownout() returned'],
    [{ tokens: {} }, 'admin.tokens must be at least one token'],
    [{ tokens: { viewer: 'short' } }, 'admin.tokens.viewer.length must be an integer of at least 16, got 5'],
    [{ tokens: { viewer: token }, token }, 'admin.token must be absent where admin.tokens is given'],
  ])('%j are refused', (options, message) => {
    expect(() => createAdminUnderTest(options as never)).toThrow(ConfigError);
    expect(() => createAdminUnderTest(options as never)).toThrow(message);
  });

  it('unknown ones are refused', () => {
    expect(() => createAdminUnderTest({ secret: 1 } as never)).toThrow(
      /^admin has no option "secret"; it knows allowRemote,/,
    );
    expect(() => createAdmin(undefined as never)).toThrow(ConfigError);
  });
});
