/**
 * Bench member: a process of a fleet that is measured: many breakers of one registry on one store.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises';

import { type CircuitBreaker, type CircuitTransitionEvent, circuitBreaker, createRegistry } from '@holdfast/core';
import { type RedisCircuitStore, redisCircuitStore } from '@holdfast/redis';
import { Redis } from 'ioredis';

import { serveFleet } from '../../redis-lab/fleet-member.ts';

/** What a member can be asked. */
export interface BenchCommands {
  /** Waits until circuits are shared. */
  ready(): Promise<boolean>;
  /** Lets the circuit of this number fail until this process opens it. Returns when that was, in microseconds of the machine. */
  trip(circuit: number): number;
  /** Makes so many calls a second, spread over all circuits; 0 stops. */
  load(callsPerSecond: number): void;
  /** Makes a call through the circuit of this number that fails. Returns whether it ran. */
  failOnce(circuit: number): boolean;
  openCount(): number;
  close(): Promise<void>;
}

/** What a member is started with. */
export interface BenchSettings {
  readonly port: number;
  readonly user: string | undefined;
  readonly namespace: string;
  readonly breakers: number;
  readonly quorum: number;
  readonly mode: 'ruling' | 'window';
  /** Nodes in this process, each with a registry and a store of its own. */
  readonly nodes: number;
}

const MINIMUM_CALLS = 20;

serveFleet<BenchCommands, BenchSettings>(({ settings, tell }) => {
  const nodes = Array.from({ length: settings.nodes }, () => nodeOf(settings, tell));
  const first = nodes[0] as BenchNode;
  let timer: NodeJS.Timeout | undefined;
  return {
    ready: async () =>
      (await Promise.all(nodes.map(({ store }) => isReady(store, settings.user === undefined)))).every(Boolean),
    trip(circuit) {
      const breaker = first.breakers[circuit] as CircuitBreaker;
      while (breaker.state === 'closed') breaker.tryAcquire()?.failure();
      return machineUs();
    },
    load(callsPerSecond) {
      clearInterval(timer);
      let next = 0;
      const perTick = callsPerSecond / TICKS_PER_SECOND;
      if (callsPerSecond > 0)
        timer = setInterval(() => {
          for (let call = 0; call < perTick; call++)
            first.breakers[next++ % first.breakers.length]?.tryAcquire()?.success();
        }, 1000 / TICKS_PER_SECOND);
    },
    failOnce(circuit) {
      const node = nodes[circuit] as BenchNode;
      const permit = node.breakers[0]?.tryAcquire();
      permit?.failure();
      return permit !== undefined;
    },
    openCount: () => nodes.filter(({ breakers }) => breakers[0]?.state === 'open').length,
    close: async () => void (await Promise.all(nodes.map(({ store }) => store.close()))),
  };
});

// --- internal ---

const TICKS_PER_SECOND = 50;

interface BenchNode {
  readonly store: RedisCircuitStore;
  readonly breakers: readonly CircuitBreaker[];
}

function nodeOf(settings: BenchSettings, tell: (event: string, value: unknown) => void): BenchNode {
  const { port, user, namespace, quorum, mode } = settings;
  const access = user === undefined ? {} : { username: user, password: 'bench' };
  const redis = new Redis({ port, lazyConnect: true, ...access });
  const store = redisCircuitStore(redis, { namespace, mode, quorum: { min: quorum, ratio: 0 } });
  const registry = createRegistry({ store });
  const window =
    mode === 'window' ? ({ kind: 'time', durationMs: 10_000 } as const) : ({ kind: 'count', size: 100 } as const);
  const breakers = Array.from({ length: settings.breakers }, (_each, index) =>
    registry.create(circuitBreaker, { name: `c${index}`, window, minimumCalls: MINIMUM_CALLS, openForMs: 600_000 }),
  );
  registry.events.listen((event) => {
    if (event.type !== 'circuit-breaker.transitioned' || (event as CircuitTransitionEvent).to !== 'open') return;
    tell('opened', { circuit: Number(event.name.slice(1)), atUs: machineUs() });
  });
  return { store, breakers };
}

/** Whether circuits are shared and, where that is to be, messages are heard. */
async function isReady(store: RedisCircuitStore, hears: boolean): Promise<boolean> {
  const isShared = await store.ready(20_000);
  for (let look = 0; look < (hears ? 500 : 0); look++) {
    const { used, heard } = store.health().shards;
    if (used === heard) return isShared;
    await sleep(20);
  }
  return isShared && !hears;
}

/** The machine's monotonic clock, which all its processes share. Microseconds. */
function machineUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
