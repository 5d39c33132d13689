/**
 * A client that comes, goes, stalls and comes back at random, beside circuits that change at random: in the end it knows the
 * state of every circuit, and has never been told nonsense on the way.
 *
 * @module
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { circuitBreaker, createRegistry } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { type StreamEvent, readEvents } from '../cli/watching.ts';
import { circuitsUnderTest } from '../testing/circuits-under-test.ts';
import { FakeResponse } from '../testing/fake-response.ts';
import { LiveFeed } from './live-feed.ts';

const COUNT = 4;

/** The feed, and one client of it that applies what it hears. */
function start(sampleMs: number) {
  const clock = virtualClock();
  const wallClock = () => clock.now();
  const registry = createRegistry({ clock });
  const breakers = Array.from({ length: COUNT }, (_, index) => registry.create(circuitBreaker, { name: `c${index}` }));
  const { trail, circuits } = circuitsUnderTest(registry, clock);
  const parts = { registry, degradation: undefined, circuits, trail, clock, wallClock, service: 'shop' };
  const feed = new LiveFeed({ ...parts, sampleMs, maxWatchers: 1, stalledMs: 10_000 });
  const actual = () => Object.fromEntries(breakers.map(({ name, state }) => [name, state]));
  const client = { view: {} as Record<string, string>, lastId: undefined as string | undefined, reloads: 0 };
  let response: FakeResponse | undefined;

  const hear = ({ id, type, data }: StreamEvent): void => {
    if (type === 'hello' && data['isResumed'] === false) {
      client.view = actual(); // it loads the lists, now that it watches
      client.reloads++;
    }
    if (type === 'circuit') client.view[String(data['id'])] = String(data['to']);
    client.lastId = id ?? client.lastId;
  };
  const read = (): void => readEvents(response?.written.splice(0).join('') ?? '').events.forEach(hear);
  const connect = (): void => {
    if (response !== undefined && !response.destroyed) return;
    response = new FakeResponse();
    const headers = client.lastId === undefined ? {} : { 'last-event-id': client.lastId };
    feed.admit({ headers } as never, 'viewer')(response.asResponse);
    read();
  };
  const disconnect = (): void => response?.destroy();
  const stall = (): void => {
    if (response !== undefined) response.isFull = true;
  };
  const drain = (): void => {
    read();
    response?.drain();
    read();
  };
  return {
    clock,
    breakers,
    feed,
    client,
    actual,
    connect,
    disconnect,
    stall,
    drain,
    read,
    isStalled: () => response?.isFull,
  };
}

type Bench = ReturnType<typeof start>;
type Step = (bench: Bench) => unknown;

const change: fc.Arbitrary<Step> = fc
  .tuple(fc.nat(COUNT - 1), fc.constantFrom('open' as const, 'closed' as const), fc.integer({ min: 1, max: 3000 }))
  .map(
    ([index, state, forMs]) =>
      ({ breakers }) =>
        breakers[index]?.hold(state, { owner: 'me', forMs }),
  );
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: change },
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: 1500 }).map((ms): Step => async ({ clock, read, isStalled }) => {
      await clock.advance(ms);
      if (isStalled() !== true) read();
    }),
  },
  fc.constantFrom<Step>(
    ({ connect }) => connect(),
    ({ connect }) => connect(),
    ({ disconnect }) => disconnect(),
    ({ stall }) => stall(),
    ({ drain }) => drain(),
  ),
);

describe('live feed', () => {
  it.each([0, 1000])('(2) (3) (4) leaves no client behind, with samples every %i ms', async (sampleMs) => {
    let resumedCount = 0;

    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const bench = start(sampleMs);
        bench.connect();
        for (const take of steps) await take(bench);

        bench.drain();
        bench.connect();
        await bench.clock.advance(5000); // by then nothing changes any more
        bench.drain();

        expect(bench.client.view).toEqual(bench.actual());
        if (bench.client.reloads === 1) resumedCount++;
        bench.feed.close();
        expect(bench.clock.pendingCount).toBe(0);
      }),
      { numRuns: 300 },
    );

    expect(resumedCount).toBeGreaterThan(100);
  });
});
