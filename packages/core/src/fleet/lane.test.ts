import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Clock, Timer } from '../kernel/clock.ts';
import { onHookError } from '../kernel/hooks.ts';
import { notingMember } from '../testing/fleet-table.ts';
import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { FleetNode } from './fleet-node.ts';
import { Lane } from './lane.ts';
import type { LedgerPort } from './ledger.ts';
import { joinCircuit } from './membership.ts';
import { memoryLedger } from './memory-ledger.ts';
import { nodeDefaults } from './node-settings.ts';

/** A lane over a ledger whose answers a test may keep back. */
function laneOf({ onTurn }: { onTurn?: () => void } = {}) {
  const clock = virtualClock(1000);
  const ledger = memoryLedger({ serverId: 's' });
  const asked: string[] = [];
  const link = { delayMs: 5, running: 0, mostRunning: 0, sent: [] as { kind: string; inTurn: number }[] };
  let turn = 0;
  const ask = async <T>(kind: string, answer: () => T): Promise<T> => {
    asked.push(kind);
    link.sent.push({ kind, inTurn: turn });
    link.mostRunning = Math.max(link.mostRunning, ++link.running);
    await new Promise<void>((resolve) => void clock.setTimer(resolve, link.delayMs));
    link.running--;
    return answer();
  };
  const port: LedgerPort = {
    sync: (request) => ask('sync', () => ledger.sync(request, clock.now() * 1000)),
    step: (request) => ask('step', () => ledger.step(request, clock.now() * 1000)),
    flush: (request) => ask('flush', () => ledger.flush(request, clock.now() * 1000)),
    hold: (request) => ask('hold', () => ledger.hold(request, clock.now() * 1000)),
  };
  const settings = { ...nodeDefaults, node: 'a', mode: 'window' as const };
  const node = new FleetNode({ settings, random: () => 0.5, shards: 1, onDisagreement: () => {} });
  const lane = new Lane({ node, port, clock, ...(onTurn !== undefined && { onTurn }) });
  const member = notingMember();
  const circuit = joinCircuit({ node, lane, clock }, member);
  const step = (): void => void turn++;
  return { clock, node, lane, ledger, asked, link, member, circuit, port, step, settings };
}

let reported: unknown[] = [];
let before: ReturnType<typeof onHookError>;
beforeEach(() => {
  reported = [];
  before = onHookError((error) => reported.push(error.hook));
});
afterEach(() => void onHookError(before));

describe('Lane', () => {
  it('(1) has one request under way at a time, and sends nothing in the turn of who wakes it', async () => {
    const { clock, lane, asked, link, circuit, node } = laneOf();
    lane.start();
    lane.subscribed(true);
    expect(asked).toEqual([]);
    await clock.advance(0);
    expect(asked).toEqual(['sync']);
    circuit.tripped({ openMs: 100, reason: 'probes' });
    lane.wake(0);
    lane.subscribed(false);
    await clock.advance(4);
    expect(asked).toEqual(['sync']);
    await clock.advance(20);
    expect(asked).toContain('step');
    await clock.advance(3000);

    expect([link.mostRunning, node.find('prices')?.known.state(1100)]).toEqual([1, 'open']);
  });

  it('(1) asks where the ledger stands before it proposes, and tells windows after', async () => {
    const { clock, lane, asked, circuit, member } = laneOf();
    lane.start();
    await clock.advance(300);
    asked.length = 0;
    member.counted = { successes: 0, failures: 1 };
    member.runs = [{ ageMs: 0, successes: 0, failures: 1 }];
    await clock.advance(1500);
    expect(asked).toContain('flush');
    expect(asked.filter((kind) => kind === 'flush').length).toBe(1);
    circuit.leave();
    await clock.advance(1000);
    expect(asked.at(-1)).toBe('sync');
  });

  it('(2) has timers that keep no process alive, and none after it was stopped', async () => {
    const { clock, lane, asked, link } = laneOf();
    expect(clock.pendingCount).toBe(0);
    lane.start();
    lane.wake();
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 0]);
    await clock.advance(1);
    const ending = lane.stop();
    expect([lane.stop() === ending, lane.hasEnded]).toEqual([true, true]);
    await clock.advance(20);
    await ending;
    expect([clock.pendingCount, asked, link.mostRunning]).toEqual([0, ['sync', 'sync'], 1]);
    lane.start();
    lane.wake(0);
    lane.subscribed(true);
    lane.heard({ incarnation: '', previous: 0, clock: 1, rulings: [] });

    expect(clock.pendingCount).toBe(0);
  });

  it('(2) has nothing to say goodbye to where it never began', async () => {
    const { clock, lane, asked } = laneOf();
    await lane.stop();
    expect([clock.pendingCount, asked]).toEqual([0, []]);
  });

  it('takes its node off the list, and gives back what it holds, when it stops', async () => {
    const { clock, lane, ledger, circuit, asked } = laneOf();
    lane.start();
    await clock.advance(1000);
    circuit.tripped({ openMs: 50, reason: 'probes' });
    await clock.advance(100);
    circuit.noteDemand();
    await clock.advance(500);
    expect(circuit.explain().leases).toBe(1);
    const ending = lane.stop();
    await clock.advance(100);
    await ending;
    expect(asked.slice(-2)).toEqual(['step', 'sync']);
    const other = { node: 'b', incarnation: '', since: 0, presence: true, nodeTtlMs: 60_000, limit: 10 };
    const reply = ledger.sync({ ...other, leaseTtlMs: 1, nonce: 'b', shards: 1, minor: 1 }, clock.now() * 1000);

    expect([reply.nodes, reply.rulings.map(({ free }) => free)]).toEqual([1, [3]]);
  });

  it('(3) tells its node that the process has slept, where a timer is late', async () => {
    const { clock, node, ...made } = laneOf();
    const timers: (() => void)[] = [];
    const sleepy: Clock = {
      now: () => clock.now(),
      setTimer: (callback): Timer => {
        timers.push(callback);
        return { cancel: () => {}, ref: () => {}, unref: () => {} };
      },
    };
    const lane = new Lane({ node, port: made.port, clock: sleepy });
    lane.start();
    await clock.advance(1000);
    timers.shift()?.();
    await settle();
    expect(made.member.states).toEqual([]);
    await clock.advance(5);
    expect(timers).toHaveLength(1);
    await clock.advance(2001);
    timers.shift()?.();
    await settle();

    expect(made.member.states).toEqual(['closed!']);
  });

  it('(4) goes on after what the node throws, but not at once', async () => {
    const { clock, lane, node, asked } = laneOf();
    const nextSync = node.nextSync.bind(node);
    let broken = 0;
    node.nextSync = (now) => {
      if (broken++ < 3) throw new Error('broken');
      return nextSync(now);
    };
    lane.start();
    await clock.advance(2999);
    expect([asked, reported.length]).toEqual([[], 3]);
    await clock.advance(1);

    expect(asked).toEqual(['sync']);
  });

  it('(4) goes on after what the port throws, at once or later, and what it is told throws', async () => {
    const { clock, node } = laneOf();
    let asked = 0;
    const port = {
      sync: () => {
        if (asked++ % 2 === 0) throw new Error('at once');
        return Promise.reject(new Error('later'));
      },
    } as unknown as LedgerPort;
    const onTurn = (): never => {
      throw new Error('told');
    };
    const lane = new Lane({ node, port, clock, onTurn });
    lane.start();
    await clock.advance(300);

    expect([asked, new Set(reported)]).toEqual([4, new Set(['circuitStore'])]);
  });
});
