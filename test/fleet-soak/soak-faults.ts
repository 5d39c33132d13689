/**
 * Soak faults: what befalls the server, the network and the processes of a soak. A fault has ended when its promise resolves.
 *
 * @module
 */

import type { Random } from '@holdfast/core';

import { sleep } from '../redis-lab/eventually.ts';
import type { Fleet } from '../redis-lab/fleet.ts';
import { type Behaviour, halfOpen, latency } from '../redis-lab/flow.ts';
import type { RedisServer } from '../redis-lab/redis-server.ts';
import { type LinkTest, type TcpProxy, commands, subscribers } from '../redis-lab/tcp-proxy.ts';
import type { SoakCommands } from './soak-member.ts';

/** What faults befall. */
export interface SoakStage {
  readonly server: RedisServer;
  /** Between the processes and the server. */
  readonly proxy: TcpProxy;
  readonly fleet: Fleet<SoakCommands>;
  /** So many of the first processes live to the end. */
  readonly steadyCount: number;
}

/** One kind of fault. */
export interface SoakFault {
  readonly name: string;
  readonly strike: (stage: SoakStage, random: Random) => Promise<void>;
}

/** What befalls the server. */
export const serverFaults: readonly SoakFault[] = [
  {
    name: 'the server is killed, and is back empty',
    strike: async ({ server }, random) => {
      await server.kill();
      await sleep(random() * 3000);
      await server.restart({ empty: true });
    },
  },
  {
    name: 'the server is killed, and is back with what it saved a while ago',
    strike: async ({ server }, random) => {
      await server.save();
      await sleep(random() * 2000);
      await server.kill();
      await sleep(random() * 2000);
      await server.restart({ empty: false });
    },
  },
  {
    name: 'the server stands still',
    strike: async ({ server }, random) => {
      server.pause();
      await sleep(100 + random() * 5000);
      server.resume();
    },
  },
  { name: 'FLUSHALL', strike: async ({ server }) => void (await server.admin.flushall()) },
  {
    name: 'SCRIPT FLUSH',
    strike: async ({ server }, random) => {
      for (let left = 5 + random() * 50; left > 0; left--) {
        await server.admin.script('FLUSH');
        await sleep(20);
      }
    },
  },
  {
    name: 'CLIENT KILL',
    strike: async ({ server }, random) => {
      await server.admin.call('CLIENT', 'KILL', 'TYPE', random() < 0.5 ? 'normal' : 'pubsub', 'SKIPME', 'yes');
    },
  },
  {
    name: 'maxmemory',
    strike: async ({ server }, random) => {
      await server.admin.config('SET', 'maxmemory', '1');
      await sleep(500 + random() * 3000);
      await server.admin.config('SET', 'maxmemory', '0');
    },
  },
  {
    name: 'READONLY',
    strike: async ({ server }, random) => {
      await server.admin.replicaof('127.0.0.1', '1');
      await sleep(500 + random() * 3000);
      await server.admin.replicaof('NO', 'ONE');
    },
  },
];

/** What befalls the network. */
export const networkFaults: readonly SoakFault[] = [
  broken('latency', (random) => latency(random() * 150, random() * 100)),
  broken('half-open connections', () => halfOpen),
  broken('replies are lost', () => ({ toClient: { kind: 'drop' } })),
  broken('requests are lost', () => ({ toServer: { kind: 'drop' } })),
  broken('replies stand still', () => ({ toClient: { kind: 'stall' } })),
  broken('one byte a second', () => ({ toClient: { kind: 'throttle', bytesPerSecond: 1 } })),
  broken('resets in the middle of replies', (random) => ({
    toClient: { kind: 'cut', afterBytes: Math.floor(random() * 200), armedBy: 'evalsha' },
  })),
  { name: 'RST', strike: async ({ proxy }) => void proxy.reset() },
  { name: 'FIN', strike: async ({ proxy }) => void proxy.finish() },
  {
    name: 'nobody can connect',
    strike: async ({ proxy }, random) => {
      await proxy.refuse();
      proxy.reset();
      await sleep(random() * 3000);
      await proxy.accept();
    },
  },
];

/** What befalls processes. */
export const processFaults: readonly SoakFault[] = [
  {
    name: 'a process is killed, and another begins',
    strike: async ({ fleet, steadyCount }) => {
      const mortal = fleet.running().find(({ index }) => index >= steadyCount);
      await mortal?.kill();
      await fleet.add(1);
    },
  },
  {
    name: 'a process stands still',
    strike: async ({ fleet }, random) => {
      const all = fleet.running();
      const chosen = all[Math.floor(random() * all.length)];
      chosen?.pause();
      await sleep(200 + random() * 7000);
      chosen?.resume();
    },
  },
];

// --- internal ---

const all: LinkTest = () => true;
const places: readonly LinkTest[] = [all, all, subscribers, commands];

/** The network is broken so, for some connections or all, for a while. */
function broken(name: string, behaviour: (random: Random) => Behaviour): SoakFault {
  return {
    name,
    strike: async ({ proxy }, random) => {
      const where = places[Math.floor(random() * places.length)] as LinkTest;
      proxy.apply(behaviour(random), where);
      await sleep(200 + random() * 5000);
      await proxy.heal();
    },
  };
}
