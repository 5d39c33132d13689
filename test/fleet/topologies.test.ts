import { describe, expect, it } from 'vitest';

import { type ClusterTopology, startClusterTopology } from '../redis-lab/cluster-topology.ts';
import { type SentinelOptions, startSentinelTopology } from '../redis-lab/sentinel-topology.ts';
import type { SlotMove } from '../redis-lab/slot-move.ts';
import { startSharing } from './circuit-fleet.ts';
import { proofOptions, survives } from './fault-proof.ts';

describe.concurrent('a master behind Sentinels', () => {
  it.each<[string, SentinelOptions]>([
    ['a replica that lags takes over', {}],
    ['a replica that has never been synced takes over', { isNeverSynced: true }],
  ])(
    'charter M10: dies, and %s: no call waits, no ruling goes back, and all agree within 3 s',
    async (_what, options) => {
      await using topology = await startSentinelTopology(options);
      const ports = topology.sentinels.map(({ port }) => port);
      await using sharing = await startSharing({
        count: 3,
        options: proofOptions,
        placeOf: () => ({ kind: 'sentinel', name: topology.name, ports }),
      });

      expect(
        await survives(sharing, {
          begin: () => topology.lag(), // that it opens is known to the master only, and to those who live
          end: () => topology.failOverByKill(),
          servers: () => [topology.replica],
        }),
      ).toHaveLength(3);
    },
  );
});

/** Starts a Cluster and a fleet in it: 3 masters with a replica each. */
async function clustered(config: readonly string[]) {
  const cluster = await startClusterTopology({ hasReplicas: true, config });
  const ports = cluster.nodes.map(({ port }) => port);
  const sharing = await startSharing({ count: 3, options: proofOptions, placeOf: () => ({ kind: 'cluster', ports }) });
  const stop = async (): Promise<void> => {
    await sharing[Symbol.asyncDispose]();
    await cluster.stop();
  };
  return { cluster, sharing, slot: await cluster.slotOf('{fleet/0}'), [Symbol.asyncDispose]: stop };
}

type Clustered = Awaited<ReturnType<typeof clustered>>;

/** Opens while the slot is on its way, with some keys here and some there. */
async function movesSlot({ cluster, sharing, slot }: Clustered): Promise<void> {
  const to = await cluster.masterOf((slot + 8192) % 16_384);
  let move: SlotMove | undefined;
  expect(
    await survives(sharing, {
      begin: async () => {
        move = await cluster.beginSlotMove(slot, to);
        await move.moveKeys(2);
      },
      end: async () => {
        await move?.moveKeys();
        await move?.finish();
      },
      servers: () => [to],
    }),
  ).toHaveLength(3);
  expect(await cluster.masterOf(slot)).toBe(to);
}

async function losesMaster({ cluster, sharing, slot }: Clustered): Promise<void> {
  let master: ReturnType<ClusterTopology['failOverByKill']> | undefined;
  expect(
    await survives(sharing, {
      begin: () => void (master = cluster.failOverByKill(slot)),
      end: () => master,
      harmed: [0, 1, 2],
      servers: () => cluster.nodes.filter((node) => node.isRunning()),
    }),
  ).toHaveLength(3);
}

/** Whether messages are published by that command. */
async function publishesBy(command: string, { nodes }: ClusterTopology): Promise<boolean> {
  const calls = await Promise.all(nodes.map((node) => node.calls()));
  return calls.some((each) => (each[command] ?? 0) > 0);
}

describe.concurrent('a Cluster', () => {
  it.each([
    ['sharded', 'spublish', []],
    ['classic', 'publish', ['rename-command SSUBSCRIBE ""', 'rename-command SPUBLISH ""']],
  ] as const)(
    'charter M10: with %s messages: its slot moves, its master dies; no call waits, no ruling goes back, all agree within 3 s',
    async (_messages, command, config) => {
      await using all = await clustered(config);

      await movesSlot(all);
      expect(await publishesBy(command, all.cluster)).toBe(true);
      await losesMaster(all);
    },
  );
});
