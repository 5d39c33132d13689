/**
 * Fake client: what both clients have in common, for tests that deliver batches by hand.
 *
 * @module
 */

import type { KafkaMessageLike } from '../kafka-like.ts';

/** What became of one batch. */
export interface Delivery {
  readonly batch: Promise<void>;
  readonly resolved: string[];
  readonly commits: string[];
  pauses: number;
  resumes: number;
  beats: number;
}

/** What is different about a delivery. */
export interface DeliveryFaults {
  readonly partition?: number;
  readonly heartbeat?: () => Promise<unknown>;
  readonly isRunning?: () => boolean;
  readonly isStale?: () => boolean;
  readonly commit?: (offset: string) => Promise<unknown>;
}

/** A client without a broker. */
export class FakeClient {
  readonly calls: string[] = [];
  /** Offsets committed through the consumer itself: `partition:offset`. */
  readonly committed: string[] = [];
  stopping: Promise<void> = Promise.resolve();
  #listeners = new Map<string, (event: unknown) => void>();
  #eachBatch: (payload: never) => Promise<void> = () => Promise.reject(new Error('not run'));

  async connect(): Promise<void> {
    this.calls.push('connect');
  }

  async subscribe({ topics, fromBeginning }: { topics: (string | RegExp)[]; fromBeginning?: boolean }): Promise<void> {
    this.calls.push(`subscribe ${topics.join()} ${fromBeginning}`);
  }

  async run(config: {
    readonly eachBatch: (payload: never) => Promise<void>;
    readonly autoCommit?: boolean;
  }): Promise<void> {
    this.calls.push(`run ${config.autoCommit}`);
    this.#eachBatch = config.eachBatch;
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
    await this.stopping;
  }

  async disconnect(): Promise<void> {
    this.calls.push('disconnect');
    await this.stopping;
  }

  async commitOffsets(offsets: { partition: number; offset: string }[]): Promise<void> {
    for (const { partition, offset } of offsets) this.committed.push(`${partition}:${offset}`);
  }

  on(event: string, listener: (event: unknown) => void): () => void {
    this.#listeners.set(event, listener);
    return () => this.#listeners.delete(event);
  }

  /** The group has been joined, with these partitions of `orders`. */
  join(partitions: readonly number[], memberId = 'm1'): void {
    this.emit('consumer.group_join', { payload: { memberId, memberAssignment: { orders: partitions } } });
  }

  emit(event: string, value: unknown = {}): void {
    this.#listeners.get(event)?.(value);
  }

  /** Delivers messages of `orders` with these offsets. */
  deliver(offsets: readonly number[], faults: DeliveryFaults = {}): Delivery {
    const messages = offsets.map((offset): KafkaMessageLike => ({ offset: String(offset), value: Buffer.from('x') }));
    const { partition = 0 } = faults;
    const seen = { resolved: [] as string[], commits: [] as string[], pauses: 0, resumes: 0, beats: 0 };
    const payload = {
      batch: { topic: 'orders', partition, messages },
      resolveOffset: (offset: string) => seen.resolved.push(offset),
      heartbeat: async () => {
        seen.beats++;
        await faults.heartbeat?.();
      },
      pause: () => {
        seen.pauses++;
        return () => seen.resumes++;
      },
      commitOffsetsIfNecessary: async ({ topics }: { topics: { partitions: { offset: string }[] }[] }) => {
        const offset = topics[0]?.partitions[0]?.offset ?? '';
        await faults.commit?.(offset);
        seen.commits.push(offset);
      },
      isRunning: faults.isRunning ?? (() => true),
      isStale: faults.isStale ?? (() => false),
    };
    const batch = this.#eachBatch(payload as never);
    batch.catch(() => {});
    return Object.assign(seen, { batch });
  }
}

/** An error of the group, as the clients make them. */
export function groupError(type: string): Error {
  return Object.assign(new Error(type), { type });
}
