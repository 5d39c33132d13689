/**
 * Redis client: the little of an ioredis client that is used here, so that `Redis` and `Cluster` fit alike.
 *
 * @module
 */

/** An ioredis client that the application hands in: stand-alone, Sentinel or Cluster. It is only duplicated, never used or closed. */
export interface RedisClient {
  /** `wait`, `connecting`, `ready`, `reconnecting`, `close`, `end` and others, as ioredis has them. */
  readonly status: string;
  /** True for a Cluster. */
  readonly isCluster?: boolean;
  readonly options: object;
  /** Makes a client with the same address: ioredis' own methods, whose parameters differ between the two. */
  duplicate(...args: never[]): unknown;
}

/** A connection of our own, made by duplicating the client that was handed in. */
export interface OwnConnection {
  readonly status: string;
  evalsha(sha: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(text: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  ping(): Promise<unknown>;
  info(section: string): Promise<unknown>;
  lrange(key: string, start: number, stop: number): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  ssubscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  /** Connects again after the end. */
  connect(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
}

/** A connection of our own to a Cluster: commands find their way by their keys. */
export interface OwnCluster extends OwnConnection {
  /** Addresses that have a hash slot, the master's first, as far as they are known. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role: 'all' | 'master'): readonly ClusterNode[];
  /** Asks the Cluster anew who has which slot. */
  refreshSlotsCache(): void;
}

/** A server of a Cluster, as the client knows it. */
export interface ClusterNode {
  readonly status: string;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  readonly options: { readonly host?: string; readonly port?: number };
  duplicate(...args: never[]): unknown;
}
