/**
 * Kafka component: the life of a consumer as a part of the service, the same for both clients.
 *
 *   start: connects, subscribes, runs ─► drain: begins no message, waits, cancels, commits, leaves the group ─► close
 *
 * Invariants
 *  (1) No message is begun once a drain has begun, and what was done by then is committed.
 *  (2) Drain and close end with their contexts, whatever the handlers and the broker do.
 *
 * @module
 */

import { ConfigError, type Context, type DrainReport, callHook, createInFlight, reportHookError } from '@holdfast/core';

import { endedBefore } from '../in-flight/ended-before.ts';
import { limitOf } from '../in-flight/limit-of.ts';
import { type BatchRunParts, DRAINED } from './batch-run.ts';
import type { KafkaSettings } from './consumer-options.ts';
import { GroupState } from './group-state.ts';
import type { KafkaConsumerLike } from './kafka-like.ts';
import type { MessageCounts } from './message-run.ts';

/** A consumer as a part of the service: a component of a lifecycle. */
export interface KafkaConsumer {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  /**
   * Settles, and never rejects, with why it takes no messages any more: the error that kafkajs has given up with; undefined after its
   * drain or close. What kafkajs tries again by itself is no end.
   */
  readonly ended: Promise<unknown>;
  /** Makes the consumer, connects and subscribes it, and runs it. */
  start(context?: Context): Promise<void>;
  /** Begins no message, waits for those that are handled, commits them and leaves the group. Never rejects. */
  drain(context?: Context): Promise<DrainReport>;
  /** Disconnects the consumer. */
  close(context?: Context): Promise<void>;
  /** Whether no message is handled. */
  isIdle(): boolean;
  /** What messages have come to, how many are handled, and how many partitions are in hand. */
  snapshot(): Readonly<MessageCounts> & { readonly running: number; readonly partitions: number };
}

/** How a client is run, and how it stops. */
export interface ClientDriver<C extends KafkaConsumerLike> {
  /** Makes the client, and listens to it; `over` is told what it has given up with. */
  make(parts: BatchRunParts<never>, over: (cause: unknown) => void): C;
  run(client: C, parts: BatchRunParts<never>): Promise<unknown>;
  /** Makes the client leave the group once its batches have ended. */
  leave(client: C): Promise<unknown>;
}

/** Makes the component. */
export function kafkaComponent<C extends KafkaConsumerLike, M>(
  settings: KafkaSettings<M>,
  driver: ClientDriver<C>,
): KafkaConsumer {
  return new Component(settings, driver);
}

// --- internal ---

class Component<C extends KafkaConsumerLike> implements KafkaConsumer {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  readonly ended: Promise<unknown>;
  readonly #driver: ClientDriver<C>;
  readonly #parts: BatchRunParts<never>;
  #end: (cause: unknown) => void = () => {};
  #client: C | undefined = undefined;
  #left: Promise<unknown> | undefined = undefined;

  constructor(settings: KafkaSettings<never>, driver: ClientDriver<C>) {
    const { name, clock, graceMs } = settings;
    this.name = name;
    this.dependsOn = settings.dependsOn;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#driver = driver;
    const counts: MessageCounts = { ...NO_COUNTS };
    const onEnded = (): void => void counts.endedPartitions++;
    const group = new GroupState({ ...settings, onEnded });
    this.#parts = {
      ...settings,
      counts,
      group,
      batches: new Set(),
      pauses: new Set(),
      inFlight: createInFlight({ name, clock, graceMs }),
    };
  }

  async start(context?: Context): Promise<void> {
    if (this.#client !== undefined) throw new ConfigError(`${this.name}.start`, 'called once', 'a second call');
    const limit = this.#limited('start', context);
    const parts = this.#parts;
    this.#requireUndrained();
    const client = this.#driver.make(parts, (cause) => this.#end(cause));
    this.#client = client;
    const { topics, fromBeginning, clock } = parts;
    const begin = async (): Promise<unknown> => {
      await client.connect();
      limit.throwIfCancelled();
      this.#requireUndrained();
      await client.subscribe({ topics: [...topics], ...(fromBeginning !== undefined && { fromBeginning }) });
      limit.throwIfCancelled();
      this.#requireUndrained();
      return this.#driver.run(client, parts);
    };
    try {
      await endedBefore(begin(), limit, clock);
    } catch (error) {
      callHook('disconnect', this.name, () => client.disconnect()); // nobody would later, and it would take messages
      throw error;
    }
  }

  async drain(context?: Context): Promise<DrainReport> {
    const limit = this.#limited('drain', context);
    const { inFlight, group, batches, pauses, clock } = this.#parts;
    const drained = inFlight.drain(limit); // (1): from here on
    this.#left ??= this.#leave();
    const report = await drained;
    if (!report.isComplete) group.interrupt(DRAINED);
    const settled = Promise.allSettled([this.#left, ...batches]); // (1)
    await endedBefore(settled, limit, clock).catch(() => {}); // (2)
    group.endAll('stopped');
    for (const pause of pauses) pause.cancel();
    this.#end(undefined);
    return report;
  }

  async close(context?: Context): Promise<void> {
    const limit = this.#limited('close', context);
    if (this.#parts.inFlight.isOpen) await this.drain(limit);
    if (this.#client !== undefined) await endedBefore(this.#client.disconnect(), limit, this.#parts.clock); // (2)
  }

  isIdle(): boolean {
    return this.#parts.inFlight.size === 0;
  }

  snapshot(): Readonly<MessageCounts> & { readonly running: number; readonly partitions: number } {
    const { counts, inFlight, group } = this.#parts;
    return { ...counts, running: inFlight.size, partitions: group.size };
  }

  // --- internal ---

  #requireUndrained(): void {
    const { inFlight, context } = this.#parts;
    context.throwIfCancelled();
    if (!inFlight.isOpen)
      throw new ConfigError(`${this.name}.start`, 'over before its drain', 'a drain that was first');
  }

  async #leave(): Promise<void> {
    try {
      if (this.#client !== undefined) await this.#driver.leave(this.#client);
    } catch (error) {
      reportHookError('stop', error, this.name);
    }
  }

  #limited(method: string, context: Context | undefined): Context {
    return limitOf(`${this.name}.${method}`, context, this.#parts);
  }
}

const NO_COUNTS: MessageCounts = {
  handled: 0,
  failed: 0,
  refused: 0,
  expired: 0,
  poison: 0,
  cutOff: 0,
  abandoned: 0,
  endedPartitions: 0,
  rebalances: 0,
};
