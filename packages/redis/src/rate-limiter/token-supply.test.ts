import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { TakeLink, TakeServer } from '../../../../test/redis/take-model.ts';
import { limitsOf } from './limits.ts';
import { TokenSupply } from './token-supply.ts';

const rate = {
  maxPerInterval: 1000,
  intervalMs: 1000,
  maxQueued: 100,
  maxWaitMs: 300,
  enforcement: 'enforce',
} as const;

/** A supply on virtual time, whose line costs what the test says. */
function setUp(options: { sharesAlone?: boolean; maxPerInterval?: number } = {}) {
  const clock = virtualClock();
  const server = new TakeServer(clock);
  const link = new TakeLink(server, clock);
  const line = { queued: 0, first: 0 };
  const onNews = vi.fn<(before: string, error: unknown) => void>();
  const onDisagreement = vi.fn<() => void>();
  const { sharesAlone = true, maxPerInterval = 1000 } = options;
  const supply = new TokenSupply(
    {
      taker: { keys: ['g', 'n'], node: 'a', leaseMs: 200, maxLeaseRatio: 0.2 },
      link,
      clock,
      random: () => 0.5,
      commandTimeoutMs: 200,
      expectedNodeCount: 2,
      sharesAlone,
      lineCosts: () => line,
      onNews,
      onDisagreement,
    },
    limitsOf('test', { ...rate, maxPerInterval }),
  );
  /** Asks for `count` tokens and waits for them. */
  const fetch = async (count: number): Promise<void> => {
    Object.assign(line, { queued: count, first: 1 });
    supply.refill(clock.now());
    Object.assign(line, { queued: 0, first: 0 });
    await clock.advance(link.latencyMs);
  };
  return { clock, server, link, line, supply, onNews, onDisagreement, fetch };
}

