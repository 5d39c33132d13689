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
  subscribe(channel: string): Promise<unknown>;
  ssubscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  disconnect(reconnect?: boolean): void;
}
