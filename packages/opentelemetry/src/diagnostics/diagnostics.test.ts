import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import {
  type Pipeline,
  type PolicyEvent,
  circuitBreaker,
  createRegistry,
  keyed,
  pipeline,
  retry,
} from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { type RunMessage, publishCalls, publishedEvents } from './diagnostics.ts';

const subscriptions: (() => void)[] = [];

afterEach(() => {
  for (const stop of subscriptions.splice(0)) stop();
});

function hear(name: string, listener: (message: never) => void): void {
  const onMessage = (message: unknown): void => listener(message as never);
  subscribe(name, onMessage);
  subscriptions.push(() => void unsubscribe(name, onMessage));
}

function setUp() {
  let looks = 0;
  const clock = virtualClock();
  const registry = createRegistry({
    clock: {
      now: () => ((looks += 1), clock.now()),
      setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
    },
    events: publishedEvents(),
    random: () => 0.5,
  });
  const prices = registry.pipeline(
    'prices',
    registry.create(retry, { name: 'prices', maxAttempts: 2, baseDelayMs: 0 }),
    registry.create(circuitBreaker, { name: 'prices', minimumCalls: 100 }),
  );
  return { registry, prices, clock, looks: () => looks };
}

describe('diagnostics channels', () => {
  it('(2), (3): tell of calls, attempts and events, start and end with the same message', async () => {
    const { registry, prices, clock } = setUp();
    const publication = publishCalls({ registry });
    const heard: string[] = [];
    const started = new Set<RunMessage>();
    for (const what of ['call', 'attempt']) {
      hear(`holdfast:${what}:start`, (message: RunMessage) => {
        started.add(message);
        heard.push(`${what} of ${message.policy} ${message.name} starts ${String(message.outcome)}`);
      });
      hear(`holdfast:${what}:end`, (message: RunMessage) => {
        expect(started.delete(message)).toBe(true);
        expect(message.durationMs).toBe(0);
        heard.push(`${what} of ${message.policy} ${message.name} ends ${message.outcome} ${String(message.error)}`);
      });
    }
    hear('holdfast:event', ({ type }: PolicyEvent) => heard.push(type));
    let runs = 0;

    const call = prices.execute(() => {
      if (++runs === 1) throw new Error('down');
      return 1;
    });
    await clock.advance(1);
    expect(await call).toBe(1);

    expect(heard).toEqual([
      'call of pipeline prices starts undefined',
      'attempt of retry prices starts undefined',
      'attempt of retry prices ends failure Error: down',
      'retry.scheduled',
      'attempt of retry prices starts undefined',
      'attempt of retry prices ends success undefined',
      'call of pipeline prices ends success undefined',
    ]);
    publication.close();
    publication.close();
    await prices.execute(() => 1);
    expect(heard).toHaveLength(7);
  });

  it('(1): build nothing while nobody has subscribed, and begin with the first who does', async () => {
    const { registry, prices, clock, looks } = setUp();
    await prices.execute(() => 1);
    const before = looks();
    await prices.execute(() => 1);
    const plain = looks() - before;

    publishCalls({ registry });
    const from = looks();
    await prices.execute(() => 1);

    expect(looks() - from).toBe(plain);
    expect(registry.events.active).toBe(false);
    const heard: unknown[] = [];
    hear('holdfast:event', (event) => heard.push(event));
    expect(registry.events.active).toBe(true);
    void prices.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    await clock.advance(1);
    expect(heard).not.toEqual([]);
  });

  it('leave listeners of the registry what they hear', async () => {
    const { registry, prices, clock } = setUp();
    const types: string[] = [];
    const stop = registry.events.listen(({ type }) => types.push(type));
    void prices.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    await clock.advance(1);
    stop();

    expect(types).toEqual(['retry.scheduled', 'retry.gave-up']);
    expect(registry.events.active).toBe(false);
  });

  it('tell of calls by key with the key, and the name of the keyed policy', async () => {
    const { registry } = setUp();
    const hosts = registry.create(keyed<Pipeline>, {
      name: 'hosts',
      keyOf: () => 'shop.example',
      make: (_key, name) => pipeline({ name }, retry({ name })),
    });
    const page = registry.pipeline('page', hosts);
    const publication = publishCalls({ registry });
    const heard: string[] = [];
    for (const what of ['call', 'attempt'])
      hear(`holdfast:${what}:end`, ({ policy, name, key }: RunMessage) =>
        heard.push(`${what} of ${policy} ${name} ${String(key)}`),
      );

    await page.execute(() => 1);
    await hosts.execute(() => 1);

    expect(heard).toEqual([
      'attempt of retry hosts shop.example',
      'call of keyed hosts shop.example',
      'call of pipeline page undefined',
      'attempt of retry hosts shop.example',
      'call of keyed hosts shop.example',
    ]);
    publication.close();
  });

  it('need a registry, that is published once', () => {
    expect(() => publishCalls({} as never)).toThrow('publishCalls.registry must be a Registry');
    const registry = createRegistry();
    const publication = publishCalls({ registry });
    expect(() => publishCalls({ registry })).toThrow('published already');
    publication.close();
    publishCalls({ registry }).close();
  });
});
