import { describe, expect, it } from 'vitest';

import { createRegistry } from '../registry/registry.ts';
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { FleetNode } from './fleet-node.ts';
import { Lane } from './lane.ts';
import type { LedgerPort } from './ledger.ts';
import { joinCircuit } from './membership.ts';
import { memoryLedger } from './memory-ledger.ts';
import { nodeDefaults } from './node-settings.ts';
import { noRuling } from './ruling.ts';

/** A breaker that shares over a port that can be cut, and how often the port was asked. */
function shared({ shards = 1 } = {}) {
  const clock = virtualClock();
  const ledger = memoryLedger({ serverId: 's' });
  const asked = { sync: 0, step: 0 };
  const asksSince: number[] = [];
  const link = { isUp: true };
  const ask = <T>(kind: 'sync' | 'step', answer: () => T): Promise<T> => {
    asked[kind]++;
    return link.isUp ? Promise.resolve(answer()) : Promise.reject(new Error('no connection'));
  };
  const port = {
    sync: (request) => {
      asksSince.push(request.since);
      return ask('sync', () => ledger.sync(request, clock.now() * 1000));
    },
    step: (request) => ask('step', () => ledger.step(request, clock.now() * 1000)),
  } as LedgerPort;
  const random = seededRandom(1);
  const node = new FleetNode({ settings: { ...nodeDefaults, node: 'a' }, random, shards, onDisagreement: () => {} });
  const lane = new Lane({ node, port, clock });
  const store = {
    join: (member: Parameters<typeof joinCircuit>[1]) => joinCircuit({ node, lane, clock }, member),
    health: () => ({}) as never,
    close: () => lane.stop(),
  };
  const breaker = createRegistry({ clock, random, store }).create(circuitBreaker, {
    name: 'prices',
    minimumCalls: 2,
    openForMs: 120_000,
  });
  const fail = (): void => {
    for (let call = 0; call < 20; call++) breaker.tryAcquire()?.failure();
  };
  lane.start();
  return { clock, ledger, asked, asksSince, link, fail, breaker, lane, node };
}

describe('SyncState', () => {
  it('(4) asks a ledger that does not answer ever less often, also where a proposal waits', async () => {
    const { clock, asked, link, fail, breaker } = shared();
    await clock.advance(5000);
    link.isUp = false;
    asked.sync = 0;
    fail();
    await clock.advance(60_000);
    expect(breaker.state).not.toBe('closed');
    expect(asked.sync).toBeGreaterThan(5);
    expect(asked.sync).toBeLessThan(100);

    link.isUp = true;
    asked.step = 0;
    await clock.advance(10_000);
    expect(asked.step).toBeGreaterThan(0);
  });

  it('(4) asks a ledger that it may not share with at the pace of its polls, also where a proposal waits', async () => {
    const { clock, ledger, asked, fail } = shared({ shards: 2 });
    const other = { node: 'b', incarnation: '', since: 0, presence: true, nodeTtlMs: 60_000, limit: 10 };
    ledger.sync({ ...other, leaseTtlMs: 1, nonce: 'b', shards: 1, minor: 1 }, 1000);
    await clock.advance(5000);
    asked.sync = 0;
    fail();
    await clock.advance(60_000);

    expect(asked.sync).toBeLessThan(300);
    expect(asked.step).toBe(0);
  });

  it.each([
    ['that come together', 0, 1],
    ['that come one a millisecond', 1, 200],
  ])('(6) does not read everything for each of a thousand late messages %s', async (_how, everyMs, atMost) => {
    const { clock, asksSince, fail, lane, node } = shared();
    fail();
    await clock.advance(5000);
    expect(asksSince.pop()).toBeGreaterThan(0);
    asksSince.length = 0;
    for (let index = 1; index <= 1000; index++) {
      const ruling = { ...noRuling(`c${index % 10}`), epoch: 5_000_000 + index, state: 'open' as const, spanMs: 1000 };
      lane.heard({ incarnation: 'gone', previous: index, clock: index + 1, rulings: [ruling] });
      await clock.advance(everyMs);
    }
    await clock.advance(1000);
    const readings = asksSince.filter((since) => since === 0).length;

    expect(readings).toBeGreaterThan(0);
    expect(readings).toBeLessThanOrEqual(atMost);
    expect(node.find('c0')?.known.epoch).toBe(5_001_000);
  });
});
