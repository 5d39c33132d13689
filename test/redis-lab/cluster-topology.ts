/**
 * Cluster topology: masters that share the 16,384 slots, with a replica each if wanted; masters die, slots move.
 *
 * @module
 */

import { Cluster, type ClusterOptions } from 'ioredis';

import { type ClusterNode, formCluster, nodesOf } from './cluster-forming.ts';
import { eventually } from './eventually.ts';
import type { RedisServer } from './redis-server.ts';
import { SlotMove } from './slot-move.ts';

/** Options of a client, without the one that its own constructor has another type for. */
type ClusterClientOptions = Omit<ClusterOptions, 'replyMapping' | 'redisOptions'> & {
  readonly redisOptions?: Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'>;
};

/** Options of {@link startClusterTopology}. */
export interface ClusterTopologyOptions {
  /** Whether each of the three masters has a replica. @defaultValue false */
  readonly hasReplicas?: boolean;
  /** Time without an answer after which a node takes another for down. Milliseconds. @defaultValue 1000 */
  readonly nodeTimeoutMs?: number;
  /** Lines of configuration for every node. */
  readonly config?: readonly string[];
  /** ACL lines for every node. */
  readonly users?: readonly string[];
}

/** Nodes of our own. */
export interface ClusterTopology {
  /** All of them: the three masters of the start, in the order of their slots, then their replicas in the same order. */
  readonly nodes: readonly RedisServer[];
  /** Where a client may begin: `new Cluster(topology.startupNodes)`. */
  readonly startupNodes: readonly { readonly host: string; readonly port: number }[];
  /** Makes a client that is closed with the cluster. */
  connect(options?: ClusterClientOptions): Cluster;
  slotOf(key: string): Promise<number>;
  /** The node that serves `slot` as a master now, as the nodes that are left agree. */
  masterOf(slot: number): Promise<RedisServer>;
  /** A replica of `master` that is left. */
  replicaOf(master: RedisServer): Promise<RedisServer>;
  /** Kills the master of `slot` with SIGKILL and returns the one that serves the slot then. There must be a replica. */
  failOverByKill(slot: number): Promise<RedisServer>;
  /** Makes a replica take over `slot` from its living master, and returns it once all agree. */
  failOverByCommand(slot: number): Promise<RedisServer>;
  /**
   * Begins to move `slot` to another master. Until the end its old master answers ASK for keys that it has not, or not any
   * more; from the end on MOVED.
   */
  beginSlotMove(slot: number, to: RedisServer): Promise<SlotMove>;
  /** Moves `slot` with all its keys to another master. */
  moveSlot(slot: number, to: RedisServer): Promise<void>;
  /** Waits until every node that is left says that the cluster is whole. */
  isWhole(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts the nodes and waits until they are a cluster. */
export async function startClusterTopology(options: ClusterTopologyOptions = {}): Promise<ClusterTopology> {
  const { hasReplicas = false, nodeTimeoutMs = 1000, config = [], users } = options;
  const nodes = await formCluster({
    masters: 3,
    replicas: hasReplicas ? 3 : 0,
    server: {
      config: ['cluster-enabled yes', `cluster-node-timeout ${nodeTimeoutMs}`, ...clusterDefaults, ...config],
      ...(users !== undefined && { users }),
    },
  });
  return new LiveCluster(nodes);
}

// --- internal ---

/** So that replicas follow at once, and take over however old their data are. */
const clusterDefaults = ['repl-diskless-sync-delay 0', 'cluster-replica-validity-factor 0'];
const failoverLimitMs = 30_000;

class LiveCluster implements ClusterTopology {
  readonly nodes: readonly RedisServer[];
  readonly #clients: Cluster[] = [];

  constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes;
  }

  get startupNodes(): { host: string; port: number }[] {
    return this.nodes.map(({ host, port }) => ({ host, port }));
  }

  connect(options: ClusterClientOptions = {}): Cluster {
    const client = new Cluster(this.startupNodes, options);
    client.on('error', () => {}); // a command that fails says so itself
    this.#clients.push(client);
    return client;
  }

  async slotOf(key: string): Promise<number> {
    const [node] = this.#running();
    if (node === undefined) throw new Error('no node is left');
    return node.admin.cluster('KEYSLOT', key);
  }

  masterOf(slot: number): Promise<RedisServer> {
    return this.#agreed(slot, () => true);
  }

  async replicaOf(master: RedisServer): Promise<RedisServer> {
    const known = await nodesOf(master);
    const own = known.find(({ isSelf }) => isSelf);
    const ports = known.filter(({ masterId }) => masterId !== undefined && masterId === own?.id);
    const replica = this.#running().find((node) => ports.some(({ port }) => port === node.port));
    if (replica === undefined) throw new Error(`the master at ${master.port} has no replica that is left`);
    return replica;
  }

  async failOverByKill(slot: number): Promise<RedisServer> {
    const old = await this.masterOf(slot);
    await old.kill();
    const master = await this.#agreed(slot, (node) => node !== old);
    await this.isWhole();
    return master;
  }

  async failOverByCommand(slot: number): Promise<RedisServer> {
    const replica = await this.replicaOf(await this.masterOf(slot));
    await replica.admin.cluster('FAILOVER');
    return this.#agreed(slot, (node) => node === replica);
  }

  async beginSlotMove(slot: number, to: RedisServer): Promise<SlotMove> {
    const move = new SlotMove(slot, { from: await this.masterOf(slot), to, all: this.#running() });
    await move.begin();
    return move;
  }

  async moveSlot(slot: number, to: RedisServer): Promise<void> {
    const move = await this.beginSlotMove(slot, to);
    await move.moveKeys();
    await move.finish();
  }

  async isWhole(): Promise<void> {
    await eventually(
      async () => {
        const states = await Promise.all(this.#running().map(({ admin }) => admin.cluster('INFO')));
        return states.every((state) => state.includes('cluster_state:ok'));
      },
      { what: 'a whole cluster', limitMs: failoverLimitMs },
    );
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #running(): RedisServer[] {
    return this.nodes.filter((node) => node.isRunning());
  }

  /** The master of `slot` once every node that is left names the same one, and `isWanted` holds for it. */
  #agreed(slot: number, isWanted: (node: RedisServer) => boolean): Promise<RedisServer> {
    const look = async (): Promise<RedisServer | undefined> => {
      const views = await Promise.all(this.#running().map(nodesOf));
      const ports = new Set(views.map((view) => masterPort(view, slot)));
      const node = this.nodes.find(({ port }) => ports.has(port));
      return ports.size === 1 && node !== undefined && isWanted(node) ? node : undefined;
    };
    return eventually(look, { what: `one master of slot ${slot}`, limitMs: failoverLimitMs });
  }
}

function masterPort(view: readonly ClusterNode[], slot: number): number | undefined {
  const serves = ({ slots }: ClusterNode): boolean => slots.some(([first, last]) => first <= slot && slot <= last);
  return view.find((node) => node.isMaster && serves(node))?.port;
}
