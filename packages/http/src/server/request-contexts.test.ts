import { createServer } from 'node:http';

import { criticality, requestId } from '@holdfast/context';
import { Context, contextKey, type HookError, onHookError } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { fakeExchange } from '../../../../test/http/fake-exchange.ts';
import { createHttpCodec } from '../codec.ts';
import { createRequestContexts } from './request-contexts.ts';
import type { RequestContextsOptions } from './settings.ts';

const user = contextKey<string>('user');

function contextFor(headers: Record<string, string>, options: RequestContextsOptions = {}): Context {
  const { request, response } = fakeExchange(headers);
  return createRequestContexts({ clock: virtualClock(), ...options }).begin(request, response).context;
}

function boom(): never {
  throw new Error('down');
}

let hookErrors: HookError[];
beforeEach(() => {
  hookErrors = [];
  onHookError((error) => hookErrors.push(error));
});
afterEach(() => void onHookError(undefined));

describe('request contexts', () => {
  it.each([
    [{}, 30_000],
    [{ 'x-request-timeout': '1s' }, 1000],
    [{ 'x-request-timeout': '45s' }, 45_000],
    [{ 'x-request-timeout': '1h' }, 60_000],
    [{ 'grpc-timeout': '250m' }, 250],
    [{ 'x-request-timeout': '2s', 'grpc-timeout': '1S' }, 1000],
    [{ 'x-request-timeout': 'soon' }, 30_000],
  ])('(1) have the deadline that is asked for, within limits: %j', (headers, ms) => {
    expect(contextFor(headers).remainingMs()).toBe(ms);
  });

  it('(1) end no later than their parent', () => {
    const clock = virtualClock();
    const parent = Context.withClock(clock).withTimeout(500);

    expect(contextFor({}, { clock, parent }).remainingMs()).toBe(500);
    expect(contextFor({ 'x-request-timeout': '1s' }, { clock, parent }).remainingMs()).toBe(500);
    expect(contextFor({ accept: 'text/event-stream' }, { clock, parent }).remainingMs()).toBe(500);
  });

  it('(1), (2) take any headers, and none makes a deadline later', { timeout: 120_000 }, () => {
    const requests = createRequestContexts({ clock: virtualClock() });
    const name = fc.constantFrom(
      'x-request-timeout',
      'grpc-timeout',
      'connect-timeout-ms',
      'x-envoy-expected-rq-timeout-ms',
      'x-context-deadline',
      'traceparent',
      'baggage',
      'x-request-id',
      'x-context-criticality',
      '__proto__',
      'constructor',
    );
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer().map(String),
      fc.stringMatching(/^-?\d{0,30}(ns|ms|s|m|h|S|M|H|u|n)?$/),
      fc.constantFrom('Infinity', 'NaN', '-1', '1e309', '9'.repeat(9000), '0', '1s, 999h'),
    );
    fc.assert(
      fc.property(fc.dictionary(name, value), (headers) => {
        const { request, response } = fakeExchange(headers);
        const { context } = requests.begin(request, response);
        response.close();
        expect(context.remainingMs()).toBeLessThanOrEqual(60_000);
        expect(context.remainingMs()).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: Number(process.env['HOLDFAST_FUZZ_RUNS'] ?? 300) },
    );
  });

  it.each([
    { accept: 'text/event-stream' },
    { accept: 'text/event-stream;q=1, */*' },
    { upgrade: 'websocket', connection: 'keep-alive, Upgrade' },
  ])('(3) of what lasts have no deadline: %j', (headers) => {
    expect(contextFor(headers).remainingMs()).toBe(Infinity);
    expect(contextFor({ ...headers, 'x-request-timeout': '90s' }).remainingMs()).toBe(90_000); // unless it brings one
  });

  it.each([
    { accept: 'text/html, text/event-stream' },
    { upgrade: 'h2c', connection: 'Upgrade' },
    { upgrade: 'websocket' },
  ])('(3) of what only looks like it have one: %j', (headers) => {
    expect(contextFor(headers).remainingMs()).toBe(30_000);
  });

  it('(3) of what lasts are as isStream says, where it is handed in', () => {
    const isStream = ({ url }: { readonly url?: string | undefined }): boolean => url === '/events';

    expect(contextFor({ accept: 'text/event-stream' }, { isStream }).remainingMs()).toBe(30_000);
    expect(contextFor({}, { isStream: () => true }).remainingMs()).toBe(Infinity);
    expect(contextFor({}, { isStream: () => 1 as never }).remainingMs()).toBe(30_000);
    expect(hookErrors).toMatchObject([{ hook: 'isStream' }]);
  });

  it('take their default of a function of the request, and of the option where that fails', () => {
    expect(contextFor({}, { defaultTimeoutMs: ({ url }) => (url === '/' ? 700 : 1) }).remainingMs()).toBe(700);
    expect(contextFor({}, { defaultTimeoutMs: () => Infinity, maxTimeoutMs: Infinity }).remainingMs()).toBe(Infinity);
    for (const bad of [Number.NaN, -1, '5s', undefined, Promise.resolve(5)])
      expect(contextFor({}, { defaultTimeoutMs: () => bad as never }).remainingMs()).toBe(30_000);
    expect(hookErrors).toHaveLength(5);
  });

  it('have no default above the longest time: none is given, the one of the table is lowered, and that of a function is reported', () => {
    const above = { defaultTimeoutMs: 60_001 };
    expect(() => createRequestContexts(above)).toThrow('requests.defaultTimeoutMs must be at most maxTimeoutMs, which is 60000, got 60001'); // prettier-ignore
    expect(contextFor({}, { ...above, maxTimeoutMs: 60_001 }).remainingMs()).toBe(60_001);
    expect(contextFor({}, { maxTimeoutMs: 50 }).remainingMs()).toBe(50);
    expect(contextFor({}, { defaultTimeoutMs: undefined as never, maxTimeoutMs: 50 }).remainingMs()).toBe(50);
    expect(hookErrors).toEqual([]);

    expect(contextFor({}, { defaultTimeoutMs: () => 51, maxTimeoutMs: 50 }).remainingMs()).toBe(50);
    expect(contextFor({}, { defaultTimeoutMs: boom, maxTimeoutMs: 50 }).remainingMs()).toBe(50);
    expect(hookErrors).toMatchObject([{ hook: 'defaultTimeoutMs' }, { hook: 'defaultTimeoutMs' }]);
  });

  it('carry what the codec lets in, and an id in any case', () => {
    const context = contextFor({ 'x-request-id': 'abc123', 'x-context-criticality': 'critical-plus' });
    const trusting = createHttpCodec({ criticality: 'trusted' });

    expect([context.value(requestId), context.value(criticality)]).toEqual(['abc123', 'critical']);
    expect(contextFor({}).value(requestId)).toEqual(expect.any(String));
    expect(contextFor({ 'x-context-criticality': 'critical-plus' }, { codec: trusting }).value(criticality)).toBe(
      'critical-plus',
    );
  });

  it.each([
    [{ defaultTimeoutMs: 0 }, 'defaultTimeoutMs'],
    [{ maxTimeoutMs: Number.NaN }, 'maxTimeoutMs'],
    [{ answerGraceMs: -1 }, 'answerGraceMs'],
    [{ drainGraceMs: 600_001 }, 'drainGraceMs'],
    [{ retryAfterMs: Infinity }, 'retryAfterMs'],
    [{ statuses: { OTHER: 500 } }, 'statuses'],
    [{ ambient: 'yes' }, 'ambient'],
    [{ name: '' }, 'name'],
    [{ onEnded: 1 }, 'onEnded'],
    [{ enrich: 1 }, 'enrich'],
    [{ isStream: 1 }, 'isStream'],
    [{ degraded: {} }, 'degraded.collect'],
    [{ codec: {} }, 'codec'],
    [{ parent: {} }, 'parent'],
  ])('say what is wrong with %j', (options, name) => {
    expect(() => createRequestContexts(options as never)).toThrow(name);
  });

  it('do not know other options', () => {
    expect(() => createRequestContexts({ timeoutMs: 1 } as never)).toThrow(TypeError);
  });

  it('are enriched before the handler runs, at once or later, and as they were where that fails', async () => {
    const seen: unknown[] = [];
    const enrichers: RequestContextsOptions['enrich'][] = [
      (context) => context.withValue(user, 'at once'),
      async (context) => context.withValue(user, 'later'),
      () => {
        throw new Error('down');
      },
      () => Promise.reject(new Error('down')),
      (context) => context.withoutCancel(),
      () => 1 as never,
    ];
    for (const enrich of enrichers) {
      const { request, response } = fakeExchange();
      const life = createRequestContexts({ clock: virtualClock(), ...(enrich && { enrich }) }).begin(request, response);
      life.start(() => seen.push(life.context.value(user)));
      await settle();
    }

    expect(seen).toEqual(['at once', 'later', undefined, undefined, undefined, undefined]);
    expect(hookErrors.map(({ hook }) => hook)).toEqual(['enrich', 'enrich', 'enrich', 'enrich']);
  });

  it('run no handler when they have ended while they were enriched', async () => {
    const clock = virtualClock();
    const { request, response } = fakeExchange();
    const requests = createRequestContexts({ clock, defaultTimeoutMs: 100, enrich: () => new Promise(() => {}) });
    let runs = 0;
    requests.begin(request, response).start(() => runs++);
    await clock.advance(200);

    expect([runs, response.statusCode]).toEqual([0, 504]);
  });

  it('make the stop of a component theirs, and leave the rest of it alone', async () => {
    const clock = virtualClock();
    const requests = createRequestContexts({ clock });
    class Server {
      readonly name = 'web';
      readonly dependsOn = ['database'];
      readonly #told: string[] = [];
      get told(): string {
        return this.#told.join(' ');
      }
      start(): void {
        this.#told.push('start');
      }
      quiesce(): void {
        this.#told.push('quiesce');
      }
      async drain(): Promise<string> {
        this.#told.push('drain');
        return 'its report';
      }
      close(): void {
        this.#told.push('close');
      }
    }
    const server = new Server();
    const component = requests.withDrain(server);
    const context = Context.withClock(clock).withTimeout(1000);
    expect([component.name, component.dependsOn]).toEqual(['web', ['database']]);
    (component as { start(context: Context): unknown }).start(context);
    component.quiesce();
    const { request, response } = fakeExchange();
    const isIdle = (part: object): unknown => (part as { isIdle(): unknown }).isIdle();
    const drains = { name: 'web', drain: () => {} };
    const all = [{ name: 'bare' }, drains, { ...drains, isIdle: () => true }, { ...drains, isIdle: () => false }];
    expect(all.map((part) => isIdle(requests.withDrain(part)))).toEqual([true, false, true, false]);
    requests.begin(request, response);
    expect(all.map((part) => isIdle(requests.withDrain(part)))).toEqual([false, false, false, false]);
    const drained = (component as { drain(context: Context): unknown }).drain(context);
    response.end();
    response.close();
    (component as { close(context: Context): unknown }).close(context);

    expect(await drained).toBe('its report');
    expect(server.told).toBe('start quiesce drain close');
    const bare = requests.withDrain({ name: 'bare' });
    expect(await (bare as { drain?(context: Context): unknown }).drain?.(context)).toMatchObject({
      finished: [{ name: 'GET', count: 1, failedCount: 0 }],
    });
    expect(bare).not.toHaveProperty('start');
    for (const none of [undefined, createServer()])
      expect(() => requests.withDrain(none as never)).toThrow(/needs a component, as serverComponent/);
  });

  it('(2) begin also where the codec throws, or gives no context', () => {
    for (const extract of [boom, () => undefined as never]) {
      const codec = { ...createHttpCodec(), extract };
      expect(contextFor({ 'x-request-timeout': '1s' }, { codec }).remainingMs()).toBe(30_000);
    }
    expect(hookErrors).toMatchObject([{ hook: 'codec' }, { hook: 'codec' }]);
  });

  it('drain also where the component whose stop is theirs fails to', async () => {
    for (const drain of [() => Promise.reject(new Error('down')), boom]) {
      const requests = createRequestContexts({ clock: virtualClock() });
      const drained = (requests.withDrain({ name: 'web', drain }) as { drain(context: Context): unknown }).drain(
        Context.background,
      );
      const { request, response } = fakeExchange();

      expect(requests.begin(request, response).refusal).toMatchObject({ code: 'SERVER_DRAINING' });
      response.close();
      await expect(drained).rejects.toThrow('down');
    }
  });

  it('have their drain refuse what is no context', async () => {
    await expect(createRequestContexts().drain(undefined as never)).rejects.toThrow(TypeError);
  });
});
