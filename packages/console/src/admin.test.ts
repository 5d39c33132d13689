import { describe, expect, it } from 'vitest';

import { type CircuitBreaker, ConfigError, circuitBreaker, createRegistry, retry } from '@holdfast/core';

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
      ['/circuits', 'GET', 'HEAD'],
      ['/circuits/{name}', 'GET', 'HEAD'],
      ['/features', 'GET', 'HEAD'],
      ['/features/{name}', 'GET', 'HEAD', 'PUT', 'DELETE'],
      ['/audit', 'GET', 'HEAD'],
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
    expect(circuits[0]).toEqual({ name: 'prices', ...breaker.snapshot() });
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
    expect((await ask('/audit')).body).toEqual({ entries: JSON.parse(JSON.stringify(degradation.audit())) as unknown });
    expect(degradation.audit().map(({ actor, cause }) => [actor, cause])).toEqual([
      ['alice', 'set'],
      ['bob', 'restored'],
    ]);
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
    expect(await get('/audit')).toEqual({ entries: [] });
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
    [{ bodyTimeoutMs: 0 }, 'admin.bodyTimeoutMs must be an integer from 1 to 60000, got 0'],
    [{ host: '' }, 'admin.host must be a non-empty string'],
    [{ allowRemote: 'yes' }, 'admin.allowRemote must be true or false, got "yes"'],
    [{ registry: {} }, 'admin.registry must be a registry'],
    [{ degradation: {} }, 'admin.degradation must be what createDegradation() returned'],
  ])('%j are refused', (options, message) => {
    expect(() => createAdminUnderTest(options as never)).toThrow(ConfigError);
    expect(() => createAdminUnderTest(options as never)).toThrow(message);
  });

  it('unknown ones are refused', () => {
    expect(() => createAdminUnderTest({ tokens: 1 } as never)).toThrow(
      /^admin has no option "tokens"; it knows allowRemote,/,
    );
    expect(() => createAdmin(undefined as never)).toThrow(ConfigError);
  });
});
