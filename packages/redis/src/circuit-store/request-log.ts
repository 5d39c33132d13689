/**
 * Request log: what came of the requests to the store: counted by operation and result, and who was denied what.
 *
 * Invariants
 *  (1) Each request is counted once, as answered, as failed or as timed out.
 *  (2) A denial is told when it begins, per operation, and not again before a request of that operation was served.
 *
 * @module
 */

import { type Clock, type StoreHealth, type StoreOperation, type StoreResult, messageOf } from '@holdfast/core';

import { StoreUnavailableError, troubleBehind } from '../lua-script.ts';
import { troubleOf } from '../server-trouble.ts';

/** What is asked of the server: what a store is asked, and what else it takes. */
export type ServerOperation = StoreOperation | 'audit' | 'subscribe' | 'ping' | 'connect';

/** A refusal by the server, which only a change of its configuration ends. */
export interface Denial {
  readonly operation: ServerOperation;
  /** The server's words. */
  readonly message: string;
}

/** Counts the requests of one store. */
export class RequestLog {
  private readonly clock: Clock;
  private readonly onDenied: (denial: Denial) => void;
  private readonly counts = new Map<ServerOperation, Map<StoreResult, number>>();
  private readonly denials = new Map<ServerOperation, string>();
  private sumMs = 0;
  private answered = 0;
  private answeredAt: number = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, onDenied: (denial: Denial) => void) {
    this.clock = clock;
    this.onDenied = onDenied;
  }

  /**
   * Runs a request and counts what comes of it. `refusalIn` finds the server's words in a reply to a request of which a part
   * was denied.
   */
  async count<T>(
    operation: ServerOperation,
    request: () => Promise<T>,
    refusalIn: (reply: T) => string | undefined = noRefusal,
  ): Promise<T> {
    const sentAt = this.clock.now();
    try {
      const reply = await request();
      this.noteAnswer(operation, sentAt);
      const refusal = refusalIn(reply);
      if (refusal === undefined) this.denials.delete(operation);
      else this.noteRefusal(operation, refusal);
      return reply;
    } catch (error) {
      this.noteFailure(operation, error);
      throw error;
    }
  }

  /** Notes what the connection says of itself: whether we may not even connect. */
  noteConnection(error: unknown): void {
    if (troubleOf(error) === 'denied') this.noteRefusal('connect', messageOf(error));
  }

  /** Notes that a connection is ready. */
  noteReady(): void {
    this.denials.delete('connect');
  }

  /** A denial that keeps this process from sharing; undefined where there is none. */
  get denial(): Denial | undefined {
    for (const operation of vital) {
      const message = this.denials.get(operation);
      if (message !== undefined) return { operation, message };
    }
    return undefined;
  }

  /** What has been counted of the requests to the store. */
  health(): Pick<StoreHealth, 'operations' | 'latency' | 'silentMs'> {
    const operations = storeOperations.flatMap((operation) =>
      [...(this.counts.get(operation) ?? [])].map(([result, count]) => ({ operation, result, count })),
    );
    const latency = { sumMs: this.sumMs, count: this.answered };
    return { operations, latency, silentMs: this.clock.now() - this.answeredAt };
  }

  /** Requests of one kind that came to `result`. */
  counted(operation: ServerOperation, result: StoreResult): number {
    return this.counts.get(operation)?.get(result) ?? 0;
  }

  // --- internal ---

  private noteRefusal(operation: ServerOperation, message: string): void {
    if (this.denials.has(operation)) return;
    this.denials.set(operation, message);
    this.onDenied({ operation, message }); // (2)
  }

  private noteAnswer(operation: ServerOperation, sentAt: number): void {
    this.add(operation, 'ok');
    if (!isStoreOperation(operation)) return;
    const now = this.clock.now();
    this.sumMs += now - sentAt;
    this.answered++;
    this.answeredAt = now;
  }

  private noteFailure(operation: ServerOperation, error: unknown): void {
    const trouble = troubleBehind(error);
    this.add(operation, trouble === 'timeout' ? 'timeout' : 'error');
    if (trouble === 'denied') this.noteRefusal(operation, messageOf(causeOf(error)));
  }

  private add(operation: ServerOperation, result: StoreResult): void {
    const results = this.counts.get(operation) ?? new Map<StoreResult, number>();
    this.counts.set(operation, results);
    results.set(result, (results.get(result) ?? 0) + 1); // (1)
  }
}

// --- internal ---

const storeOperations: readonly StoreOperation[] = ['sync', 'step', 'flush', 'hold'];

/** Without these there is no sharing; without the others it is slower, or nobody can hold. */
const vital: readonly ServerOperation[] = ['connect', 'sync', 'step', 'flush'];

function isStoreOperation(operation: ServerOperation): boolean {
  return (storeOperations as readonly ServerOperation[]).includes(operation);
}

function noRefusal(): undefined {}

function causeOf(error: unknown): unknown {
  return error instanceof StoreUnavailableError ? (error.cause ?? error) : error;
}
