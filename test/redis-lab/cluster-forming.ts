/**
 * Cluster forming: makes a cluster of fresh servers, and reads what a node knows of it.
 *
 * @module
 */

import { eventually } from './eventually.ts';
import { type RedisServer, type RedisServerOptions, startRedisServer } from './redis-server.ts';

/** What to form. */
export interface ClusterPlan {
  readonly masters: number;
  /** At most one for each master. */
  readonly replicas: number;
  readonly server: RedisServerOptions;
}

/** A node as another one knows it, by CLUSTER NODES. */
export interface ClusterNode {
  readonly id: string;
  readonly port: number;
  readonly isSelf: boolean;
  /** Whether it is a master that has not failed. */
  readonly isMaster: boolean;
  /** Of a replica, its master. */
  readonly masterId: string | undefined;
  /** Ranges, both ends included. */
  readonly slots: readonly (readonly [first: number, last: number])[];
}

const slotCount = 16_384;
const formLimitMs = 30_000;

/** Starts servers and makes a cluster of them: masters first, in the order of their slots, then replicas. None is left where that fails. */
export async function formCluster({ masters, replicas, server }: ClusterPlan): Promise<RedisServer[]> {
  const starts = await Promise.allSettled(Array.from({ length: masters + replicas }, () => startRedisServer(server)));
  const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  try {
    for (const start of starts) if (start.status === 'rejected') throw start.reason as Error;
    await meet(nodes);
    await Promise.all(nodes.slice(0, masters).map((node, index) => assignSlots(node, index, masters)));
    await Promise.all(nodes.slice(masters).map((node, index) => replicate(node, nodes[index])));
    await eventually(() => isFormed(nodes, replicas), { what: 'a cluster', limitMs: formLimitMs });
    return nodes;
  } catch (error) {
    await Promise.all(nodes.map((node) => node.stop()));
    throw error;
  }
}

/** What `node` knows of its cluster. */
export async function nodesOf({ admin }: RedisServer): Promise<ClusterNode[]> {
  const lines = String(await admin.cluster('NODES'))
    .trim()
    .split('\n');
  return lines.map(parseNode);
}

// --- internal ---

async function meet(nodes: readonly RedisServer[]): Promise<void> {
  const [first, ...others] = nodes;
  if (first === undefined) throw new Error('there are no nodes to form a cluster of');
  // Each its own epoch from the start, or they have to sort that out first.
  await Promise.all(nodes.map(({ admin }, index) => admin.cluster('SET-CONFIG-EPOCH', index + 1)));
  await Promise.all(others.map(({ host, port }) => first.admin.cluster('MEET', host, port)));
  await eventually(
    async () => (await Promise.all(nodes.map(nodesOf))).every((known) => known.length === nodes.length),
    { what: 'nodes that know each other', limitMs: formLimitMs },
  );
}

async function assignSlots({ admin }: RedisServer, index: number, masters: number): Promise<void> {
  const first = Math.floor((slotCount * index) / masters);
  const end = Math.floor((slotCount * (index + 1)) / masters);
  await admin.cluster('ADDSLOTS', ...Array.from({ length: end - first }, (_, at) => first + at));
}

async function replicate({ admin }: RedisServer, master: RedisServer | undefined): Promise<void> {
  if (master === undefined) throw new Error('there are more replicas than masters');
  await admin.cluster('REPLICATE', await master.admin.cluster('MYID'));
}

async function isFormed(nodes: readonly RedisServer[], replicas: number): Promise<boolean> {
  const states = await Promise.all(nodes.map(({ admin }) => admin.cluster('INFO')));
  const links = await Promise.all(nodes.slice(nodes.length - replicas).map((node) => node.info('replication')));
  const views = await Promise.all(nodes.map(nodesOf));
  return (
    states.every((state) => state.includes('cluster_state:ok')) &&
    (replicas === 0 || links.every((link) => link['master_link_status'] === 'up')) &&
    views.every((view) => view.filter(({ masterId }) => masterId !== undefined).length === replicas)
  );
}

function parseNode(line: string): ClusterNode {
  const [id = '', address = '', flags = '', master = '-', , , , , ...slots] = line.split(' ');
  const flagList = flags.split(',');
  return {
    id,
    port: Number(/:(\d+)/.exec(address)?.[1]),
    isSelf: flagList.includes('myself'),
    isMaster: flagList.includes('master') && !flagList.includes('fail'),
    masterId: master === '-' ? undefined : master,
    slots: slots.filter((range) => !range.startsWith('[')).map(parseRange),
  };
}

function parseRange(range: string): [number, number] {
  const [first = NaN, last = first] = range.split('-').map(Number);
  return [first, last];
}
