/**
 * Published run: one call or attempt, from the message of its start to that of its end.
 *
 * @module
 */

import type { Channel } from 'node:diagnostics_channel';

import { type CallOutcome, type Clock, type Context, type Sink } from '@holdfast/core';

import { outcomeOf } from '../error-type.ts';

/** What is published of a call or an attempt: one object, at its start and, completed, at its end. */
export interface RunMessage {
  /** Kind of the policy: `pipeline` or `keyed` of a call, `retry` or `hedge` of an attempt. */
  readonly policy: string;
  /** Name of the policy; in a member of a keyed policy, that of the keyed policy where its own has the key in it. */
  readonly name: string;
  /**
   * Key of the member of a keyed policy in which it is: it came with a request. Undefined outside of any, and of the call of a
   * keyed policy at its start.
   */
  readonly key: string | undefined;
  /** The context of the run. Read what you need; do not keep it. */
  readonly context: Context;
  /** How it ended; undefined before that. */
  readonly outcome: CallOutcome | undefined;
  /** The error that it ended with, by identity. */
  readonly error: unknown;
  /** Milliseconds; undefined before its end. */
  readonly durationMs: number | undefined;
}

/** Whose run it is. */
export type RunSource = Pick<RunMessage, 'policy' | 'name' | 'key'>;

/** Where runs are published. */
export interface RunChannels {
  readonly start: Channel;
  readonly end: Channel;
  readonly clock: Clock;
}

/** Publishes the start when it is made, and the end when it is reported. */
export class PublishedRun implements Sink {
  readonly #channels: RunChannels;
  readonly #sink: Sink;
  readonly #startedAt: number;
  readonly #message: { -readonly [K in keyof RunMessage]: RunMessage[K] };

  constructor(channels: RunChannels, who: RunSource & Pick<RunMessage, 'context'>, sink: Sink) {
    this.#channels = channels;
    this.#sink = sink;
    this.#startedAt = channels.clock.now();
    this.#message = { ...who, outcome: undefined, error: undefined, durationMs: undefined };
    channels.start.publish(this.#message);
  }

  /** Says under which key it runs, where that is known only further in. */
  runsUnder(key: string): void {
    this.#message.key = key;
  }

  resolve(value: unknown, now: number): void {
    this.#end('success', undefined);
    this.#sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.#end(outcomeOf(error, this.#message.context), error);
    this.#sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.#end(outcomeOf(error, this.#message.context), error);
    this.#sink.refuse(error, now);
  }

  // --- internal ---

  #end(outcome: CallOutcome, error: unknown): void {
    const message = this.#message;
    message.outcome = outcome;
    message.error = error;
    message.durationMs = Math.max(0, this.#channels.clock.now() - this.#startedAt);
    this.#channels.end.publish(message);
  }
}
