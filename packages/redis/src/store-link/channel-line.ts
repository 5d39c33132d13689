/**
 * Channel line: one subscriber connection, and the channels that are heard over it.
 *
 *  a channel:  wanted ── connection ready ─► asked ── acknowledged ─► heard
 *                ▲                             │                        │
 *                ├── refused, asked again with the next PING ───────────┤
 *                └── connection lost, PING unanswered, moved away ──────┘  lost
 *
 * Invariants
 *  (1) A channel is told to have begun only after the server has acknowledged it on the connection that stands.
 *  (2) What begins is told to be lost before it begins again; nothing is told after `close`.
 *  (3) A connection that answers no PING in time is given up: the client makes another.
 *  (4) No timer keeps the process alive, and none is left while the connection is away or after `close`.
 *
 * @module
 */

import type { Clock, Random, Timer } from '@holdfast/core';

import { troubleBehind } from '../lua-script.ts';
import type { OwnConnection } from '../redis-client.ts';
import { within } from '../within.ts';

/** Takes note of what connections are asked, and of what they say. */
export interface ConnectionLog {
  count<T>(operation: 'subscribe' | 'ping', request: () => Promise<T>): Promise<T>;
  /** A connection says that something is wrong with it. */
  noteConnection(error: unknown): void;
  noteReady(): void;
}

/** Who is told about the channels of a line. */
interface LineListener {
  /** What is published from now on is heard. */
  began(channel: string): void;
  /** Nothing is heard any more. */
  lost(channel: string): void;
  heard(channel: string, text: string): void;
  /** The server did not take the subscription. */
  refused(channel: string, error: unknown): void;
  /** The connection does not come back. */
  ended(): void;
}

/** What all lines of a store share. */
export interface LineSettings {
  readonly clock: Clock;
  /** Never throws. */
  readonly random: Random;
  /** Time within which a subscription or a PING must be answered. Milliseconds. */
  readonly deadlineMs: number;
  /** Time between two PINGs. Milliseconds. */
  readonly pingEveryMs: () => number;
  readonly log: ConnectionLog;
}

/** What a line is made of. */
export interface LineParts extends LineSettings {
  readonly connection: OwnConnection;
  /** SSUBSCRIBE where the channels are those of a Cluster's shards. */
  readonly command: 'subscribe' | 'ssubscribe';
  readonly listener: LineListener;
}

/** A subscriber connection. */
export class ChannelLine {
  private readonly parts: LineParts;
  private readonly channels = new Map<string, 'wanted' | 'asked' | 'heard'>();
  private readonly listeners: readonly (readonly [event: string, listener: (...args: never[]) => void])[];
  /** Changes with each connection: what an earlier one answers counts no longer. */
  private session = 0;
  private isAskingAgain = false;
  private timer: Timer | undefined = undefined;

  constructor(parts: LineParts) {
    this.parts = parts;
    const message = parts.command === 'ssubscribe' ? 'smessage' : 'message';
    this.listeners = [
      ['ready', () => this.begin()],
      ['close', () => this.lose()],
      ['end', () => parts.listener.ended()],
      ['error', (error: unknown) => parts.log.noteConnection(error)],
      ['moved', () => void this.askAgain()],
      [message, (channel: string, text: string) => this.hear(channel, text)],
    ];
    for (const [event, listener] of this.listeners) parts.connection.on(event, listener);
    if (this.isReady) this.begin();
  }

  /** Channels that are wanted or heard. */
  get size(): number {
    return this.channels.size;
  }

  /** Whether a channel is this line's. */
  has(channel: string): boolean {
    return this.channels.has(channel);
  }

  /** Messages were missed though everything seems well: makes another connection. */
  renew(): void {
    if (this.isReady) this.giveUp();
  }

  add(channel: string): void {
    if (this.channels.has(channel)) return;
    this.channels.set(channel, 'wanted');
    if (this.isReady) void this.ask(channel);
  }

  /** Is not asked for any more. */
  remove(channel: string): void {
    this.channels.delete(channel);
  }

  /** Ends the connection. Returns the channels that it had. */
  close(): readonly string[] {
    this.session++;
    this.disarm();
    const channels = [...this.channels.keys()];
    this.channels.clear();
    const { connection } = this.parts;
    for (const [event, listener] of this.listeners) connection.off(event, listener); // (2); its errors are heard still
    connection.disconnect();
    return channels;
  }

  // --- internal ---

  private get isReady(): boolean {
    return this.parts.connection.status === 'ready';
  }

  private begin(): void {
    this.lose();
    this.parts.log.noteReady();
    for (const channel of this.channels.keys()) void this.ask(channel);
    this.arm();
  }

  private lose(): void {
    this.session++;
    this.disarm();
    for (const [channel, state] of this.channels) {
      this.channels.set(channel, 'wanted');
      if (state === 'heard') this.parts.listener.lost(channel); // (2)
    }
  }

  private hear(channel: string, text: string): void {
    if (this.channels.has(channel)) this.parts.listener.heard(channel, text);
  }

  private async ask(channel: string): Promise<void> {
    const { session } = this;
    const { connection, command, log } = this.parts;
    this.channels.set(channel, 'asked');
    let failure: unknown;
    try {
      await log.count('subscribe', () => this.within(`${command} ${channel}`, () => connection[command](channel)));
    } catch (error) {
      failure = error ?? new Error('refused');
    }
    if (session !== this.session || !this.channels.has(channel)) return; // (1)
    if (failure === undefined) {
      this.channels.set(channel, 'heard');
      this.parts.listener.began(channel);
      return;
    }
    this.channels.set(channel, 'wanted');
    if (troubleBehind(failure) === 'timeout') this.giveUp();
    else this.parts.listener.refused(channel, failure);
  }

  /** The server has taken channels away, and does not say which: those that it still has are acknowledged again. */
  private async askAgain(): Promise<void> {
    if (this.isAskingAgain || !this.isReady) return;
    this.isAskingAgain = true;
    const heard = [...this.channels].flatMap(([channel, state]) => (state === 'heard' ? [channel] : []));
    for (const channel of heard) this.parts.listener.lost(channel);
    await Promise.all(heard.map((channel) => this.ask(channel)));
    this.isAskingAgain = false;
  }

  private arm(): void {
    const { clock, pingEveryMs, random } = this.parts;
    this.timer = clock.setTimer(() => void this.beat(), pingEveryMs() * (1 - JITTER + 2 * JITTER * random()));
    this.timer.unref(); // (4)
  }

  private disarm(): void {
    this.timer?.cancel(); // (4)
    this.timer = undefined;
  }

  private async beat(): Promise<void> {
    const { session } = this;
    const { connection, log } = this.parts;
    for (const [channel, state] of this.channels) if (state === 'wanted') void this.ask(channel);
    try {
      await log.count('ping', () => this.within('PING', () => connection.ping()));
    } catch (error) {
      if (session === this.session && troubleBehind(error) === 'timeout') this.giveUp(); // (3): any other answer is an answer
    }
    if (session === this.session) this.arm();
  }

  private giveUp(): void {
    this.lose();
    this.parts.connection.disconnect(true);
  }

  private within<T>(what: string, request: () => Promise<T>): Promise<T> {
    const { clock, deadlineMs } = this.parts;
    return within({ clock, timeoutMs: deadlineMs, what }, request);
  }
}

/** Share of the time between two PINGs by which it varies. */
const JITTER = 0.1;