describe('TokenSupply', () => {
  it('(1) decides a draw at once: from what is in hand, never by asking', async () => {
    const { supply, clock, fetch } = setUp();
    expect(supply.draw(1, 0)).toBe(false);
    await fetch(3);

    expect(supply.mode).toBe('shared');
    expect(supply.draw(3, clock.now())).toBe(true);
    expect(supply.draw(1, clock.now())).toBe(false);
  });

  it('(2) has one request under way, however often it is asked', async () => {
    const { supply, server, line, clock } = setUp();
    Object.assign(line, { queued: 5, first: 1 });
    for (let time = 0; time < 10; time++) supply.refill(0);
    await clock.advance(1);

    expect(server.requests).toBe(1);
  });

  it('asks for more in the background before the hand is empty', async () => {
    const { supply, server, clock, fetch } = setUp();
    await fetch(100);
    const first = server.requests;
    let drawn = 0;
    for (let ms = 0; ms < 1000; ms++) {
      supply.noteDemand(1);
      if (ms % 2 === 0 && supply.draw(1, clock.now())) drawn++;
      supply.topUp(clock.now());
      await clock.advance(1);
    }

    expect(drawn).toBe(500);
    expect(server.requests - first).toBeGreaterThan(5);
    expect(server.requests - first).toBeLessThan(50);
  });

  it('(3) uses nothing after leaseMs, counted from the request, and gives it back', async () => {
    const { supply, server, clock, link, fetch } = setUp();
    link.latencyMs = 50;
    await fetch(10);
    await clock.advance(149);
    expect(supply.countAt(clock.now())).toBeGreaterThanOrEqual(10);
    const held = supply.countAt(clock.now());
    await clock.advance(1);
    expect(supply.countAt(clock.now())).toBe(0);

    supply.look(false, clock.now());
    await clock.advance(50);
    expect(server.returned).toBe(held);
    expect(supply.dueAt(false, clock.now())).toBe(Infinity);
  });

  it('(4) asks with the same ticket again where the answer was lost, and is granted once', async () => {
    const { supply, server, clock, link, line } = setUp();
    link.timeoutMs = 20;
    link.fate = () => 'unheard';
    Object.assign(line, { queued: 4, first: 1 });
    supply.refill(0);
    await clock.advance(20);
    expect(supply.mode).toBe('alone');
    link.fate = () => 'answered';
    supply.hasConnection(clock.now());
    await clock.advance(50);
    supply.refill(clock.now());
    await clock.advance(1);

    expect(server.requests).toBe(2);
    expect(supply.mode).toBe('shared');
    expect(supply.countAt(clock.now())).toBe(server.granted.get('a'));
  });

  it('(4) takes a new ticket when the batch would be of no use any more', async () => {
    const { supply, server, clock, link, line } = setUp();
    link.fate = () => 'unheard';
    Object.assign(line, { queued: 4, first: 1 });
    supply.refill(0);
    await clock.advance(200);
    link.fate = () => 'answered';
    await clock.advance(500);
    supply.refill(clock.now());
    await clock.advance(1);

    expect(supply.countAt(clock.now())).toBeGreaterThanOrEqual(4);
    expect(server.granted.get('a')).toBeGreaterThan(supply.countAt(clock.now()));
  });

  it('(5) asks a store that does not answer twice a second or so, and goes by its share meanwhile', async () => {
    const { supply, clock, link, line, onNews } = setUp();
    const asked = vi.fn<() => 'lost'>(() => 'lost');
    link.fate = asked;
    Object.assign(line, { queued: 1, first: 1 });
    supply.refill(0);
    await clock.advance(200);
    expect(supply.mode).toBe('alone');
    expect(onNews).toHaveBeenCalledExactlyOnceWith('joining', expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));

    let drawn = 0;
    for (let ms = 0; ms < 4000; ms++) {
      if (supply.draw(1, clock.now())) drawn++;
      supply.topUp(clock.now());
      await clock.advance(1);
    }
    expect(drawn).toBeGreaterThan(1990);
    expect(drawn).toBeLessThanOrEqual(2001);
    expect(asked.mock.calls.length).toBeLessThanOrEqual(10);
  });

  it('waits for the first connection as for an answer, and not for a later one', async () => {
    const { supply, clock, link, line } = setUp();
    link.isReady = false;
    Object.assign(line, { queued: 1, first: 1 });
    supply.refill(0);
    expect(supply.mode).toBe('joining');
    expect(supply.dueAt(true, 0)).toBe(200);
    await clock.advance(200);
    supply.refill(clock.now());
    expect(supply.mode).toBe('alone');
  });

  it('has nothing while alone where it does not go by its share, and says when it asks again', async () => {
    const { supply, clock, link, line } = setUp({ sharesAlone: false });
    link.fate = () => 'lost';
    Object.assign(line, { queued: 1, first: 1 });
    supply.refill(0);
    await clock.advance(200);

    expect(supply.draw(1, clock.now())).toBe(false);
    expect(supply.delayMs(1, clock.now())).toBe(375);
  });

  it('charges what it let through while alone to the fleet, once', async () => {
    const { supply, server, clock, link, line } = setUp();
    link.fate = () => 'lost';
    Object.assign(line, { queued: 1, first: 1 });
    supply.refill(0);
    await clock.advance(1000);
    Object.assign(line, { queued: 0, first: 0 });
    let drawn = 0;
    while (supply.draw(1, clock.now())) drawn++;
    expect(drawn).toBeGreaterThan(300);
    link.fate = () => 'answered';
    supply.hasConnection(clock.now());
    await clock.advance(600);
    supply.refill(clock.now());
    await clock.advance(1);

    const backlog = (Number(server.state.tat) - (clock.now() * 1000 + server.offsetUs)) / 1000;
    expect(supply.mode).toBe('shared');
    expect(backlog).toBeGreaterThan(150); // a token of its share took 2 ms to work off
    expect(backlog).toBeLessThan(drawn);
  });

  it('tells when the store goes by another rate, but not of its own changes', async () => {
    const { supply, server, clock, onDisagreement, fetch } = setUp();
    await fetch(1);
    supply.changeLimits(limitsOf('test', { ...rate, maxPerInterval: 500 }));
    await clock.advance(200);
    await fetch(1);
    expect(onDisagreement).not.toHaveBeenCalled();

    Object.assign(server.state, { em: 77 });
    await clock.advance(200);
    await fetch(1);
    expect(onDisagreement).toHaveBeenCalledOnce();
  });

  it('takes something else under its keys for no answer', async () => {
    const { supply, clock, link, line } = setUp();
    link.run = () => Promise.resolve(['what?']);
    Object.assign(line, { queued: 1, first: 1 });
    supply.refill(0);
    await clock.advance(1);

    expect(supply.mode).toBe('alone');
  });
});
