/**
 * Sentinel topology: a master, a replica that can lag or has never been synced, and sentinels that watch over them.
 *
 *   master ◄── proxy ── replica        replication goes through a proxy, so that it can be held up
 *      ▲                   ▲
 *      └── 1 to 3 sentinels ┘
 *
 * @module
 */

import { Redis } from 'ioredis';

import { eventually } from './eventually.ts';
import { type ClientOptions, type RedisServer, startRedisServer } from './redis-server.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** Options of {@link startSentinelTopology}. */
export interface SentinelOptions {
  /** 1 to 3. @defaultValue 1 */
  readonly sentinels?: number;
  /** Whether the replica is never synced: it is known to the sentinels, and empty. @defaultValue false */
  readonly isNeverSynced?: boolean;
  /** Time without an answer after which a sentinel takes the master for down. Milliseconds. @defaultValue 1000 */
  readonly downAfterMs?: number;
  /** Lines of configuration for master and replica. */
  readonly config?: readonly string[];
  /** ACL lines for master and replica. */
  readonly users?: readonly string[];
}

/** Servers of our own with sentinels. */
export interface SentinelTopology {
  /** What the sentinels call the master. */
  readonly name: 'lab';
  /** The server that was the master at the start. */
  readonly master: RedisServer;
  /** The server that was the replica at the start. */
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  /** Between the replica and the master of the start; a new master is followed without it. */
  readonly replication: TcpProxy;
  /** What a client needs to find the master: `new Redis(topology.clientOptions)`. */
  readonly clientOptions: ClientOptions;
  /** Makes a client that finds the master through the sentinels; it is closed with the topology. */
  connect(options?: ClientOptions): Redis;
  /** Holds up what the master sends to the replica from now on, for at most 60 seconds. */
  lag(): void;
  /** Lets the replica have what was held up, and waits until it has all that the master had. */
  catchUp(): Promise<void>;
  /** The server that the first sentinel that answers names as the master. */
  currentMaster(): Promise<RedisServer>;
  /** Kills the master with SIGKILL and returns the new one, once the sentinels name it and it accepts writes. */
  failOverByKill(): Promise<RedisServer>;
  /**
   * Makes a sentinel promote the replica while the master lives, and returns the new one, once it accepts writes. The old
   * master accepts writes until the sentinels make a replica of it, a moment later.
   */
  failOverByCommand(): Promise<RedisServer>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts the servers and waits until every sentinel knows the master, the replica and the other sentinels. */
export async function startSentinelTopology(options: SentinelOptions = {}): Promise<SentinelTopology> {
  const started: { stop(): Promise<void> }[] = [];
  const keep = <T extends { stop(): Promise<void> }>(each: T): T => {
    started.push(each);
    return each;
  };
  try {
    const parts = await startParts(options, keep);
    return new LiveTopology(parts, started);
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

// --- internal ---

const host = '127.0.0.1';
const name = 'lab';
const failoverLimitMs = 30_000;
/** Sentinels leave a replica alone for so long that follows the master by another address: here, by the proxy. */
const failoverTimeoutMs = 60_000;

type Keep = <T extends { stop(): Promise<void> }>(each: T) => T;
type Parts = Pick<SentinelTopology, 'master' | 'replica' | 'sentinels' | 'replication'>;

class LiveTopology implements SentinelTopology {
  readonly name = name;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  readonly replication: TcpProxy;
  readonly #started: readonly { stop(): Promise<void> }[];
  readonly #clients: Redis[] = [];

  constructor(parts: Parts, started: readonly { stop(): Promise<void> }[]) {
    ({ master: this.master, replica: this.replica, sentinels: this.sentinels, replication: this.replication } = parts);
    this.#started = started;
  }

  get clientOptions(): ClientOptions {
    return { name, sentinels: this.sentinels.map(({ port }) => ({ host, port })) };
  }

  connect(options: ClientOptions = {}): Redis {
    const client = new Redis({ ...this.clientOptions, ...options });
    client.on('error', () => {}); // a command that fails says so itself
    this.#clients.push(client);
    return client;
  }

  lag(): void {
    this.replication.apply({ toClient: { kind: 'stall' } });
  }

  async catchUp(): Promise<void> {
    await this.replication.heal();
    const wanted = Number((await this.master.info('replication'))['master_repl_offset']);
    const hasAll = async (): Promise<boolean> => {
      const { master_link_status: link, slave_repl_offset: offset } = await this.replica.info('replication');
      return link === 'up' && Number(offset) >= wanted;
    };
    await eventually(hasAll, { what: 'a replica that has all of the master', limitMs: 30_000 });
  }

  async currentMaster(): Promise<RedisServer> {
    const sentinel = this.sentinels.find((each) => each.isRunning());
    if (sentinel === undefined) throw new Error('no sentinel is left');
    const address = (await sentinel.admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as readonly string[];
    const found = [this.master, this.replica].find(({ port }) => String(port) === address[1]);
    if (found === undefined) throw new Error(`the sentinel names a stranger: ${address.join(':')}`);
    return found;
  }

  async failOverByKill(): Promise<RedisServer> {
    const old = await this.currentMaster();
    await old.kill();
    return this.#masterAfter(old);
  }

  async failOverByCommand(): Promise<RedisServer> {
    const old = await this.currentMaster();
    const sentinel = this.sentinels.find((each) => each.isRunning());
    await eventually(async () => (await sentinel?.admin.call('SENTINEL', 'FAILOVER', name)) !== undefined, {
      what: 'a sentinel that starts a failover',
      everyMs: 200,
    });
    return this.#masterAfter(old);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await stopAll(this.#started);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #masterAfter(old: RedisServer): Promise<RedisServer> {
    const look = async (): Promise<RedisServer | undefined> => {
      const named = await this.currentMaster();
      return named !== old && (await named.info('replication'))['role'] === 'master' ? named : undefined;
    };
    return eventually(look, { what: 'the new master', limitMs: failoverLimitMs });
  }
}

async function startParts(options: SentinelOptions, keep: Keep): Promise<Parts> {
  const { config = [], users, isNeverSynced = false, sentinels: count = 1 } = options;
  const shared = users === undefined ? {} : { users };
  // A master that waits an hour for more replicas before it sends its data knows the replica, and has sent nothing.
  const sync = ['repl-diskless-sync yes', `repl-diskless-sync-delay ${isNeverSynced ? 3600 : 0}`];
  const master = keep(await startRedisServer({ ...shared, config: [...sync, ...config] }));
  const replication = keep(await startTcpProxy(master.port));
  const following = [`replicaof ${host} ${replication.port}`];
  const replica = keep(await startRedisServer({ ...shared, config: [...sync, ...following, ...config] }));
  await eventually(async () => isFollowing(await master.info('replication'), isNeverSynced), {
    what: 'the replica at the master',
  });
  const starting = Array.from({ length: count }, () => startSentinel({ master, count, options }));
  const sentinels = (await Promise.all(starting)).map(keep);
  await eventually(() => knowEachOther(sentinels), { what: 'sentinels that know each other', limitMs: 30_000 });
  return { master, replica, sentinels, replication };
}

function isFollowing(replication: Readonly<Record<string, string>>, isNeverSynced: boolean): boolean {
  const state = /state=(\w+)/.exec(replication['slave0'] ?? '')?.[1];
  return isNeverSynced ? state === 'wait_bgsave' : state === 'online';
}

async function startSentinel(plan: {
  readonly master: RedisServer;
  readonly count: number;
  readonly options: SentinelOptions;
}): Promise<RedisServer> {
  const quorum = Math.floor(plan.count / 2) + 1;
  const config = [
    `sentinel monitor ${name} ${host} ${plan.master.port} ${quorum}`,
    `sentinel down-after-milliseconds ${name} ${plan.options.downAfterMs ?? 1000}`,
    `sentinel failover-timeout ${name} ${failoverTimeoutMs}`,
  ];
  const sentinel = await startRedisServer({ config, args: ['--sentinel'] });
  // From Redis 7 on the periods can be shortened. Before, it only takes longer until they know each other; but then
  // `downAfterMs` must be above the ping period of 1 s in which a sentinel reconnects, or it takes a new master for down at
  // once. Nor may the ping period be too short: a replica is passed over that has not been asked for INFO within 5 of them.
  const periods = ['INFO-PERIOD', '500', 'PUBLISH-PERIOD', '200', 'PING-PERIOD', '400'];
  await sentinel.admin.call('SENTINEL', 'DEBUG', ...periods).catch(() => {});
  return sentinel;
}

async function knowEachOther(sentinels: readonly RedisServer[]): Promise<boolean> {
  const known = await Promise.all(
    sentinels.map(async ({ admin }) => {
      const replicas = (await admin.call('SENTINEL', 'REPLICAS', name)) as readonly unknown[];
      const others = (await admin.call('SENTINEL', 'SENTINELS', name)) as readonly unknown[];
      return others.length === sentinels.length - 1 && replicas.length === 1 && isHealthy(replicas[0]);
    }),
  );
  return known.every(Boolean);
}

/** Whether a replica, as fields and values in turn or as an object, is one that a sentinel has talked to. */
function isHealthy(replica: unknown): boolean {
  const pairs = Array.isArray(replica) ? replica : Object.entries(replica as object).flat();
  const field = (key: string): string => String(pairs[pairs.indexOf(key) + 1]);
  return field('flags') === 'slave' && field('role-reported') === 'slave' && field('slave-repl-offset') !== '';
}

async function stopAll(all: readonly { stop(): Promise<void> }[]): Promise<void> {
  await Promise.all(all.map((each) => each.stop()));
}
