/**
 * Feature requests: what came of what a store of features asked the server: counted, and who was denied what.
 *
 * Invariants
 *  (1) Each request is counted once, as answered or as failed.
 *  (2) A denial is told when it begins, per operation, and not again before that operation was served.
 *
 * @module
 */

import { type Clock, messageOf } from '@holdfast/core';

import type { ConnectionLog } from '../store-link/channel-line.ts';
import { StoreUnavailableError, troubleBehind } from '../lua-script.ts';
import { troubleOf } from '../server-trouble.ts';

/** What is asked of the server. */
export type FeatureServerOperation = 'sync' | 'save' | 'audit' | 'subscribe' | 'ping' | 'connect';

/** A refusal by the server, which only a change of its configuration ends. */
interface Denial {
  readonly operation: FeatureServerOperation;
  /** The server's words. */
  readonly message: string;
}

/** Counts the requests of one store. */
export class FeatureRequests implements ConnectionLog {
  answered = 0;
  failed = 0;
  /** Time that the last answer to a script took. Milliseconds; undefined before the first. */
  latencyMs: number | undefined = undefined;
  private answeredAt: number = Number.NEGATIVE_INFINITY;
  private readonly clock: Clock;
  private readonly onDenied: (denial: Denial) => void;
  private readonly denials = new Map<FeatureServerOperation, string>();

  constructor(clock: Clock, onDenied: (denial: Denial) => void) {
    this.clock = clock;
    this.onDenied = onDenied;
  }

  /** Time since the server last answered a script. Milliseconds; Infinity where it never has. */
  get silentMs(): number {
    return this.clock.now() - this.answeredAt;
  }

  /** What the server refuses, in words; undefined where that is nothing. */
  get problem(): string | undefined {
    for (const [operation, message] of this.denials) return `the server refuses ${operation}: ${message}`;
    return undefined;
  }

  /** Runs a request and counts what comes of it. */
  async count<T>(operation: FeatureServerOperation, request: () => Promise<T>): Promise<T> {
    const sentAt = this.clock.now();
    try {
      const reply = await request();
      this.answered++; // (1)
      this.denials.delete(operation);
      if (operation === 'sync' || operation === 'save') this.noteScript(sentAt);
      return reply;
    } catch (error) {
      this.failed++; // (1)
      if (troubleBehind(error) === 'denied') this.noteRefusal(operation, messageOf(causeOf(error)));
      throw error;
    }
  }

  noteConnection(error: unknown): void {
    if (troubleOf(error) === 'denied') this.noteRefusal('connect', messageOf(error));
  }

  noteReady(): void {
    this.denials.delete('connect');
  }

  // --- internal ---

  private noteScript(sentAt: number): void {
    this.answeredAt = this.clock.now();
    this.latencyMs = this.answeredAt - sentAt;
  }

  private noteRefusal(operation: FeatureServerOperation, message: string): void {
    if (this.denials.has(operation)) return;
    this.denials.set(operation, message);
    this.onDenied({ operation, message }); // (2)
  }
}

// --- internal ---

function causeOf(error: unknown): unknown {
  return error instanceof StoreUnavailableError ? (error.cause ?? error) : error;
}
